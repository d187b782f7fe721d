// The source ports of a trace over TCP: one a flow, kept while the trace runs, whichever of its sockets is connecting.

import { ERRNO } from '../errors/errno.js'
import type { Outcome, SocketHandle, SocketPort } from '../ports/socket.js'
import { SCOUT_FLOWS } from '../probe/trace-plan.js'
import { int32Bytes, SOL_SOCKET } from './echo-socket-options.js'
import type { ProbeTargets } from './probe-setup.js'

const SO_REUSEADDR = 2

export class TcpFlows {
  private readonly port: SocketPort
  private readonly targets: ProbeTargets
  private readonly firstPort: number | null
  private readonly openSocket: () => SocketHandle | Outcome
  private readonly ports = new Map<number, number>()
  /** Bound and never connected: between two probes the kernel gives the port to nobody else. */
  private readonly holders: SocketHandle[] = []

  /** @param firstPort of flow 0, those of others follow, scouts apart; null for ports of the kernel's choice */
  constructor(
    port: SocketPort,
    targets: ProbeTargets,
    firstPort: number | null,
    openSocket: () => SocketHandle | Outcome,
  ) {
    this.port = port
    this.targets = targets
    this.firstPort = firstPort
    this.openSocket = openSocket
  }

  /** The source port of a flow; 0 before it has one. */
  portOf(flow: number): number {
    return this.ports.get(flow) ?? 0
  }

  /** Binds a socket to the port of a flow: 0 or -errno. */
  bind(handle: SocketHandle, flow: number): Outcome {
    const held = this.ports.has(flow) ? 0 : this.hold(flow)
    return held < 0 ? held : this.bindTo(handle, this.portOf(flow))
  }

  /**
   * Takes the ports of so many flows, where they were chosen: later another program might have them.
   * @throws what `mustBind` throws, naming the flow
   */
  reserve(flows: number): void {
    if (this.firstPort === null) return
    for (let flow = 0; flow < flows; flow++) this.targets.checkBound(this.hold(flow), this.firstPort + flow, flow)
  }

  close(): void {
    for (const handle of this.holders.splice(0)) this.port.close(handle)
    this.ports.clear()
  }

  private hold(flow: number): Outcome {
    const handle = this.openSocket()
    if (handle < 0) return handle
    // There may be no such port for a scout.
    const isChosen = this.firstPort !== null && flow < SCOUT_FLOWS
    // Bound alone first: two programs that share a port by SO_REUSEADDR would get in each other's way at every connect.
    const bound = isChosen ? this.targets.bindPort(handle, this.firstPort! + flow) : this.bindTo(handle, 0)
    const port = bound < 0 ? 0 : this.targets.boundPort(handle)
    if (port === 0) {
      this.port.close(handle)
      return bound < 0 ? bound : -ERRNO.EADDRNOTAVAIL
    }
    this.port.setOption(handle, SOL_SOCKET, SO_REUSEADDR, int32Bytes(1))
    this.holders.push(handle)
    this.ports.set(flow, port)
    return 0
  }

  /** Several sockets may be bound to a port if all of them say so and none listens (socket(7), SO_REUSEADDR). */
  private bindTo(handle: SocketHandle, port: number): Outcome {
    this.port.setOption(handle, SOL_SOCKET, SO_REUSEADDR, int32Bytes(1))
    return this.targets.bindPort(handle, port)
  }
}
