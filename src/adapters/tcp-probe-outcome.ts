// What became of a handshake, as the answer to a probe.

import type { ProbeError, ProbeReply } from '../ports/probe.js'
import type { SocketHandle } from '../ports/socket.js'
import { TCP_INFO } from '../sockets/tcp-info.js'
import type { ProbeClock } from './echo-socket-clock.js'
import { emptyReply } from './probe-reply.js'

const NO_BYTES = new Uint8Array(0)

/** A handshake under way. */
export interface Attempt {
  readonly handle: SocketHandle
  readonly target: number
  /** The target's. */
  readonly address: string
  readonly sequence: number
  /** -1 where there are none. */
  readonly flow: number
  readonly sentNs: number
  readonly sentMonoNs: number
}

/** How often the kernel repeated the SYN of a socket. @param info its TCP_INFO */
export function synRetransmits(info: DataView): number {
  return info.getUint32(TCP_INFO.offset.totalRetransSegments, true)
}

/** An answer. @param info the socket's TCP_INFO @param clock as it was read when the answer was noticed */
export function tcpReply(
  attempt: Attempt,
  answer: 'syn-ack' | 'refused',
  info: DataView,
  clock: ProbeClock,
): ProbeReply {
  const retransmits = synRetransmits(info)
  // After a retransmission the kernel does not know which SYN was answered (Karn), and shows a number that is none.
  const isMeasured = answer === 'syn-ack' && retransmits === 0
  const rttNs = isMeasured ? info.getUint32(TCP_INFO.offset.rttUs, true) * 1000 : Number.NaN
  return {
    ...emptyReply(answer, NO_BYTES),
    target: attempt.target,
    sequence: attempt.sequence,
    from: attempt.address,
    fromTarget: attempt.target,
    receivedNs: isMeasured ? attempt.sentNs + rttNs : clock.realtimeNs,
    kernelStamp: isMeasured,
    readNs: clock.realtimeNs,
    readMonoNs: clock.monotonicNs,
    rttNs,
    synRetransmits: retransmits,
  }
}

/** An error without a word from the network: kernels before 5.8 have none for TCP, and some are this host's own. */
export function tcpLocalError({ target, sequence }: Attempt, errno: number, clock: ProbeClock): ProbeError {
  return {
    origin: 'local',
    type: -1,
    code: -1,
    errno,
    mtu: 0,
    from: null,
    target,
    sequence,
    wireSequence: -1,
    receivedNs: clock.realtimeNs,
    quoted: NO_BYTES,
  }
}
