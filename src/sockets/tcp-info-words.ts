// The plain words of `-i`, which are a label and a field, in ss's order; what stands between the lists needs a look at more.

import { Label } from '../bytes/text-sink.js'
import { TCP_INFO, type TcpInfoField } from './tcp-info.js'

/** A word `label:value` that is left out when its field is 0: a u32, a u64, or microseconds shown as milliseconds. */
export interface Word {
  readonly label: Label
  readonly at: number
  readonly kind: 'u32' | 'u64' | 'millis'
}

const word = (name: string, field: TcpInfoField, kind: Word['kind'] = 'u32'): Word => ({
  label: new Label(`${name}:`),
  at: TCP_INFO.offset[field],
  kind,
})

export const SEGMENT_WORDS = [
  word('ato', 'atoUs', 'millis'),
  word('mss', 'sendMssBytes'),
  word('pmtu', 'pathMtuBytes'),
  word('rcvmss', 'receiveMssBytes'),
  word('advmss', 'advertisedMssBytes'),
  word('cwnd', 'congestionWindowSegments'),
]
export const TRAFFIC_WORDS = [
  word('bytes_sent', 'bytesSent', 'u64'),
  word('bytes_retrans', 'bytesRetransmitted', 'u64'),
  word('bytes_acked', 'bytesAcked', 'u64'),
  word('bytes_received', 'bytesReceived', 'u64'),
  word('segs_out', 'segmentsOut'),
  word('segs_in', 'segmentsIn'),
  word('data_segs_out', 'dataSegmentsOut'),
  word('data_segs_in', 'dataSegmentsIn'),
]
export const LAST_WORDS = [
  word('lastsnd', 'lastDataSentMs'),
  word('lastrcv', 'lastDataReceivedMs'),
  word('lastack', 'lastAckReceivedMs'),
]
export const DELIVERED_WORDS = [word('delivered', 'deliveredSegments'), word('delivered_ce', 'deliveredCeSegments')]
export const UNACKED_WORDS = [word('unacked', 'unackedSegments')]
export const LOST_WORDS = [word('lost', 'lostSegments')]
export const SACKED_WORDS = [word('sacked', 'sackedSegments')]
export const DUPLICATE_WORDS = [word('dsack_dups', 'dsackDuplicates'), word('fackets', 'fackets')]
export const RECEIVE_WORDS = [
  word('reord_seen', 'reorderingsSeen'),
  word('rcv_rtt', 'receiveRttUs', 'millis'),
  word('rcv_space', 'receiveSpaceBytes'),
  word('rcv_ssthresh', 'receiveThresholdBytes'),
  word('notsent', 'notSentBytes'),
]
export const WINDOW_WORDS = [
  word('rcv_ooopack', 'outOfOrderSegments'),
  word('snd_wnd', 'sendWindowBytes'),
  word('rcv_wnd', 'receiveWindowBytes'),
  word('rehash', 'rehashes'),
]
export const ECN_WORDS = [
  word('received_ce', 'receivedCeSegments'),
  word('delivered_e1_bytes', 'deliveredEct1Bytes'),
  word('delivered_e0_bytes', 'deliveredEct0Bytes'),
  word('delivered_ce_bytes', 'deliveredCeBytes'),
  word('received_e1_bytes', 'receivedEct1Bytes'),
  word('received_e0_bytes', 'receivedEct0Bytes'),
  word('received_ce_bytes', 'receivedCeBytes'),
]
