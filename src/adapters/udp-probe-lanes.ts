// The sockets that UDP probes leave from, in turn, and which probe of a target each of them sent last.
//
// A UDP answer says nothing about the question: DNS or NTP servers do not repeat our mark, and a router may quote no more of a
// probe than its ports (RFC 792). The port that it comes back to is what both have, so the probes of a target leave from several
// ports in turn: an answer to one of them is to the latest probe that left from there, which is exact until the turn comes round.
//
// A trace is another matter: there a port is what keeps probes on one path, so each flow has a socket with a port of its own.

import { ERRNO, PermissionError, SystemCallError, systemError } from '../errors/index.js'
import type { ProbeOptions, SendBatch } from '../ports/probe.js'
import type { Outcome, SocketHandle, SocketPort } from '../ports/socket.js'
import type { TimestampSource } from '../probe/events.js'
import { SCOUT_FLOWS } from '../probe/trace-plan.js'
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
  /** The flow of a trace that it is for; -1 for none. */
  readonly flow: number
  /** Sequence of the latest probe that left from here, by position of the target; 0 for none. */
  readonly latest: Uint32Array
  /** Something was sent from here, so something may come. */
  used: boolean
}

export class UdpLanes {
  readonly lanes: Lane[] = []
  readonly timestamps: TimestampSource
  private readonly port: SocketPort
  private readonly options: ProbeOptions
  private readonly targets: ProbeTargets
  private readonly ofFlows = new Map<number, Lane>()
  private readonly ports = new Map<number, number>()
  private opened: (lane: Lane) => void = () => undefined

  /** @throws what `SocketSetup` throws for options, and UsageError for a source that is not there */
  constructor(port: SocketPort, options: ProbeOptions, targets: ProbeTargets) {
    this.port = port
    this.options = options
    this.targets = targets
    const count = targets.table.count > MANY_TARGETS ? LANES_OF_MANY : LANES
    let timestamps: TimestampSource = 'user'
    try {
      // What cannot be set is told now, and not at every probe.
      if (options.sourcePort !== undefined) timestamps = this.openFlows()
      else while (this.lanes.length < count) timestamps = this.open(-1)
    } catch (error) {
      this.close()
      throw error
    }
    this.timestamps = timestamps
  }

  /** The socket that a row of a batch leaves from: its flow's, or the one whose turn it is; -errno where it cannot be had. */
  of({ flow, sequence }: SendBatch, row: number): Lane | Outcome {
    if (flow === undefined) return this.lanes[sequence[row]! % this.lanes.length]!
    return this.ofFlows.get(flow[row]!) ?? this.openFlow(flow[row]!)
  }

  /** The port that probes of a flow leave from; 0 before the first has. */
  portOf(flow: number): number {
    return this.ports.get(flow) ?? 0
  }

  /** Calls for each socket, and for those that are opened later. */
  each(call: (lane: Lane) => void): void {
    this.opened = call
    for (const lane of this.lanes) call(lane)
  }

  close(): void {
    for (const { handle } of this.lanes) this.port.close(handle)
  }

  /** Ports that were chosen are taken now: another program would have time to, and a flow without its port says nothing of the network. */
  private openFlows(): TimestampSource {
    const { sourcePort, flows = 1 } = this.options
    const timestamps = this.open(0)
    if (sourcePort !== null) for (let flow = 1; flow < flows; flow++) this.open(flow)
    return timestamps
  }

  private openFlow(flow: number): Lane | Outcome {
    try {
      this.open(flow)
    } catch (error) {
      // All but the port has been tried with the first flow.
      return error instanceof SystemCallError || error instanceof PermissionError ? -error.errno : -ERRNO.EADDRNOTAVAIL
    }
    const lane = this.ofFlows.get(flow)!
    this.opened(lane)
    return lane
  }

  /** 0 for one of the kernel's choice: nobody chose those of scouts, and there may be none that far on. */
  private wantedPort(flow: number): number {
    const { sourcePort = null } = this.options
    return sourcePort === null || flow >= SCOUT_FLOWS ? 0 : sourcePort + flow
  }

  private open(flow: number): TimestampSource {
    const { port, options, targets } = this
    const handle = port.open(options.family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, options.netnsFd)
    if (handle < 0) throw systemError('socket', handle, 'open a UDP socket')
    try {
      // Transmit stamps are for echo sockets: a UDP answer is rarely worth them.
      const stamped = { ...options, timestamps: options.timestamps === 'user' ? 'user' : 'rx' } as const
      const setup = new SocketSetup(port, { handle, kind: 'datagram', note: null }, stamped)
      setup.setWishes()
      targets.leaseFlowLabel(setup)
      targets.mustBind(handle, flow < 0 ? null : this.wantedPort(flow), Math.max(flow, 0))
      const timestamps = setup.setReceiving(targets.table.count)
      const lane = { handle, flow, latest: new Uint32Array(targets.table.count), used: false }
      this.lanes.push(lane)
      if (flow < 0) return timestamps
      this.ofFlows.set(flow, lane)
      this.ports.set(flow, targets.boundPort(handle))
      return timestamps
    } catch (error) {
      port.close(handle)
      throw error
    }
  }
}
