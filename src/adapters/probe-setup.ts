// What TCP and UDP probes have in common when they are opened: targets as socket addresses, and options that are checked once.

import { UsageError } from '../errors/index.js'
import type { ProbeOptions } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import { SocketSetup } from './echo-socket-options.js'
import { TargetTable } from './echo-socket-targets.js'
import { AF_INET, AF_INET6, addressText, InterfaceIndexes, SOCKADDR_BYTES, socketAddress } from './socket-address.js'

const SOCK_DGRAM = 2
const MOST_PORT = 65535

/** The port to probe. @throws UsageError where there is none */
export function portOf({ port }: ProbeOptions): number {
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

  constructor(port: SocketPort, options: ProbeOptions) {
    this.port = port
    this.options = options
    this.family = options.family
    this.interfaces = new InterfaceIndexes(port, options.netnsFd)
    this.table = new TargetTable(options.targets, options.family, address => this.scopeOf(address), this.interfaces)
    const view = new DataView(this.table.names.buffer)
    const destination = portOf(options)
    for (let position = 0; position < this.table.count; position++) {
      view.setUint16(position * this.table.nameBytes + 2, destination)
    }
  }

  /** The sockaddr of a target. */
  sockaddr(position: number): Uint8Array {
    const { names, nameBytes } = this.table
    return names.subarray(position * nameBytes, (position + 1) * nameBytes)
  }

  /** sockaddr to bind to, or null when the kernel is to choose. @throws UsageError when the source is no address of the family */
  source(): Uint8Array | null {
    const { source, family } = this.options
    if (source === null) return null
    const address = socketAddress(family, source, 0, this.scopeOf(source))
    if (address === null) throw new UsageError(`the source ${source} is not an IPv${family} address`)
    return address
  }

  /** The address that the kernel sends from to a target, asked of a socket that sends nothing. */
  sourceAddress(index: number): string | null {
    const { port, options, family } = this
    const position = this.table.positionOf(index)
    if (position < 0) return null
    const handle = port.open(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, options.netnsFd)
    if (handle < 0) return null
    try {
      new SocketSetup(port, { handle, kind: 'datagram', note: null }, options).setWishes()
      const source = this.source()
      if (source !== null && port.bind(handle, source) < 0) return null
      const name = new Uint8Array(SOCKADDR_BYTES[family])
      if (port.connect(handle, this.sockaddr(position)) < 0 || port.getName(handle, name) < 0) return null
      return addressText(new DataView(name.buffer), 0, family)
    } finally {
      port.close(handle)
    }
  }

  private scopeOf(address: string): number {
    return Math.max(this.interfaces.scopeOf(address, this.options.interface), 0)
  }
}
