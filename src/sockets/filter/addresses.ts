// IPv4 and IPv6 addresses and prefixes from text into words.

import { type Ipv6Words, parseIpv6, prefixMask } from '../../bytes/address.js'
import type { IpBlock } from './ast.js'

/** `10.0.0.1`; ss also takes fewer parts and fills with zeros on the right (`10/8`, `192.168/16`). */
function parseIpv4(text: string, parts: number): number | null {
  const pieces = text.split('.')
  if (pieces.length > 4 || pieces.length < parts) return null
  let word = 0
  for (let i = 0; i < 4; i++) {
    const piece = pieces[i] ?? '0'
    if (!/^\d{1,3}$/.test(piece) || Number(piece) > 255) return null
    word = word * 256 + Number(piece)
  }
  return word
}

function parsePrefix(text: string, version: 4 | 6): number | null {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= (version === 4 ? 32 : 128) ? Number(text) : null
  const mask = version === 4 ? parseIpv4(text, 4) : null
  if (mask === null) return null
  for (let bits = 0; bits <= 32; bits++) if (prefixMask(bits) === mask) return bits
  return null
}

/**
 * An address with an optional `/prefix` (IPv4 also `/255.0.0.0`). `null` when the text is not one, so that it may be a
 * host name; bits beyond the prefix are cleared, as the kernel ignores them.
 */
export function parseIpBlock(text: string): IpBlock | null {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const version = address.includes(':') ? 6 : 4
  const words: Ipv6Words | null = version === 6 ? parseIpv6(address) : ipv4Words(address)
  if (!words) return null
  const prefix = slash < 0 ? (version === 4 ? 32 : 128) : parsePrefix(text.slice(slash + 1), version)
  if (prefix === null) return null
  const masked = words.map((word, i) => (word & prefixMask(prefix - 32 * i)) >>> 0)
  return { version, words: masked as Ipv6Words, prefix }
}

function ipv4Words(text: string): Ipv6Words | null {
  const word = parseIpv4(text, 1)
  return word === null ? null : [word, 0, 0, 0]
}
