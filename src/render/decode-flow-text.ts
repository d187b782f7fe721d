// All that is known of one flow, in words.

import type { Both, Evidence, Flow, TcpFlow, TcpOptions } from '../flow/model.js'
import { endWords, grouped, isoTime, lasting } from './decode-words.js'
import { wrapped } from './text-fit.js'

const LABEL = 16

export function flowLines(flow: Flow, columns: number): string[] {
  const rows: [string, string][] = [
    [`flow ${flow.id}`, `${flow.protocol.toUpperCase()} ${endWords(flow.client)} -> ${endWords(flow.server)}`],
    ['client by', flow.clientBy],
    ['inside', flow.encapsulation.join(', ')],
    ['time', flow.start === null ? '' : `${isoTime(flow.start)} to ${isoTime(flow.end!)}`],
    ['frames', `${flow.firstFrame} to ${flow.lastFrame}`],
    ['packets', sides(flow.packets)],
    ['frame bytes', sides(flow.frameBytes)],
    ['payload bytes', sides(flow.payloadBytes)],
    ...(flow.protocol === 'tcp' ? tcpRows(flow) : []),
    ...flow.icmpErrors.map((error): [string, string] => [
      'ICMP error',
      `${error.reason}, from ${error.from}, about a packet of the ${error.about} (frame ${error.frame})`,
    ]),
    ['record ended', flow.endReason],
  ]
  return rows
    .filter(([, text]) => text !== '')
    .flatMap(([label, text]) => wrapped(`${label.padEnd(LABEL)}${text}`, columns, LABEL))
}

function tcpRows(flow: TcpFlow): [string, string][] {
  const { rttMs, frames } = flow
  const troubles: [string, Both<number>][] = [
    ['sent again', flow.retransmissions],
    ['out of order', flow.outOfOrder],
    ['duplicate acks', flow.dupAcks],
    ['zero windows', flow.zeroWindows],
    ['windows full', flow.windowFulls],
    ['window probes', flow.zeroWindowProbes],
    ['keep-alives', flow.keepAlives],
    ['gaps', flow.gaps],
  ]
  return [
    ['outcome', flow.outcome],
    ['opening', `${flow.opening}${frameList([frames.syn, frames.synAck, frames.handshakeAck])}`],
    ['closing', `${flow.closing}${frameList([frames.clientFin, frames.serverFin, frames.rst])}`],
    ['closed first', flow.closedFirst === null ? '' : `${flow.closedFirst}${frameList([flow.closedFirstFrame])}`],
    ['states', `client ${flow.clientState}, server ${flow.serverState}`],
    ['TIME-WAIT', flow.timeWaitSide ?? ''],
    ['reset', flow.resetBy === null ? '' : `by the ${flow.resetBy}: ${flow.resetClass}, ${flow.resetPhase}`],
    ...flow.evidence.map((evidence): [string, string] => ['evidence', evidenceWords(evidence)]),
    ['Zeek', `${flow.zeek.connState} ${flow.zeek.history}`],
    [
      'round trip',
      timesOf([
        ['handshake', rttMs.handshake],
        ['client side', rttMs.clientSide],
        ['server side', rttMs.serverSide],
        ['min', rttMs.min],
        ['p50', rttMs.p50],
        ['p95', rttMs.p95],
      ]),
    ],
    [
      'timings',
      timesOf([
        ['ACK to request', flow.timings.ackToRequestMs],
        ['request to response', flow.timings.requestToResponseMs],
      ]),
    ],
    ...troubles.map(([name, counts]): [string, string] => [
      name,
      counts.client + counts.server === 0 ? '' : sides(counts),
    ]),
    [
      'SYNs again',
      flow.synRetransmits + flow.synAckRetransmits === 0
        ? ''
        : `SYN ${flow.synRetransmits}, SYN-ACK ${flow.synAckRetransmits}`,
    ],
    ['captured twice', flow.captureDuplicates === 0 ? '' : grouped(flow.captureDuplicates)],
    ['options', `client ${optionWords(flow.options.client)}; server ${optionWords(flow.options.server)}`],
  ]
}

const sides = ({ client, server }: Both<number>): string => `client ${grouped(client)}, server ${grouped(server)}`

const timesOf = (times: readonly (readonly [string, number | null])[]): string =>
  times.flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${lasting(Math.max(ms, 0))}`])).join(', ')

function frameList(frames: readonly (number | null)[]): string {
  const known = frames.filter(frame => frame !== null)
  return known.length === 0 ? '' : ` (frame${known.length === 1 ? '' : 's'} ${known.join(', ')})`
}

const evidenceWords = ({ text, frames }: Evidence): string => `${text}${frameList(frames)}`

function optionWords({ mss, windowScale, sackPermitted, timestamps }: TcpOptions): string {
  const words = [
    ...(mss === null ? [] : [`mss ${mss}`]),
    ...(windowScale === null ? [] : [`scale ${windowScale}`]),
    ...(sackPermitted ? ['sack'] : []),
    ...(timestamps ? ['timestamps'] : []),
  ]
  return words.join(' ') || 'none seen'
}
