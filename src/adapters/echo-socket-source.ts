// Which local address the kernel chooses for a target, asked of a UDP socket that is connected and sends nothing.

import type { ProbeOptions } from '../ports/probe.js'
import type { SocketPort } from '../ports/socket.js'
import { int32Bytes, SOL_SOCKET } from './echo-socket-options.js'
import type { TargetTable } from './echo-socket-targets.js'
import { AF_INET, AF_INET6, addressText, type InterfaceIndexes, scopeId, socketAddress } from './socket-address.js'

const SOCK_DGRAM = 2
const SO_BROADCAST = 6
const SO_BINDTODEVICE = 25
const SO_MARK = 36
/** Any port will do: nothing is sent. */
const PORT = 1025

/** The address in text; null when there is no route, or no such target. */
export function chosenSource(
  port: SocketPort,
  options: ProbeOptions,
  targets: TargetTable,
  position: number,
  interfaces: InterfaceIndexes,
): string | null {
  if (position < 0) return null
  const { family } = options
  const handle = port.open(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, options.netnsFd)
  if (handle < 0) return null
  try {
    // What takes part in the choice of a route.
    if (options.interface !== null) {
      port.setOption(handle, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(options.interface))
    }
    if (options.mark !== null) port.setOption(handle, SOL_SOCKET, SO_MARK, int32Bytes(options.mark))
    port.setOption(handle, SOL_SOCKET, SO_BROADCAST, int32Bytes(1))
    if (options.source !== null) {
      const scope = family === 6 ? Math.max(interfaces.scopeOf(options.source, options.interface), 0) : 0
      const source = socketAddress(family, options.source, 0, scope)
      if (source !== null) port.bind(handle, source)
    }
    const name = targets.names.slice(position * targets.nameBytes, (position + 1) * targets.nameBytes)
    const view = new DataView(name.buffer)
    view.setUint16(2, PORT)
    if (port.connect(handle, name) < 0 || port.getName(handle, name) < 0) return null
    return targets.withScope(addressText(view, 0, family), scopeId(view, 0, family))
  } finally {
    port.close(handle)
  }
}
