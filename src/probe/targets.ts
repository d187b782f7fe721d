// The targets of a run as words: names, addresses, prefixes and ranges, one by one.

import {
  formatIpv4,
  formatIpv6,
  type Ipv6Words,
  parseIpv4,
  parseIpv6,
  prefixMask,
  splitZone,
} from '../bytes/address.js'
import { UsageError } from '../errors/index.js'

/** A target as it was given. */
export interface TargetWord {
  /** The name or the address, without brackets. */
  readonly target: string
  /** The address that it is, with its interface where it has one; null for a name. */
  readonly address: string | null
  /** null for a name. */
  readonly family: 4 | 6 | null
}

export interface ExpandOptions {
  /** Most targets; default 131,072. */
  limit?: number
}

/** Twice the hosts of a /16. */
export const MOST_TARGETS = 131_072

/** An address as its words; those of an IPv4 address are 0, 0, 0 and the one. */
interface Address {
  family: 4 | 6
  words: Ipv6Words
  /** With its `%`; empty for none. */
  zone: string
}

/** Addresses from `first` on. */
interface Block {
  family: 4 | 6
  first: Ipv6Words
  zone: string
  count: number
}

/**
 * Yields each target of the words, in their order:
 * - names, and addresses of both families (`fe80::1%eth0`, `[::1]`);
 * - prefixes: all addresses of one, but neither the network's nor the broadcast address of an IPv4 prefix shorter than /31, as
 *   fping -g has it (`192.0.2.0/28`, `192.0.2.0/255.255.255.240`, `2001:db8::/120`);
 * - ranges: `192.0.2.1-192.0.2.20`, `192.0.2.1-20`, `2001:db8::1-2001:db8::ff`.
 *
 * What the C library alone takes for an address (`127.1`) is a name here: ask it.
 * @throws UsageError for a prefix or range that is none, and when there are more targets than the limit, before the first of them
 */
export function* expandTargets(words: Iterable<string>, options: ExpandOptions = {}): Generator<TargetWord> {
  const limit = options.limit ?? MOST_TARGETS
  let total = 0
  for (const word of words) {
    const text = word.trim()
    const block = parseBlock(text)
    total += block?.count ?? 1
    if (total > limit) throw tooMany(text, block, total, limit)
    if (block === null) yield single(text)
    else yield* addressesOf(block)
  }
}

/** Whether a word is a prefix or a range. @throws UsageError for one that is none */
export function isBlock(word: string): boolean {
  return parseBlock(word.trim()) !== null
}

/** The words of a list, hosts(5) style: the first word of each line is a target, and `#` begins a comment. */
export function parseTargetLines(text: string): string[] {
  const words: string[] = []
  if (!ODD.test(text)) {
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf('\n', at)
      const next = end < 0 ? text.length : end
      if (next > at) words.push(text.slice(at, next))
      at = next + 1
    }
    return words
  }
  for (let at = 0; at < text.length; at++) {
    while (at < text.length && isSpace(text, at)) at++
    const start = at
    while (at < text.length && !isSpace(text, at)) at++
    if (at > start && text.charCodeAt(start) !== HASH) words.push(text.slice(start, at))
    while (at < text.length && text.charCodeAt(at) !== LINE_FEED) at++
  }
  return words
}

/** A list without this is one word a line: often tens of thousands of addresses. */
const ODD = /[^\n!"$-~]/
const HASH = 35
const LINE_FEED = 10

/** What `\s` is. */
function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  if (code <= 0x7f) return code === 32 || (code >= 9 && code <= 13)
  return /\s/.test(text[at]!)
}

function single(text: string): TargetWord {
  // What is strictly a dotted quad is its own canonical text.
  if (parseIpv4(text) !== null) return { target: text, address: text, family: 4 }
  const target = text.startsWith('[') && text.endsWith(']') && text.includes(':') ? text.slice(1, -1) : text
  const address = parseAddress(target)
  if (address === null) return { target: text, address: null, family: null }
  return { target, address: formatAddress(address), family: address.family }
}

function* addressesOf({ family, first, zone, count }: Block): Generator<TargetWord> {
  for (let index = 0; index < count; index++) {
    const target = family === 4 ? formatIpv4(first[3] + index) : formatIpv6(...plus(first, index)) + zone
    yield { target, address: target, family }
  }
}

/** The address that many after another, with the carry from word to word. */
function plus(words: Ipv6Words, count: number): Ipv6Words {
  let carry = count
  return words
    .toReversed()
    .map(word => {
      const sum = word + carry
      carry = Math.floor(sum / 2 ** 32)
      return sum % 2 ** 32
    })
    .reverse() as Ipv6Words
}

