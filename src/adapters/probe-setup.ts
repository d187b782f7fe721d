// What TCP and UDP probes have in common when they are opened: targets as socket addresses, and options that are checked once.

import { ERRNO, hintsFor, systemError, UsageError } from '../errors/index.js'
import type { ProbeOptions } from '../ports/probe.js'
import type { Outcome, SocketHandle, SocketPort } from '../ports/socket.js'
import type { SocketSetup } from './echo-socket-options.js'
import { chosenSource } from './echo-socket-source.js'
import { TargetTable } from './echo-socket-targets.js'
import { InterfaceIndexes, socketAddress } from './socket-address.js'

const MOST_PORT = 65535

/** The port to probe. @throws UsageError where there is none */
function portOf({ port }: ProbeOptions): number {
  if (port === null || !Number.isInteger(port) || port < 1 || port > MOST_PORT) {
    throw new UsageError(`a port is a number from 1 to ${MOST_PORT}, not ${port ?? 'nothing'}`)
  }
  return port
}

/** Targets of a run, their sockaddrs with the port that is probed, and the interfaces that link-local addresses belong to. */
export class ProbeTargets {
  readonly table: TargetTable
  readonly family: 4 | 6
  private readonly port: SocketPort
  private readonly options: ProbeOptions
  private readonly interfaces: InterfaceIndexes
  private readonly source: Uint8Array | null

  constructor(port: SocketPort, options: ProbeOptions) {
    this.port = port
    this.options = options
    this.family = options.family
    this.interfaces = new InterfaceIndexes(port, options.netnsFd)
    this.table = new TargetTable(options.targets, options.family, address => this.scopeOf(address), this.interfaces)
    this.source = this.sourceOf(options)
    const view = new DataView(this.table.names.buffer)
    const destination = portOf(options)
    for (let position = 0; position < this.table.count; position++) {
      view.setUint16(position * this.table.nameBytes + 2, destination)
      // linux/in6.h, struct sockaddr_in6: flow information, which is sent where IPV6_FLOWINFO_SEND is on.
      if (options.flowLabel !== null && options.family === 6) {
        view.setUint32(position * this.table.nameBytes + 4, options.flowLabel)
      }
    }
  }

  /** The sockaddr of a target. */
  sockaddr(position: number): Uint8Array {
    const { names, nameBytes } = this.table
    return names.subarray(position * nameBytes, (position + 1) * nameBytes)
  }

  /** Makes a socket send the flow label that was asked for. */
  leaseFlowLabel(setup: SocketSetup): void {
    const { flowLabel } = this.options
    if (flowLabel !== null && this.family === 6) setup.leaseFlowLabel(flowLabel, this.sockaddr(0))
  }

  /** Binds to the source that was asked for, if one was: 0 or -errno. */
  bind(handle: SocketHandle): Outcome {
    return this.source === null ? 0 : this.port.bind(handle, this.source)
  }

  /** Binds to a source port too, 0 for one of the kernel's choice: 0 or -errno. */
  bindPort(handle: SocketHandle, port: number): Outcome {
    if (port > MOST_PORT) return -ERRNO.EINVAL
    const address = this.source?.slice() ?? socketAddress(this.family, this.family === 4 ? '0.0.0.0' : '::', 0, 0)!
    new DataView(address.buffer).setUint16(2, port)
    return this.port.bind(handle, address)
  }

  /** The port that a socket is bound to; 0 where it is to none. */
  boundPort(handle: SocketHandle): number {
    const name = new Uint8Array(this.table.nameBytes)
    return this.port.getName(handle, name) < 0 ? 0 : new DataView(name.buffer).getUint16(2)
  }

  /** `bind`, or `bindPort` where there is one. @throws UsageError for an address that is not this host's */
  mustBind(handle: SocketHandle, port: number | null = null, flow = 0): void {
    this.checkBound(port === null ? this.bind(handle) : this.bindPort(handle, port), port, flow)
  }

  /** @throws for what `bind` or `bindPort` answered */
  checkBound(bound: Outcome, port: number | null, flow: number): void {
    const { source } = this.options
    if (bound === -ERRNO.EADDRNOTAVAIL) {
      const hints = hintsFor('bind', bound)
      throw new UsageError(`cannot probe from ${source}: it is not an address of this host`, { hints })
    }
    const what = port === null ? `${source}` : `source port ${port}${flow === 0 ? '' : `, of flow ${flow}`}`
    if (bound < 0) throw systemError('bind', bound, `bind to ${what}`)
  }

  /** The address that the kernel sends from to a target. */
  sourceAddress(index: number): string | null {
    const { port, options, table, interfaces } = this
    return chosenSource(port, options, table, table.positionOf(index), interfaces)
  }

  private sourceOf({ source, family }: ProbeOptions): Uint8Array | null {
    if (source === null) return null
    const address = socketAddress(family, source, 0, this.scopeOf(source))
    if (address === null) throw new UsageError(`the source ${source} is not an IPv${family} address`)
    return address
  }

  private scopeOf(address: string): number {
    return Math.max(this.interfaces.scopeOf(address, this.options.interface), 0)
  }
}
