// Socket addresses as bytes, and the interfaces that link-local ones belong to.

import { formatIpv4, formatIpv6, parseIpv4 } from '../bytes/address.js'
import type { SocketPort } from '../ports/socket.js'
import { parseIpBlock } from '../sockets/filter/addresses.js'

export const AF_INET = 2
export const AF_INET6 = 10
/** netinet/in.h: bytes of struct sockaddr_in and struct sockaddr_in6. */
export const SOCKADDR_BYTES = { 4: 16, 6: 28 } as const

const SOCK_DGRAM = 2
const SOL_SOCKET = 1
const SO_BINDTODEVICE = 25
const SO_BINDTOIFINDEX = 62
/** linux/if.h, with the final zero. */
const IFNAMSIZ = 16
/** RFC 4291: fe80::/10, and multicast of link-local scope. */
const LINK_LOCAL = /^(fe[89ab]|ff.2)/i

/**
 * Writes the socket address of an IP address in text (what follows a `%` does not count) at `at`. False, and nothing written,
 * when it is none of that family.
 * @param port the port, or the identifier of an ICMP socket
 * @param scope index of the interface that an IPv6 address belongs to, 0 for none
 */
export function encodeSocketAddress(
  view: DataView,
  at: number,
  family: 4 | 6,
  address: string,
  port: number,
  scope: number,
): boolean {
  if (family === 4) {
    const word = parseIpv4(address)
    if (word === null) return false
    view.setUint16(at, AF_INET, true)
    view.setUint16(at + 2, port)
    view.setUint32(at + 4, word)
    return true
  }
  const text = address.split('%', 1)[0]!
  const block = text.includes('/') ? null : parseIpBlock(text)
  if (block === null || block.version !== 6) return false
  view.setUint16(at, AF_INET6, true)
  view.setUint16(at + 2, port)
  for (const [index, word] of block.words.entries()) view.setUint32(at + 8 + index * 4, word)
  view.setUint32(at + 24, scope, true)
  return true
}

/** The socket address of an IP address in text; null when it is none of that family. */
export function socketAddress(family: 4 | 6, address: string, port: number, scope: number): Uint8Array | null {
  const bytes = new Uint8Array(SOCKADDR_BYTES[family])
  return encodeSocketAddress(new DataView(bytes.buffer), 0, family, address, port, scope) ? bytes : null
}

/** Text of the address in the sockaddr at `at`, without its interface. */
export function addressText(data: DataView, at: number, family: 4 | 6): string {
  if (family === 4) return formatIpv4(data.getUint32(at + 4))
  return formatIpv6(data.getUint32(at + 8), data.getUint32(at + 12), data.getUint32(at + 16), data.getUint32(at + 20))
}

/** Interface that the address in the sockaddr at `at` belongs to (sin6_scope_id); 0 for none. */
export function scopeId(data: DataView, at: number, family: 4 | 6): number {
  return family === 4 ? 0 : data.getUint32(at + 24, true)
}

/** Names and indexes of interfaces in the network namespace of a run, asked of a socket there: it takes no privilege, and no procfs. */
export class InterfaceIndexes {
  private readonly port: SocketPort
  private readonly netnsFd: number
  private readonly names = new Map<number, string>()
  private readonly indexes = new Map<string, number>()

  constructor(port: SocketPort, netnsFd: number) {
    this.port = port
    this.netnsFd = netnsFd
  }

  /** The index of an interface by its name, or its number in text; -errno where there is none of that name. */
  indexOf(name: string): number {
    if (/^\d{1,9}$/.test(name)) return Number(name)
    const known = this.indexes.get(name)
    if (known !== undefined) return known
    const value = new Uint8Array(4)
    const answer = this.ask(handle => {
      const bound = this.port.setOption(handle, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(name))
      return bound < 0 ? bound : this.port.getOption(handle, SOL_SOCKET, SO_BINDTOIFINDEX, value)
    })
    const index = answer < 0 ? answer : new DataView(value.buffer).getInt32(0, true)
    this.indexes.set(name, index)
    return index
  }

  /**
   * The interface that an IPv6 address belongs to: what stands behind its `%`, or for link-local ones `fallback`. 0 for those that
   * need none, -errno where it is not there.
   */
  scopeOf(address: string, fallback: string | null): number {
    const name = address.split('%')[1] ?? (LINK_LOCAL.test(address) ? fallback : null)
    return name === null ? 0 : this.indexOf(name)
  }

  /** The name of an interface; its number in text where it has gone. */
  nameOf(index: number): string {
    const known = this.names.get(index)
    if (known !== undefined) return known
    const value = new Uint8Array(IFNAMSIZ)
    const answer = this.ask(handle => {
      const bound = this.port.setOption(
        handle,
        SOL_SOCKET,
        SO_BINDTOIFINDEX,
        new Uint8Array(Int32Array.of(index).buffer),
      )
      return bound < 0 ? bound : this.port.getOption(handle, SOL_SOCKET, SO_BINDTODEVICE, value)
    })
    const end = value.indexOf(0)
    const name = answer > 0 && end > 0 ? new TextDecoder().decode(value.subarray(0, end)) : String(index)
    this.names.set(index, name)
    return name
  }

  private ask(question: (handle: number) => number): number {
    const handle = this.port.open(AF_INET, SOCK_DGRAM, 0, this.netnsFd)
    if (handle < 0) return handle
    const answer = question(handle)
    this.port.close(handle)
    return answer
  }
}
