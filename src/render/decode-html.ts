// The picture of a capture as one page that needs nothing else: no script, no network, no font.

import type { DecodeHead } from '../flow/decode-document.js'
import type { Finding } from '../flow/finding.js'
import type { FlowCounts } from '../flow/flow-board.js'
import type { Flow } from '../flow/model.js'
import type { SeriesBook } from '../flow/series.js'
import { chosenFlows, troublesOf } from './decode-html-choice.js'
import { flowSection, toneOf } from './decode-html-flow.js'
import { PAGE_STYLE } from './decode-html-style.js'
import { escaped, lastingWords } from './decode-html-text.js'
import { summaryRows } from './decode-summary.js'
import { whyWords } from './decode-table.js'
import { between, endWords, fileWords, grouped, short } from './decode-words.js'

/** Flows that are drawn. */
const MOST_DRAWN = 24
const MOST_FINDINGS = 200

export interface DecodePage {
  head: DecodeHead
  /** Of the flows that are wanted. */
  counts: FlowCounts
  /** How many flows there are when only some are wanted; null when all are. */
  total: number | null
  /** In the order in which they are shown. */
  flows: readonly Flow[]
  findings: readonly Finding[]
  series: SeriesBook
}

// Scripts are refused even where something would get through: only the style in the page counts.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/** Arrows of the ladders: lifelines of client and server, and between them a shaft that falls, as time passes on the way. */
const ARROWS = [
  arrow('to-s', 20, 520),
  arrow('to-c', 520, 20),
  arrow('icmp-to-s', 270, 520),
  arrow('icmp-to-c', 270, 20),
].join('')

function arrow(id: string, from: number, to: number): string {
  const back = to > from ? -9 : 9
  return `<g id="${id}"><path class="rail" d="M20 0V30M520 0V30"/><path class="shaft" d="M${from} 18L${to} 24"/><path class="head" d="M${to} 24l${back} -4.6v8.4z"/></g>`
}