function parseBlock(text: string): Block | null {
  if (text.includes('/')) return parsePrefix(text)
  const dash = text.indexOf('-')
  // The interface of an address may have a dash in its name, too.
  if (dash < 0 || parseAddress(text) !== null) return null
  return parseRange(text, text.slice(0, dash).trim(), text.slice(dash + 1).trim())
}

function parsePrefix(text: string): Block {
  const slash = text.indexOf('/')
  const address = parseAddress(text.slice(0, slash))
  if (address === null) {
    throw new UsageError(`${text} is no target: before the / of a prefix there is an address`, {
      hints: ['for example: 192.0.2.0/28'],
    })
  }
  const { family, zone } = address
  const bits = family === 4 ? 32 : 128
  const length = prefixLength(text.slice(slash + 1), family)
  if (length === null) {
    throw new UsageError(
      `${text} is no prefix: its length is a number from 0 to ${bits}, not ${text.slice(slash + 1) || 'nothing'}`,
    )
  }
  const masked = address.words.map((word, i) => (word & prefixMask(length + 128 - bits - 32 * i)) >>> 0) as Ipv6Words
  const count = 2 ** (bits - length)
  const trimmed = family === 4 && length < 31
  if (trimmed) masked[3] += 1
  return { family, first: masked, zone, count: trimmed ? count - 2 : count }
}

function prefixLength(text: string, family: 4 | 6): number | null {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= (family === 4 ? 32 : 128) ? Number(text) : null
  const mask = family === 4 ? parseIpv4(text) : null
  if (mask === null) return null
  for (let length = 0; length <= 32; length++) if (prefixMask(length) === mask) return length
  return null
}

/** null when there is no address before the dash, or a name goes on after it (`192.0.2.1-static.example.net`). */
function parseRange(text: string, left: string, right: string): Block | null {
  const first = parseAddress(left)
  if (first === null || (first.family === 4 && !/^[\d.]*$|:/.test(right))) return null
  const last = parseLast(first, right)
  if (last === null) {
    const wanted = first.family === 4 ? 'an IPv4 address, or its last number,' : 'an IPv6 address'
    throw new UsageError(`${text} is no range: ${wanted} follows the dash, not ${right || 'nothing'}`, {
      hints: ['for example: 192.0.2.1-192.0.2.20, or 192.0.2.1-20'],
    })
  }
  const count = distance(first.words, last.words) + 1
  if (count < 1) throw new UsageError(`${text} is no range: it ends before it begins`)
  return { family: first.family, first: first.words, zone: first.zone, count }
}

function parseLast(first: Address, text: string): Address | null {
  if (first.family === 4 && /^\d{1,3}$/.test(text)) {
    const number = Number(text)
    return number > 255 ? null : { ...first, words: [0, 0, 0, first.words[3] - (first.words[3] % 256) + number] }
  }
  const last = parseAddress(text)
  if (last === null || last.family !== first.family) return null
  return last.zone === '' || last.zone === first.zone ? last : null
}

/** Inexact where it is too large for anything anyway. */
function distance(from: Ipv6Words, to: Ipv6Words): number {
  return from.reduce((sum, word, at) => sum * 2 ** 32 + (to[at]! - word), 0)
}

function parseAddress(text: string): Address | null {
  if (!text.includes(':')) {
    const word = parseIpv4(text)
    return word === null ? null : { family: 4, words: [0, 0, 0, word], zone: '' }
  }
  const [address, interfaceName] = splitZone(text)
  const words = parseIpv6(address)
  if (words === null || (interfaceName !== null && !/^[^\s%/:]+$/.test(interfaceName))) return null
  return { family: 6, words, zone: interfaceName === null ? '' : `%${interfaceName}` }
}

function formatAddress({ family, words, zone }: Address): string {
  return family === 4 ? formatIpv4(words[3]) : formatIpv6(...words) + zone
}

function tooMany(text: string, block: Block | null, total: number, limit: number): UsageError {
  const hints = ['probe fewer at a time']
  if (block === null || block.count <= limit) {
    return new UsageError(
      `with ${text} there are ${grouped(total)} targets and more, which is over ${grouped(limit)}`,
      { hints },
    )
  }
  if (text.includes('/')) {
    const length = (block.family === 4 ? 32 : 128) - Math.floor(Math.log2(limit))
    hints.unshift(`take a longer prefix: ${text.slice(0, text.indexOf('/'))}/${length}`)
  }
  return new UsageError(`${text} is ${grouped(block.count)} targets, which is over ${grouped(limit)}`, { hints })
}

/** `16,777,214`, or the power of two that is nearest when it is beyond counting. */
function grouped(count: number): string {
  if (count > Number.MAX_SAFE_INTEGER) return `2^${Math.round(Math.log2(count))}`
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
