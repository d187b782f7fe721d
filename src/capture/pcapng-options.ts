// Options of pcapng blocks: a list of code, length, value; and what is said in those of interfaces and of their statistics.

import type { CaptureInterface } from '../ports/capture.js'
import * as NG from './pcapng.js'
import { isKnownResolution, MICROSECONDS, TickClock } from './tick-clock.js'

const OPTION_HEAD = 4
const TWO_32 = 0x100000000
/** More than any block has; the others of a list are passed over. */
const MOST_OPTIONS = 256

/** One value found: where it lies. */
interface OptionPlace {
  code: number
  at: number
  length: number
}

/** The options of `at`..`end`; a length that leads out of it ends the list. */
function listOptions(view: DataView, at: number, end: number, little: boolean): OptionPlace[] {
  const found: OptionPlace[] = []
  while (at + OPTION_HEAD <= end && found.length < MOST_OPTIONS) {
    const code = view.getUint16(at, little)
    const length = view.getUint16(at + 2, little)
    if (code === NG.OPTION_END || at + OPTION_HEAD + length > end) break
    found.push({ code, at: at + OPTION_HEAD, length })
    at += OPTION_HEAD + NG.padded(length)
  }
  return found
}

/** Where the value of an option of `length` bytes begins; -1 when it is not there. Allocates nothing. */
export function findOption(
  view: DataView,
  at: number,
  end: number,
  little: boolean,
  code: number,
  length: number,
): number {
  while (at + OPTION_HEAD + length <= end) {
    const here = view.getUint16(at, little)
    const bytes = view.getUint16(at + 2, little)
    if (here === code && bytes === length) return at + OPTION_HEAD
    if (here === NG.OPTION_END) return -1
    at += OPTION_HEAD + NG.padded(bytes)
  }
  return -1
}

/** Made where it is used: a text of a file is foreign bytes, and need not be UTF-8. */
function textOf(view: DataView, place: OptionPlace): string | null {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + place.at, place.length)
  const nul = bytes.indexOf(0)
  return new TextDecoder().decode(nul < 0 ? bytes : bytes.subarray(0, nul)) || null
}

/** if_filter begins with a byte that says how it is written: 0 is libpcap's language. */
function filterOf(view: DataView, place: OptionPlace): string | null {
  if (place.length < 2 || view.getUint8(place.at) !== 0) return null
  return textOf(view, { ...place, at: place.at + 1, length: place.length - 1 })
}

export interface DescribedInterface {
  shown: CaptureInterface
  /** Null when its time stamps cannot be read. */
  clock: TickClock | null
  /** What is wrong with the options. */
  flaw: string | null
}

/** Reads an interface description block of `at`..`end`, which has room for the fixed part. */
export function parseInterface(view: DataView, at: number, end: number, little: boolean): DescribedInterface {
  const options = listOptions(view, at + NG.INTERFACE.size, end - NG.BLOCK_TAIL, little)
  const named = (code: number): OptionPlace | undefined => options.find(option => option.code === code)
  const text = (code: number): string | null => {
    const place = named(code)
    return place === undefined ? null : textOf(view, place)
  }
  const filter = named(NG.IF_FILTER)
  const shown: CaptureInterface = {
    linkType: view.getUint16(at + NG.INTERFACE.offset.linkType, little),
    snapLength: view.getUint32(at + NG.INTERFACE.offset.snapLength, little) || null,
    name: text(NG.IF_NAME),
    description: text(NG.IF_DESCRIPTION),
    filter: filter === undefined ? null : filterOf(view, filter),
    received: null,
    dropped: null,
  }
  const units = options.filter(option => option.code === NG.IF_TSRESOL && option.length === 1)
  const resolution = units.length === 0 ? MICROSECONDS : view.getUint8(units[0]!.at)
  if (units.length > 1)
    return { shown, clock: null, flaw: `has ${units.length} units of time, so that its times are unknown` }
  if (!isKnownResolution(resolution))
    return { shown, clock: null, flaw: `has a unit of time that is too small (if_tsresol ${resolution})` }
  const shift = options.find(option => option.code === NG.IF_TSOFFSET && option.length === 8)
  const offset = shift === undefined ? 0 : signed64(view, shift.at, little)
  return { shown, clock: new TickClock(resolution, offset), flaw: null }
}

/** Sets what the statistics block of `at`..`end` says of its interface. */
export function readStatistics(
  view: DataView,
  at: number,
  end: number,
  little: boolean,
  shown: CaptureInterface,
): void {
  let received: number | null = null
  let dropped: number | null = null
  for (const option of listOptions(view, at + NG.STATISTICS.size, end - NG.BLOCK_TAIL, little)) {
    if (option.length !== 8) continue
    const value = unsigned64(view, option.at, little)
    if (option.code === NG.ISB_IFRECV) received = value
    else if (option.code === NG.ISB_IFDROP || option.code === NG.ISB_OSDROP) dropped = (dropped ?? 0) + value
  }
  shown.received = received ?? shown.received
  shown.dropped = dropped ?? shown.dropped
}

/** Rounded above 2^53. */
function unsigned64(view: DataView, at: number, little: boolean): number {
  const high = view.getUint32(at + (little ? 4 : 0), little)
  return high * TWO_32 + view.getUint32(at + (little ? 0 : 4), little)
}

function signed64(view: DataView, at: number, little: boolean): number {
  const high = view.getInt32(at + (little ? 4 : 0), little)
  return high * TWO_32 + view.getUint32(at + (little ? 0 : 4), little)
}
