// A decoded packet as one line of JSON, put together byte by byte: JSON.stringify takes several times as long.

import { Label } from '../bytes/text-sink.js'
import { formatTime } from '../flow/flow-build.js'
import { RETRANSMISSION_KINDS } from '../flow/labels.js'
import type { FlowTracker } from '../flow/tracker.js'
import type { CapturedPacket } from '../wire/captured-packet.js'
import { icmpReason } from '../wire/icmp-words.js'
import { KIND_ICMP, KIND_ICMP_ERROR, KIND_TCP, KIND_UDP, type WalkedPacket } from '../wire/walked-packet.js'
import { FLAG_ARRAYS, KIND_NAMES, labelArrays, writeAddress } from './decode-packet-words.js'
import type { RowWriter } from './row-writer.js'

const FRAME = new Label('{"type":"packet","frame":')
const TIME = new Label(',"time":')
const FLOW = new Label(',"flow":')
const NULL = new Label('null')
const PROTOCOLS = KIND_NAMES.map(name => new Label(`,"protocol":"${name}"`))
const SOURCE = new Label(',"source":')
const DESTINATION = new Label(',"destination":')
const ADDRESS = new Label('{"address":"')
const PORT = new Label('","port":')
const BYTES = new Label(',"frameBytes":')
const PAYLOAD = new Label(',"payloadBytes":')
const FLAGS = new Label(',"flags":')
const SEQUENCE = new Label(',"sequence":')
const ACKNOWLEDGMENT = new Label(',"acknowledgment":')
const RELATIVE_SEQUENCE = new Label(',"relativeSequence":')
const RELATIVE_ACKNOWLEDGMENT = new Label(',"relativeAcknowledgment":')
const WINDOW = new Label(',"window":')
const NO_TCP = new Label(
  ',"flags":null,"sequence":null,"acknowledgment":null,"relativeSequence":null,"relativeAcknowledgment":null,"window":null',
)
const LABELS = new Label(',"labels":')
const NO_LABELS = new Label(',"labels":[]')
const NO_KIND = new Label(',"retransmissionKind":null')
const KINDS = RETRANSMISSION_KINDS.map(kind => new Label(`,"retransmissionKind":"${kind}"`))
const DUP_ACK = new Label(',"dupAckNumber":')
const ICMP = ',"icmp":'
const NO_MORE = new Label(',"dupAckNumber":null,"icmp":null,"stop":null}')
const STOP = ',"stop":'

const QUOTE = 0x22
const DOT = 0x2e
const BRACE = 0x7d
const TCP_ACK = 0x10
const RETRANSMITTED = (1 << 4) | (1 << 5)

/** One line for the packet that the tracker looked at last. */
export function writePacketJson(out: RowWriter, packet: CapturedPacket, tracker: FlowTracker): void {
  const { walked, labels } = tracker
  const { kind } = walked
  out.label(FRAME)
  out.number(packet.frame)
  out.label(TIME)
  writeTime(out, packet)
  out.label(FLOW)
  if (tracker.flow < 0) out.label(NULL)
  else out.number(tracker.flowId)
  out.label(PROTOCOLS[kind]!)
  writeEnds(out, walked)
  out.label(BYTES)
  out.number(packet.wireLength)
  out.label(PAYLOAD)
  if (kind === KIND_TCP || kind === KIND_UDP) out.number(walked.payloadBytes)
  else out.label(NULL)
  if (kind === KIND_TCP) writeTcp(out, tracker)
  else out.label(NO_TCP)
  if (labels === 0) out.label(NO_LABELS)
  else {
    out.label(LABELS)
    out.ascii(labelArrays.of(labels))
  }
  if ((labels & RETRANSMITTED) === 0) out.label(NO_KIND)
  else out.label(KINDS[tracker.retransmissionKind]!)
  if (tracker.dupAckNumber === 0 && walked.stop === 0 && kind !== KIND_ICMP && kind !== KIND_ICMP_ERROR)
    out.label(NO_MORE)
  else writeRest(out, tracker)
  out.endRow()
}

function writeTime(out: RowWriter, { timeKnown, seconds, nanoseconds }: CapturedPacket): void {
  if (!timeKnown) {
    out.label(NULL)
    return
  }
  out.byte(QUOTE)
  if (seconds >= 0) {
    out.number(seconds)
    out.byte(DOT)
    out.digits(nanoseconds, 9)
  } else out.ascii(formatTime(seconds, nanoseconds))
  out.byte(QUOTE)
}

function writeEnds(out: RowWriter, walked: WalkedPacket): void {
  if (walked.protocol === 0) {
    out.label(SOURCE)
    out.label(NULL)
    out.label(DESTINATION)
    out.label(NULL)
    return
  }
  const hasPorts = walked.kind === KIND_TCP || walked.kind === KIND_UDP
  out.label(SOURCE)
  out.label(ADDRESS)
  writeAddress(out, walked.family, walked.source0, walked.source1, walked.source2, walked.source3)
  out.label(PORT)
  if (hasPorts) out.number(walked.sourcePort)
  else out.label(NULL)
  out.byte(BRACE)
  out.label(DESTINATION)
  out.label(ADDRESS)
  writeAddress(out, walked.family, walked.destination0, walked.destination1, walked.destination2, walked.destination3)
  out.label(PORT)
  if (hasPorts) out.number(walked.destinationPort)
  else out.label(NULL)
  out.byte(BRACE)
}

function writeTcp(out: RowWriter, tracker: FlowTracker): void {
  const { walked, flow, sender } = tracker
  out.label(FLAGS)
  out.ascii(FLAG_ARRAYS[walked.flags]!)
  out.label(SEQUENCE)
  out.number(walked.sequence)
  out.label(ACKNOWLEDGMENT)
  out.number(walked.acknowledgment)
  out.label(RELATIVE_SEQUENCE)
  writeRelative(out, walked.sequence, tracker.initialSequence(flow, sender))
  out.label(RELATIVE_ACKNOWLEDGMENT)
  if ((walked.flags & TCP_ACK) === 0) out.label(NULL)
  else writeRelative(out, walked.acknowledgment, tracker.initialSequence(flow, sender === 0 ? 1 : 0))
  out.label(WINDOW)
  out.number(walked.window)
}

function writeRelative(out: RowWriter, number: number, initial: number): void {
  if (initial < 0) out.label(NULL)
  else out.number((number - initial) >>> 0)
}

/** What few packets have. */
function writeRest(out: RowWriter, { dupAckNumber, walked, walker }: FlowTracker): void {
  out.label(DUP_ACK)
  if (dupAckNumber === 0) out.label(NULL)
  else out.number(dupAckNumber)
  const { family, icmpType: type, icmpCode: code, kind, stop } = walked
  const isIcmp = kind === KIND_ICMP || kind === KIND_ICMP_ERROR
  const reason = kind === KIND_ICMP_ERROR ? icmpReason(family, type, code, { mtu: walked.icmpMtu }) : null
  out.ascii(`${ICMP}${isIcmp ? JSON.stringify({ type, code, reason }) : 'null'}`)
  out.ascii(`${STOP}${stop === 0 ? 'null' : JSON.stringify(walker.stopReason(stop))}}`)
}