export function decodeHtml(page: DecodePage): string {
  const { head, findings, flows, series } = page
  const named = findings.map(({ flow }) => flow).filter(flow => flow !== null)
  const withSeries = flows.filter(flow => series.of(flow) !== null)
  const drawn = chosenFlows(withSeries, named, MOST_DRAWN)
  const isDrawn = new Set(drawn.map(({ id }) => id))
  const title = `netkit decode: ${fileWords(head.file.slice(head.file.lastIndexOf('/') + 1))}`
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8"/>',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}"/>`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
    `<title>${escaped(title)}</title>`,
    `<style>${PAGE_STYLE}</style>`,
    '</head>',
    '<body>',
    `<svg class="hidden" aria-hidden="true"><defs>${ARROWS}</defs></svg>`,
    `<header><h1>${escaped(title)}</h1></header>`,
    '<main>',
    summaryHtml(page),
    findingsHtml(findings, isDrawn),
    tableHtml(page, drawn),
    drawnHtml(page, drawn),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function summaryHtml({ head, counts, total }: DecodePage): string {
  const rows = summaryRows(head, counts, total).map(([name, text]) => {
    const kind = name === 'warning' ? ' class="error"' : name === 'note' ? ' class="warning"' : ''
    return `<dt>${escaped(name)}</dt><dd${kind}>${escaped(text)}</dd>`
  })
  return `<h2 id="summary">Summary</h2>\n<dl>${rows.join('\n')}</dl>`
}

function findingsHtml(findings: readonly Finding[], isDrawn: ReadonlySet<number>): string {
  if (findings.length === 0) return ''
  const rows = findings.slice(0, MOST_FINDINGS).map(({ severity, sentence, flow, rule }) => {
    const where = flow === null ? '' : ` ${flowLink(flow, isDrawn)}`
    return `<li><span class="tag ${severity}">${severity}</span> ${escaped(sentence)}${where} <span class="soft">${escaped(rule)}</span></li>`
  })
  const more = findings.length - rows.length
  const rest = more > 0 ? `<p class="soft">${grouped(more)} more findings are not in this page.</p>` : ''
  return `<h2 id="findings">Findings</h2>\n<ol class="findings">${rows.join('\n')}</ol>${rest}`
}

function flowLink(id: number, isDrawn: ReadonlySet<number>): string {
  return isDrawn.has(id) ? `<a href="#flow-${id}">flow ${id}</a>` : `flow ${id}`
}

const COLUMNS = ['id', 'client', 'server', 'outcome', 'who, why', 'packets', 'payload', 'RTT', 'sent again', 'time']
/** Columns of text come before it. */
const FIRST_NUMBER = 5

function tableHtml({ counts, flows, total: all }: DecodePage, drawn: readonly Flow[]): string {
  const total = counts.tcp + counts.udp
  if (total === 0)
    return `<h2 id="flows">Flows</h2>\n<p>${all === null ? 'No TCP or UDP in this capture.' : 'No flow is wanted.'}</p>`
  const heads = COLUMNS.map(
    (name, index) => `<th scope="col"${index >= FIRST_NUMBER ? ' class="num"' : ''}>${name}</th>`,
  )
  const isDrawn = new Set(drawn.map(({ id }) => id))
  const rows = flows.map(flow => rowHtml(flow, isDrawn))
  const links = drawn.map(({ id }) => `<a href="#flow-${id}">${id}</a>`)
  const left = total - flows.length
  const rest = left > 0 ? `<p class="soft">${grouped(left)} more flows are not in this page.</p>` : ''
  return [
    '<h2 id="flows">Flows</h2>',
    '<p class="soft">Trouble first, the newest of a kind before others.</p>',
    `<nav aria-label="flows drawn">Drawn below: ${links.join(' ')}</nav>`,
    `<div class="wide"><table class="flows"><thead><tr>${heads.join('')}</tr></thead>`,
    `<tbody>${rows.join('\n')}</tbody></table></div>${rest}`,
  ].join('\n')
}

function rowHtml(flow: Flow, isDrawn: ReadonlySet<number>): string {
  const { id, packets, payloadBytes, rttMs, retransmissions } = flow
  const rtt = rttMs === null ? null : (rttMs.handshake ?? rttMs.p50)
  const ms = between(flow.start, flow.end)
  const number = (text: string): string => `<td class="num">${text}</td>`
  const time = (value: number | null): string => (value === null ? '-' : lastingWords(value))
  const name = isDrawn.has(id) ? `<a href="#flow-${id}" aria-label="flow ${id}">${id}</a>` : String(id)
  return [
    `<tr>${number(name)}<td>${escaped(endWords(flow.client))}</td><td>${escaped(endWords(flow.server))}</td>`,
    `<td class="tag tone-${toneOf(flow)}">${escaped(flow.outcome ?? flow.protocol)}</td><td>${escaped(whyWords(flow))}</td>`,
    number(grouped(packets.client + packets.server)),
    number(short(payloadBytes.client + payloadBytes.server)),
    number(time(rtt)),
    number(retransmissions === null ? '-' : grouped(retransmissions.client + retransmissions.server)),
    `${number(time(ms))}</tr>`,
  ].join('')
}

function drawnHtml({ counts, findings, series }: DecodePage, drawn: readonly Flow[]): string {
  if (drawn.length === 0) return ''
  const left = counts.tcp + counts.udp - drawn.length
  const troubled = drawn.filter(flow => troublesOf(flow) > 0 || toneOf(flow) === 'bad').length
  const words =
    left === 0
      ? 'All flows are drawn.'
      : `${grouped(drawn.length)} flows are drawn, ${grouped(troubled)} of them with trouble; ${grouped(left)} are left out: select some of them (--flow, --host, --outcome) for a page of their own.`
  const sections = drawn.map(flow => {
    const own = findings.filter(({ flow: id }) => id === flow.id)
    return flowSection(flow, series.of(flow)!, own)
  })
  return `<h2 id="drawn">Flows drawn</h2>\n<p class="soft">${words}</p>\n${sections.join('\n')}`
}
