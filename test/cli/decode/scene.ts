// A small capture of known packets, written down once: one connection that is refused, one that loses a segment, a question over UDP.

import { writeCapture } from '../../../src/compose/decode-library.js'
import { ethernet, ipv4, tcp, udp } from '../../wire/packet-build.js'

const [FIN, SYN, RST, PSH, ACK] = [1, 2, 4, 8, 16] as const
const START = 1_700_000_000
const A = '10.0.0.1'
const B = '10.0.0.2'

interface Packet {
  /** `a` is the client, 10.0.0.1. */
  from: 'a' | 'b'
  /** Microseconds since the first. */
  us: number
  port: number
  flags: number
  sequence: number
  acknowledgment?: number
  bytes?: number
}

const refused: Packet[] = [
  { from: 'a', us: 0, port: 40_001, flags: SYN, sequence: 100 },
  { from: 'b', us: 500, port: 40_001, flags: RST | ACK, sequence: 0, acknowledgment: 101 },
]

/** Its second segment is sent again 300 ms later. */
const lossy: Packet[] = [
  { from: 'a', us: 10_000, port: 40_002, flags: SYN, sequence: 1000 },
  { from: 'b', us: 20_000, port: 40_002, flags: SYN | ACK, sequence: 5000, acknowledgment: 1001 },
  { from: 'a', us: 20_100, port: 40_002, flags: ACK, sequence: 1001, acknowledgment: 5001 },
  { from: 'a', us: 20_200, port: 40_002, flags: PSH | ACK, sequence: 1001, acknowledgment: 5001, bytes: 100 },
  { from: 'b', us: 30_000, port: 40_002, flags: ACK, sequence: 5001, acknowledgment: 1101 },
  { from: 'a', us: 31_000, port: 40_002, flags: PSH | ACK, sequence: 1101, acknowledgment: 5001, bytes: 50 },
  { from: 'a', us: 331_000, port: 40_002, flags: PSH | ACK, sequence: 1101, acknowledgment: 5001, bytes: 50 },
  { from: 'b', us: 341_000, port: 40_002, flags: ACK, sequence: 5001, acknowledgment: 1151 },
  { from: 'a', us: 350_000, port: 40_002, flags: FIN | ACK, sequence: 1151, acknowledgment: 5001 },
  { from: 'b', us: 360_000, port: 40_002, flags: FIN | ACK, sequence: 5001, acknowledgment: 1152 },
  { from: 'a', us: 360_100, port: 40_002, flags: ACK, sequence: 1152, acknowledgment: 5002 },
]

function frameOf({ from, port, flags, sequence, acknowledgment = 0, bytes = 0 }: Packet, id: number): Uint8Array {
  const isA = from === 'a'
  const segment = tcp({
    sourcePort: isA ? port : 443,
    destinationPort: isA ? 443 : port,
    flags,
    sequence,
    acknowledgment,
    payload: new Uint8Array(bytes),
  })
  return ethernet(0x0800, ipv4(6, segment, { source: isA ? A : B, destination: isA ? B : A, id }))
}

/** Frames 1 and 2 are refused, 3 to 13 are the lossy one, 14 is UDP. */
export async function writeScene(path: string): Promise<void> {
  const frames = [...refused, ...lossy].map((packet, index) => ({ us: packet.us, data: frameOf(packet, index + 1) }))
  const question = ipv4(17, udp(new Uint8Array(8)), { source: A, destination: B, id: 99 })
  frames.push({ us: 400_000, data: ethernet(0x0800, question) })
  await writeCapture(
    path,
    frames.map(({ us, data }, index) => ({
      frame: index + 1,
      time: { seconds: START, nanoseconds: us * 1000 },
      linkType: 1,
      wireLength: data.length,
      data,
    })),
  )
}
