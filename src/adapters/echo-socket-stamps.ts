// Which probe a transmit stamp of the kernel belongs to.
//
// A stamp carries a number of 32 bits. Since Linux 6.13 the sender chooses it for each message (SCM_TS_OPT_ID); before that it
// counts the messages of the socket, and whether one that was refused is counted depends on the version. So after a refusal the
// count is started again (clearing and setting SOF_TIMESTAMPING_OPT_ID), and stamps of messages in doubt are not used. The two
// ways do not mix: a socket that was given a number once repeats it for messages without (found on 6.18).

import { controlSpace, encodeControlHeader } from '../bytes/control-messages.js'
import type { SocketPort } from '../ports/socket.js'
import {
  int32Bytes,
  SO_TIMESTAMPING,
  SOF_TIMESTAMPING_OPT_ID,
  SOL_SOCKET,
  TRANSMIT_STAMPS,
} from './echo-socket-options.js'
import { AF_INET, socketAddress } from './socket-address.js'

const SCM_TS_OPT_ID = 81
const SOCK_DGRAM = 2
const EINVAL = 22
/** Stamps come within the time that a packet waits in this host: probes of this many are remembered. */
const REMEMBERED = 1 << 14

/** Room for the number of one message. */
export const STAMP_CONTROL_BYTES = controlSpace(4)

/**
 * Whether this kernel lets the sender choose the number: a broadcast without permission is refused after its control messages have
 * been read, and those are refused (EINVAL) where they are unknown. Nothing leaves.
 */
function senderMayNumber(port: SocketPort, netnsFd: number): boolean {
  const handle = port.open(AF_INET, SOCK_DGRAM, 0, netnsFd)
  if (handle < 0) return false
  const address = socketAddress(4, '255.255.255.255', 9, 0)!
  const arena = new Uint8Array(address.length + STAMP_CONTROL_BYTES)
  arena.set(address)
  encodeControlHeader(new DataView(arena.buffer), address.length, SOL_SOCKET, SCM_TS_OPT_ID, 4)
  port.setOption(handle, SOL_SOCKET, SO_TIMESTAMPING, int32Bytes(TRANSMIT_STAMPS))
  const table = new Int32Array([0, 0, 0, address.length, address.length, STAMP_CONTROL_BYTES])
  const answer = port.sendBatch(handle, arena, table, 1, 0)
  port.close(handle)
  return answer !== -EINVAL
}

/** Numbers messages, and finds the probe of a number again. */
export class TransmitStamps {
  /** The number goes with each message, in a control message. */
  readonly perMessage: boolean
  private readonly port: SocketPort
  private readonly handle: number
  private next = 0
  private readonly numbers = new Float64Array(REMEMBERED).fill(-1)
  private readonly targets = new Int32Array(REMEMBERED)
  private readonly sequences = new Uint32Array(REMEMBERED)
  private readonly sent = new Float64Array(REMEMBERED)
  private found = 0

  constructor(port: SocketPort, handle: number, netnsFd: number) {
    this.port = port
    this.handle = handle
    this.perMessage = senderMayNumber(port, netnsFd)
  }

  /** Writes the control message with the number that the next `remember` is about, `later` rows further on. */
  writeNumber(view: DataView, at: number, later: number): void {
    const data = encodeControlHeader(view, at, SOL_SOCKET, SCM_TS_OPT_ID, 4)
    view.setUint32(data, (this.next + later) >>> 0, true)
  }

  /** A probe has been sent, or tried. */
  remember(target: number, sequence: number, sentNs: number): void {
    const place = this.next % REMEMBERED
    this.numbers[place] = this.next
    this.targets[place] = target
    this.sequences[place] = sequence
    this.sent[place] = sentNs
    this.next = (this.next + 1) >>> 0
  }

  /** The kernel's count is in doubt: it begins at 0 again, and what was sent before is forgotten. */
  restart(): void {
    this.port.setOption(
      this.handle,
      SOL_SOCKET,
      SO_TIMESTAMPING,
      int32Bytes(TRANSMIT_STAMPS & ~SOF_TIMESTAMPING_OPT_ID),
    )
    this.port.setOption(this.handle, SOL_SOCKET, SO_TIMESTAMPING, int32Bytes(TRANSMIT_STAMPS))
    this.numbers.fill(-1)
    this.next = 0
  }

  /**
   * Finds the probe of a stamp, to be read from `target` and `sequence`; false when none has that number or the stamp cannot be
   * its: before it was sent, or later than now.
   */
  find(number: number, stampNs: number, nowNs: number): boolean {
    const place = number % REMEMBERED
    this.found = place
    return this.numbers[place] === number && stampNs >= this.sent[place]! && stampNs <= nowNs
  }

  get target(): number {
    return this.targets[this.found]!
  }

  get sequence(): number {
    return this.sequences[this.found]!
  }
}
