// The sockets that UDP probes leave from, in turn, and which probe of a target each of them sent last.
//
// A UDP answer says nothing about the question: DNS or NTP servers do not repeat our mark, and a router may quote no more of a
// probe than its ports (RFC 792). The port that it comes back to is what both have, so the probes of a target leave from several
// ports in turn: an answer to one of them is to the latest probe that left from there, which is exact until the turn comes round.

import { systemError } from '../errors/index.js'
import type { ProbeOptions } from '../ports/probe.js'
import type { SocketHandle, SocketPort } from '../ports/socket.js'
import type { TimestampSource } from '../probe/events.js'
import { SocketSetup } from './echo-socket-options.js'
import type { ProbeTargets } from './probe-setup.js'
import { AF_INET, AF_INET6 } from './socket-address.js'

const SOCK_DGRAM = 2
/** Sockets for few targets; and for so many that their answers keep four busy enough. */
const LANES = 16
const LANES_OF_MANY = 4
const MANY_TARGETS = 256

export interface Lane {
  readonly handle: SocketHandle
  /** Sequence of the latest probe that left from here, by position of the target; 0 for none. */
  readonly latest: Uint32Array
  /** Something was sent from here, so something may come. */
  used: boolean
}

export class UdpLanes {
  readonly lanes: readonly Lane[]
  readonly timestamps: TimestampSource
  private readonly port: SocketPort

  /** @throws what `SocketSetup` throws for options, and UsageError for a source that is not there */
  constructor(port: SocketPort, options: ProbeOptions, targets: ProbeTargets) {
    this.port = port
    const lanes: Lane[] = []
    this.lanes = lanes
    const count = targets.table.count > MANY_TARGETS ? LANES_OF_MANY : LANES
    // Transmit stamps are for echo sockets: a UDP answer is rarely worth them.
    const stamped = { ...options, timestamps: options.timestamps === 'user' ? 'user' : 'rx' } as const
    let timestamps: TimestampSource = 'user'
    try {
      while (lanes.length < count) {
        const handle = port.open(options.family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, options.netnsFd)
        if (handle < 0) throw systemError('socket', handle, 'open a UDP socket')
        lanes.push({ handle, latest: new Uint32Array(targets.table.count), used: false })
        const setup = new SocketSetup(port, { handle, kind: 'datagram', note: null }, stamped)
        setup.setWishes()
        targets.leaseFlowLabel(setup)
        targets.mustBind(handle)
        timestamps = setup.setReceiving(targets.table.count)
      }
    } catch (error) {
      this.close()
      throw error
    }
    this.timestamps = timestamps
  }

  /** The socket whose turn it is at a sequence. */
  at(sequence: number): Lane {
    return this.lanes[sequence % this.lanes.length]!
  }

  close(): void {
    for (const { handle } of this.lanes) this.port.close(handle)
  }
}
