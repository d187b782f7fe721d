// IP addresses as text and back: the four big-endian words that a record holds.

/** An IPv6 address as four big-endian words. */
export type Ipv6Words = [number, number, number, number]

/** Dotted quad of one big-endian word. */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

/** True when the words hold an IPv4 address mapped into IPv6 (RFC 4291, 2.5.5.2). */
export function isMapped(w0: number, w1: number, w2: number): boolean {
  return w0 === 0 && w1 === 0 && w2 === 0xffff
}

/** Text of an IPv6 address as RFC 5952 wants it: lower case, the longest run of zero groups as `::`. */
export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  const groups = [w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, w2 >>> 16, w2 & 0xffff, w3 >>> 16, w3 & 0xffff]
  let runStart = -1
  let runLength = 1
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && groups[at + length] === 0) length++
    if (length > runLength) {
      runStart = at
      runLength = length
    }
    at += length
  }
  const text = (part: number[]): string => part.map(group => group.toString(16)).join(':')
  if (runStart < 0) return text(groups)
  return `${text(groups.slice(0, runStart))}::${text(groups.slice(runStart + runLength))}`
}

const DOT = 46
const ZERO = 48

/**
 * The word of a dotted quad, null when the text is none. Four parts, without leading zeros: the C library reads those, and fewer
 * parts, in a way of its own (inet_aton(3): `010.1` is 8.0.0.1). Character by character, because there may be tens of thousands.
 */
export function parseIpv4(text: string): number | null {
  let word = 0
  let part = -1
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO
    if (digit >= 0 && digit <= 9) {
      if (part === 0) return null
      part = part < 0 ? digit : part * 10 + digit
      if (part > 255) return null
    } else {
      if (digit !== DOT - ZERO || part < 0 || ++dots > 3) return null
      word = word * 256 + part
      part = -1
    }
  }
  return dots === 3 && part >= 0 ? word * 256 + part : null
}

/** The words of an IPv6 address without interface (RFC 4291 section 2.2), null when the text is none. */
export function parseIpv6(text: string): Ipv6Words | null {
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

function parseGroups(text: string): number[] | null {
  if (text === '') return []
  const groups: number[] = []
  const pieces = text.split(':')
  for (const [i, piece] of pieces.entries()) {
    if (i === pieces.length - 1 && piece.includes('.')) {
      const word = parseIpv4(piece)
      if (word === null) return null
      groups.push(Math.floor(word / 65536), word % 65536)
    } else if (/^[0-9a-f]{1,4}$/i.test(piece)) groups.push(Number.parseInt(piece, 16))
    else return null
  }
  return groups
}

/** Whether the text is an IPv4 address, or an IPv6 address with or without `%interface`. */
export function isAddress(text: string): boolean {
  if (!text.includes(':')) return parseIpv4(text) !== null
  const [address, interfaceName] = splitZone(text)
  return parseIpv6(address) !== null && interfaceName !== ''
}

/** An IPv6 address and the interface after its `%` (RFC 4007 section 11), null without one. */
export function splitZone(text: string): [address: string, interfaceName: string | null] {
  const at = text.indexOf('%')
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)]
}

/** The mask of the first `bits` (0 to 32) bits of a word, unsigned. */
export function prefixMask(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0
}
