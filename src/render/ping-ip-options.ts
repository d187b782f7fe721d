// IPv4 options of an answer in ping's lines: the recorded route and timestamps (RFC 791 section 3.1).

import { formatIpv4 } from '../bytes/address.js'

const END_OF_LIST = 0
const NO_OPERATION = 1
const RECORD_ROUTE = 7
const TIMESTAMP = 68
/** Low four bits of the timestamp option's flags: timestamps without addresses. */
const TIMESTAMPS_ONLY = 0
/** High bit of a timestamp that does not count milliseconds since midnight UTC. */
const NOT_STANDARD = 0x80000000

/** One option: where its type byte lies, and where it ends. */
interface Option {
  type: number
  start: number
  end: number
}

/** The options in order, ending where the bytes make no sense any more. */
function* walkOptions(bytes: Uint8Array): Generator<Option> {
  let at = 0
  while (at < bytes.length) {
    const type = bytes[at]!
    if (type === END_OF_LIST) return
    if (type === NO_OPERATION) {
      at++
      continue
    }
    const length = bytes[at + 1] ?? 0
    if (length < 2 || at + length > bytes.length) return
    yield { type, start: at, end: at + length }
    at += length
  }
}

const wordAt = (view: DataView, at: number): number => view.getUint32(at)

/** Addresses that a recorded route names, each once: what a caller may want to look up names for. */
export function routeAddresses(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found = new Set<string>()
  for (const option of walkOptions(bytes)) {
    if (option.type === RECORD_ROUTE) for (const at of recorded(bytes, option)) found.add(formatIpv4(wordAt(view, at)))
    if (option.type !== TIMESTAMP) continue
    for (const { address } of stamps(bytes, view, option)) if (address !== null) found.add(address)
  }
  return [...found]
}

/** Where each recorded address lies. The third byte points behind the last one, counted from 1. */
function recorded(bytes: Uint8Array, { start, end }: Option): number[] {
  const last = start + Math.min((bytes[start + 2] ?? 4) - 1, end - start)
  const found: number[] = []
  for (let at = start + 3; at + 4 <= last; at += 4) found.push(at)
  return found
}

interface Stamp {
  address: string | null
  time: number
}

function stamps(bytes: Uint8Array, view: DataView, { start, end }: Option): Stamp[] {
  const withAddress = ((bytes[start + 3] ?? 0) & 15) !== TIMESTAMPS_ONLY
  const last = start + Math.min((bytes[start + 2] ?? 5) - 1, end - start)
  const found: Stamp[] = []
  const step = withAddress ? 8 : 4
  for (let at = start + 4; at + step <= last; at += step) {
    found.push({
      address: withAddress ? formatIpv4(wordAt(view, at)) : null,
      time: wordAt(view, at + step - 4),
    })
  }
  return found
}

/** The lines of one run: a route like the one before is said to be the same. */
export class IpOptionLines {
  private lastRoute = ''

  /** What follows a reply line, without the end of its last line; empty for no options. */
  text(bytes: Uint8Array, shown: (address: string) => string): string {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let text = ''
    for (const option of walkOptions(bytes)) {
      if (option.type === RECORD_ROUTE)
        text += this.route(
          recorded(bytes, option).map(at => formatIpv4(wordAt(view, at))),
          shown,
        )
      else if (option.type === TIMESTAMP)
        text += stampLines(stamps(bytes, view, option), (bytes[option.start + 3] ?? 0) >> 4, shown)
      else text += `\nunknown option ${option.type.toString(16)}`
    }
    return text
  }

  private route(addresses: readonly string[], shown: (address: string) => string): string {
    if (addresses.length === 0) return ''
    const key = addresses.join(' ')
    if (key === this.lastRoute) return '\t(same route)'
    this.lastRoute = key
    return `\nRR: ${addresses.map(address => `\t${shown(address)}\n`).join('')}`
  }
}

/** The first time of each kind is absolute, those after it are differences. @param missed hops that found no room */
function stampLines(list: readonly Stamp[], missed: number, shown: (address: string) => string): string {
  if (list.length === 0) return ''
  let text = '\nTS: '
  let before: number | null = null
  let beforeNotStandard: number | null = null
  for (const { address, time } of list) {
    if (address !== null) text += `\t${shown(address)}`
    if (time >= NOT_STANDARD) {
      const value = time - NOT_STANDARD
      text +=
        beforeNotStandard === null ? `\t${value} absolute not-standard` : `\t${value - beforeNotStandard} not-standard`
      beforeNotStandard = value
    } else {
      text += before === null ? `\t${time} absolute` : `\t${time - before}`
      before = time
    }
    text += '\n'
  }
  return missed > 0 ? `${text}Unrecorded hops: ${missed}\n` : text
}
