// One flow of the page: what is known of it, a graph of each direction that carried data, and its ladder.

import type { Finding } from '../flow/finding.js'
import type { Flow, TcpFlow } from '../flow/model.js'
import { type FlowSeries, QUIET_LABELS, type SeriesPoint } from '../flow/series.js'
import { type GraphData, graphOf } from '../flow/series-graph.js'
import { type GraphWords, graphSvg } from './decode-html-graph.js'
import { ladderHtml } from './decode-html-ladder.js'
import { escaped, lastingWords } from './decode-html-text.js'
import { whyWords } from './decode-table.js'
import { between, bytesWords, endWords, grouped, isoTime } from './decode-words.js'

/** Frames named in a sentence; of more the number is told. */
const MOST_FRAMES = 12

/** @param findings those about this flow */
export function flowSection(flow: Flow, series: FlowSeries, findings: readonly Finding[]): string {
  const points = series.points()
  const title = `flow ${flow.id}: ${endWords(flow.client)} → ${endWords(flow.server)}`
  return [
    `<section id="flow-${flow.id}" aria-labelledby="title-${flow.id}">`,
    `<h3 id="title-${flow.id}">${escaped(title)} <span class="tag tone-${toneOf(flow)}">${escaped(flow.outcome ?? flow.protocol)}</span></h3>`,
    factsHtml(flow),
    findingsHtml(findings),
    evidenceHtml(flow),
    ...(flow.protocol === 'tcp' ? graphs(flow, series, points) : []),
    `<div class="wide">${ladderHtml(flow, points, { clientSide: series.clientSide(flow), shifts: shiftsOf(flow), hasTimes: flow.start !== null })}</div>`,
    '<p class="back"><a href="#flows">back to the flows</a></p>',
    '</section>',
  ].join('\n')
}

/** Colour of an outcome. */
export function toneOf({ outcome }: Flow): 'bad' | 'odd' | 'good' | 'plain' {
  if (outcome === null) return 'plain'
  if (outcome === 'closed-normally' || outcome === 'established' || outcome === 'midstream-closed') return 'good'
  return /reset|refused|no-answer|unreachable|aborted/.test(outcome) ? 'bad' : 'odd'
}

/** Windows are scaled when both ends offer it (RFC 7323 section 2.2), which only their SYNs tell: null without them. */
function shiftsOf({ options, frames }: Flow): { client: number; server: number } | null {
  if (options === null || frames === null || frames.syn === null || frames.synAck === null) return null
  const client = options.client.windowScale
  const server = options.server.windowScale
  return client === null || server === null ? { client: 0, server: 0 } : { client, server }
}

function graphs(flow: TcpFlow, series: FlowSeries, points: readonly SeriesPoint[]): string[] {
  const clientSide = series.clientSide(flow)
  const shifts = shiftsOf(flow)
  const hasTimes = flow.start !== null
  const base: Omit<GraphWords, 'title'> = {
    startNs: points.reduce((least, { timeNs }) => Math.min(least, timeNs), Number.POSITIVE_INFINITY),
    endNs: points.reduce((most, { timeNs }) => Math.max(most, timeNs), Number.NEGATIVE_INFINITY),
    numbers: hasTimes ? null : new Map(points.map((point, index) => [point, index])),
  }
  const part = points.length < series.packets ? `, ${grouped(points.length)} of ${grouped(series.packets)} packets` : ''
  const sides = (['client', 'server'] as const).map(side => {
    const sender = side === 'client' ? clientSide : ((1 - clientSide) as 0 | 1)
    const other = side === 'client' ? 'server' : 'client'
    const data = graphOf(points, sender, shifts?.[other] ?? null)
    const title = `${side} to ${other}, ${bytesWords(flow.payloadBytes[side])}${part}`
    return { data, title, weight: data.bytes === 0 ? 0 : weightOf(data) }
  })
  const heaviest = Math.max(...sides.map(({ weight }) => weight))
  return sides
    .filter(({ weight }) => weight > LIGHT || (weight > 0 && heaviest <= LIGHT))
    .map(({ data, title }) => graphSvg(data, { ...base, title }))
}

/** Of a direction with so few segments without trouble the ladder tells all, when the other one has a graph. */
const LIGHT = 3

function weightOf({ segments, gaps }: GraphData): number {
  const troubled = segments.filter(({ point }) => (point.labels & ~QUIET_LABELS) !== 0)
  return segments.length + (troubled.length + gaps.length) * LIGHT
}

type Fact = [name: string, text: string]

