// A host or a network that flows are selected by.

import { parseIpv4, parseIpv6, prefixMask } from '../bytes/address.js'

/** Four signed words each, as the ends of a packet have them; an IPv4 address lies behind ::ffff:0:0/96. */
export interface AddressRange {
  words: readonly [number, number, number, number]
  masks: readonly [number, number, number, number]
}

/** `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`; null for anything else. Bits behind the prefix do not count. */
export function parseAddressRange(text: string): AddressRange | null {
  const [, address = '', prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const words = parseWords(address)
  if (words === null) return null
  const isIpv4 = !address.includes(':')
  const bits = prefix === undefined ? 128 : Number(prefix) + (isIpv4 ? 96 : 0)
  if (bits > 128) return null
  const masks = [0, 32, 64, 96].map(from => prefixMask(bits - from) | 0) as [number, number, number, number]
  return { words, masks }
}

function parseWords(text: string): [number, number, number, number] | null {
  const ipv4 = parseIpv4(text)
  if (ipv4 !== null) return [0, 0, 0xffff, ipv4 | 0]
  const words = parseIpv6(text)
  return words === null ? null : [words[0] | 0, words[1] | 0, words[2] | 0, words[3] | 0]
}

export function isWithin({ words, masks }: AddressRange, w0: number, w1: number, w2: number, w3: number): boolean {
  return (
    ((w3 ^ words[3]) & masks[3]) === 0 &&
    ((w0 ^ words[0]) & masks[0]) === 0 &&
    ((w1 ^ words[1]) & masks[1]) === 0 &&
    ((w2 ^ words[2]) & masks[2]) === 0
  )
}

/** The same for an address of a flow. */
export function isTextWithin(range: AddressRange, text: string): boolean {
  const words = parseWords(text)
  return words !== null && isWithin(range, ...words)
}
