// Flows and packets as comma-separated values (RFC 4180), times as seconds since 1970 with nine decimals.

import { formatAddress } from '../flow/flow-address.js'
import { formatTime } from '../flow/flow-build.js'
import { RETRANSMISSION_KINDS } from '../flow/labels.js'
import type { Both, Flow } from '../flow/model.js'
import type { FlowTracker } from '../flow/tracker.js'
import type { CapturedPacket } from '../wire/captured-packet.js'
import { KIND_TCP, KIND_UDP } from '../wire/walked-packet.js'
import { FLAG_TEXTS, KIND_NAMES, labelWords } from './decode-packet-words.js'

type Field = string | number | null | undefined
type Column = readonly [name: string, of: (flow: Flow) => Field]

const both = (name: string, of: (flow: Flow) => Both<number> | null): Column[] => [
  [`client_${name}`, flow => of(flow)?.client],
  [`server_${name}`, flow => of(flow)?.server],
]

const COLUMNS: readonly Column[] = [
  ['id', ({ id }) => id],
  ['protocol', ({ protocol }) => protocol],
  ['client_address', ({ client }) => client.address],
  ['client_port', ({ client }) => client.port],
  ['server_address', ({ server }) => server.address],
  ['server_port', ({ server }) => server.port],
  ['client_by', ({ clientBy }) => clientBy],
  ['encapsulation', ({ encapsulation }) => encapsulation.join(' / ')],
  ['start', ({ start }) => start],
  ['end', ({ end }) => end],
  ['first_frame', ({ firstFrame }) => firstFrame],
  ['last_frame', ({ lastFrame }) => lastFrame],
  ...both('packets', ({ packets }) => packets),
  ...both('frame_bytes', ({ frameBytes }) => frameBytes),
  ...both('payload_bytes', ({ payloadBytes }) => payloadBytes),
  ['opening', ({ opening }) => opening],
  ['closing', ({ closing }) => closing],
  ['outcome', ({ outcome }) => outcome],
  ['closed_first', ({ closedFirst }) => closedFirst],
  ['closed_first_frame', ({ closedFirstFrame }) => closedFirstFrame],
  ['time_wait_side', ({ timeWaitSide }) => timeWaitSide],
  ['client_state', ({ clientState }) => clientState],
  ['server_state', ({ serverState }) => serverState],
  ['reset_by', ({ resetBy }) => resetBy],
  ['reset_class', ({ resetClass }) => resetClass],
  ['zeek_conn_state', ({ zeek }) => zeek?.connState],
  ['zeek_history', ({ zeek }) => zeek?.history],
  ['completeness', ({ completeness }) => completeness],
  ['rtt_handshake_ms', ({ rttMs }) => rttMs?.handshake],
  ['rtt_min_ms', ({ rttMs }) => rttMs?.min],
  ['rtt_p50_ms', ({ rttMs }) => rttMs?.p50],
  ['rtt_p95_ms', ({ rttMs }) => rttMs?.p95],
  ...both('retransmissions', ({ retransmissions }) => retransmissions),
  ...both('out_of_order', ({ outOfOrder }) => outOfOrder),
  ...both('dup_acks', ({ dupAcks }) => dupAcks),
  ...both('zero_windows', ({ zeroWindows }) => zeroWindows),
  ...both('gaps', ({ gaps }) => gaps),
  ['capture_duplicates', ({ captureDuplicates }) => captureDuplicates],
  ['icmp_errors', ({ icmpErrors }) => icmpErrors.length],
  ['end_reason', ({ endReason }) => endReason],
]

const lineOf = (fields: readonly Field[]): string => fields.map(csvField).join(',')

function csvField(value: Field): string {
  const text = value === null || value === undefined ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export const flowCsvTitles = (): string => lineOf(COLUMNS.map(([name]) => name))

export const flowCsv = (flow: Flow): string => lineOf(COLUMNS.map(([, of]) => of(flow)))

const PACKET_TITLES = [
  'frame',
  'time',
  'flow',
  'protocol',
  'source_address',
  'source_port',
  'destination_address',
  'destination_port',
  'frame_bytes',
  'payload_bytes',
  'flags',
  'sequence',
  'acknowledgment',
  'window',
  'labels',
  'retransmission_kind',
  'dup_ack_number',
] as const

export const packetCsvTitles = (): string => lineOf(PACKET_TITLES)

/** Of the packet that the tracker looked at last. */
export function packetCsv(packet: CapturedPacket, tracker: FlowTracker): string {
  const { walked } = tracker
  const { kind, family } = walked
  const isTcp = kind === KIND_TCP
  const hasPorts = isTcp || kind === KIND_UDP
  const hasEnds = walked.protocol !== 0
  const { source0, source1, source2, source3, destination0, destination1, destination2, destination3 } = walked
  return lineOf([
    packet.frame,
    packet.timeKnown ? formatTime(packet.seconds, packet.nanoseconds) : null,
    tracker.flow < 0 ? null : tracker.flowId,
    KIND_NAMES[kind],
    hasEnds ? formatAddress(family, source0, source1, source2, source3) : null,
    hasPorts ? walked.sourcePort : null,
    hasEnds ? formatAddress(family, destination0, destination1, destination2, destination3) : null,
    hasPorts ? walked.destinationPort : null,
    packet.wireLength,
    hasPorts ? walked.payloadBytes : null,
    isTcp ? FLAG_TEXTS[walked.flags] : null,
    isTcp ? walked.sequence : null,
    isTcp ? walked.acknowledgment : null,
    isTcp ? walked.window : null,
    labelWords.of(tracker.labels),
    tracker.retransmissionKind === 0 ? null : RETRANSMISSION_KINDS[tracker.retransmissionKind],
    tracker.dupAckNumber === 0 ? null : tracker.dupAckNumber,
  ])
}