function factsHtml(flow: Flow): string {
  const ms = between(flow.start, flow.end)
  const why = whyWords(flow)
  const facts: Fact[] = [
    [
      'time',
      flow.start === null ? 'not known' : `${isoTime(flow.start)}${ms === null ? '' : `, for ${lastingWords(ms)}`}`,
    ],
    ['packets', bothWords(flow.packets, grouped)],
    ['payload', bothWords(flow.payloadBytes, bytesWords)],
    ...(flow.encapsulation.length === 0 ? [] : [['inside', flow.encapsulation.join(', ')] as Fact]),
    ...(why === '' ? [] : [['who, why', why] as Fact]),
    ...(flow.protocol === 'tcp' ? tcpFacts(flow) : []),
  ]
  const rows = facts.map(([name, text]) => `<dt>${name}</dt><dd>${escaped(text)}</dd>`)
  return `<dl>${rows.join('')}</dl>`
}

function tcpFacts(flow: TcpFlow): Fact[] {
  const { rttMs, timings } = flow
  const times: [string, number | null][] = [
    ['SYN to SYN-ACK', timings.synToSynAckMs],
    ['SYN-ACK to ACK', timings.synAckToAckMs],
    ['ACK to request', timings.ackToRequestMs],
    ['request to response', timings.requestToResponseMs],
  ]
  const known = times.filter((row): row is [string, number] => row[1] !== null)
  const rtt: [string, number | null][] = [
    ['least', rttMs.min],
    ['median', rttMs.p50],
    ['95 %', rttMs.p95],
  ]
  const round = rtt.filter((row): row is [string, number] => row[1] !== null)
  const named = (rows: [string, number][]): string => rows.map(([name, ms]) => `${name} ${lastingWords(ms)}`).join(', ')
  return [
    [
      'life',
      `opening ${flow.opening}, closing ${flow.closing}; client ${flow.clientState}, server ${flow.serverState}; Zeek ${flow.zeek.connState} ${flow.zeek.history}`,
    ],
    ...(known.length === 0 ? [] : [['timing', named(known)] as Fact]),
    ...(round.length === 0 ? [] : [['round trip', `${named(round)} (${grouped(rttMs.samples)} measured)`] as Fact]),
    ...troubleFacts(flow),
  ]
}

function troubleFacts(flow: TcpFlow): Fact[] {
  const counts: [string, { client: number; server: number }][] = [
    ['sent again', flow.retransmissions],
    ['out of order', flow.outOfOrder],
    ['duplicate ACKs', flow.dupAcks],
    ['zero windows', flow.zeroWindows],
    ['window probes', flow.zeroWindowProbes],
    ['window full', flow.windowFulls],
    ['keep-alives', flow.keepAlives],
    ['gaps', flow.gaps],
  ]
  const some = counts.filter(([, { client, server }]) => client + server > 0)
  const single: [string, number][] = [
    ['SYN again', flow.synRetransmits],
    ['SYN-ACK again', flow.synAckRetransmits],
    ['captured twice', flow.captureDuplicates],
  ]
  const words = [
    ...some.map(([name, { client, server }]) => `${name}: client ${grouped(client)}, server ${grouped(server)}`),
    ...single.filter(([, count]) => count > 0).map(([name, count]) => `${name}: ${grouped(count)}`),
  ]
  return words.length === 0 ? [] : [['trouble', words.join('; ')]]
}

const bothWords = (counts: { client: number; server: number }, words: (count: number) => string): string =>
  `client ${words(counts.client)}, server ${words(counts.server)}`

function findingsHtml(findings: readonly Finding[]): string {
  if (findings.length === 0) return ''
  const rows = findings.map(
    ({ severity, sentence }) => `<li><span class="tag ${severity}">${severity}</span> ${escaped(sentence)}</li>`,
  )
  return `<ul>${rows.join('')}</ul>`
}

function evidenceHtml({ evidence }: Flow): string {
  if (evidence === null || evidence.length === 0) return ''
  const rows = evidence.map(({ text, frames }) => `<li>${escaped(text)}${framesWords(frames)}</li>`)
  return `<ul>${rows.join('')}</ul>`
}

/** ` (frames 3, 7)`; empty for none. */
function framesWords(frames: readonly number[]): string {
  if (frames.length === 0) return ''
  const more = frames.length > MOST_FRAMES ? ` and ${grouped(frames.length - MOST_FRAMES)} more` : ''
  return ` <span class="soft">(${frames.length === 1 ? 'frame' : 'frames'} ${frames.slice(0, MOST_FRAMES).join(', ')}${more})</span>`
}
