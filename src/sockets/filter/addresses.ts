// IPv4 and IPv6 addresses and prefixes from text into words.

import type { IpBlock } from './ast.js'

type Words = [number, number, number, number]

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

function parseGroups(text: string): number[] | null {
  if (text === '') return []
  const groups: number[] = []
  const pieces = text.split(':')
  for (const [i, piece] of pieces.entries()) {
    if (i === pieces.length - 1 && piece.includes('.')) {
      const word = parseIpv4(piece, 4)
      if (word === null) return null
      groups.push(Math.floor(word / 65536), word % 65536)
    } else if (/^[0-9a-f]{1,4}$/i.test(piece)) groups.push(Number.parseInt(piece, 16))
    else return null
  }
  return groups
}

function parseIpv6(text: string): Words | null {
  if (text.length > 45) return null
  const halves = text.split('::')
  if (halves.length > 2) return null
  const head = parseGroups(halves[0]!)
  const tail = halves.length === 2 ? parseGroups(halves[1]!) : []
  if (!head || !tail || (halves.length === 2 && halves[0]!.includes('.'))) return null
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail]
  const word = (i: number): number => groups[i]! * 65536 + groups[i + 1]!
  return [word(0), word(2), word(4), word(6)]
}

/** The mask of the first `bits` (0 to 32) bits of a word, unsigned. */
export function prefixMask(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0
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
  const words: Words | null = version === 6 ? parseIpv6(address) : ipv4Words(address)
  if (!words) return null
  const prefix = slash < 0 ? (version === 4 ? 32 : 128) : parsePrefix(text.slice(slash + 1), version)
  if (prefix === null) return null
  const masked = words.map((word, i) => (word & prefixMask(prefix - 32 * i)) >>> 0)
  return { version, words: masked as Words, prefix }
}

function ipv4Words(text: string): Words | null {
  const word = parseIpv4(text, 1)
  return word === null ? null : [word, 0, 0, 0]
}
