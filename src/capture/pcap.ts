// The classic capture file: its head, and the shape of its records.
// Source: draft-ietf-opsawg-pcap; libpcap sf-pcap.c for the variants.

import { layout } from '../bytes/layout.js'
import { DecodeError, UnsupportedError } from '../errors/index.js'

/** struct pcap_file_header. */
export const PCAP_HEAD = layout('pcap_file_header', 24, [
  ['magic', 'u32'],
  ['major', 'u16'],
  ['minor', 'u16'],
  ['zone', 'u32'],
  ['accuracy', 'u32'],
  ['snapLength', 'u32'],
  ['linkType', 'u32'],
])

/** struct pcap_sf_pkthdr. */
export const PCAP_RECORD = layout('pcap_sf_pkthdr', 16, [
  ['seconds', 'u32'],
  ['fraction', 'u32'],
  ['captured', 'u32'],
  ['wire', 'u32'],
])

/** struct pcap_sf_patched_pkthdr: what a patched libpcap of the nineties wrote. */
export const PCAP_PATCHED_RECORD = layout('pcap_sf_patched_pkthdr', 24, [
  ['seconds', 'u32'],
  ['fraction', 'u32'],
  ['captured', 'u32'],
  ['wire', 'u32'],
  ['index', 'u32'],
  ['protocol', 'u16'],
  ['packetType', 'u8'],
  ['pad', 'u8'],
])

export const MAGIC_MICROSECONDS = 0xa1b2c3d4
export const MAGIC_NANOSECONDS = 0xa1b23c4d
const MAGIC_PATCHED = 0xa1b2cd34

/** Which of the two lengths of a record comes first: files before version 2.3 have the length on the wire there, 2.3 has both kinds. */
export type LengthOrder = 'captured-first' | 'wire-first' | 'smaller-is-captured'

export interface PcapHead {
  littleEndian: boolean
  /** One unit of the fraction of a time stamp. */
  nanosecondsPerTick: 1 | 1000
  /** Records have the longer head. */
  patched: boolean
  lengths: LengthOrder
  snapLength: number | null
  linkType: number
}

/** Byte order and kind by the first four bytes; null when they are not those of a classic capture. */
function magicOf(view: DataView): { magic: number; littleEndian: boolean } | null {
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(0, littleEndian)
    if (magic === MAGIC_MICROSECONDS || magic === MAGIC_NANOSECONDS || magic === MAGIC_PATCHED)
      return { magic, littleEndian }
  }
  return null
}

export function isPcap(view: DataView): boolean {
  return magicOf(view) !== null
}

/** Low 16 bits of the link type field; above are a class that must be 0, and the length of the frame check sequence. */
const LINK_TYPE = 0xffff
const RESERVED = 0x03ff0000

const OLD_MAJOR = 543

function lengthOrder(major: number, minor: number): LengthOrder {
  if (major === OLD_MAJOR || minor < 3) return 'wire-first'
  return minor === 3 ? 'smaller-is-captured' : 'captured-first'
}

/**
 * Reads the head of a classic capture.
 * @param view at least 24 bytes that `isPcap` knows
 * @throws UnsupportedError for a version or a link type field that nobody reads
 */
export function parsePcapHead(view: DataView): PcapHead {
  const found = magicOf(view)
  if (found === null || view.byteLength < PCAP_HEAD.size)
    throw new DecodeError('the head of the capture is cut', {
      layer: 'pcap',
      offset: 0,
      need: PCAP_HEAD.size,
      have: view.byteLength,
    })
  const { magic, littleEndian } = found
  const major = view.getUint16(PCAP_HEAD.offset.major, littleEndian)
  const minor = view.getUint16(PCAP_HEAD.offset.minor, littleEndian)
  if (major !== 2 && !(major === OLD_MAJOR && minor === 0))
    throw new UnsupportedError(`version ${major}.${minor} of the pcap format is unknown: netkit reads 2.x and 543.0`)
  const field = view.getUint32(PCAP_HEAD.offset.linkType, littleEndian)
  if ((field & RESERVED) !== 0)
    throw new UnsupportedError(`the link type field of the capture has reserved bits: 0x${field.toString(16)}`)
  return {
    littleEndian,
    nanosecondsPerTick: magic === MAGIC_NANOSECONDS ? 1 : 1000,
    patched: magic === MAGIC_PATCHED,
    lengths: lengthOrder(major, minor),
    snapLength: view.getUint32(PCAP_HEAD.offset.snapLength, littleEndian) || null,
    linkType: field & LINK_TYPE,
  }
}
