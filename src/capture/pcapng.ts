// The pcapng format: numbers of its blocks and options, and the shape of what every block begins with.
// Source: draft-ietf-opsawg-pcapng.

import { layout } from '../bytes/layout.js'

/** The same in both byte orders, so that it is known before the byte order is. */
export const BLOCK_SECTION = 0x0a0d0d0a
export const BLOCK_INTERFACE = 1
/** The obsolete one. */
export const BLOCK_PACKET = 2
export const BLOCK_SIMPLE_PACKET = 3
export const BLOCK_STATISTICS = 5
export const BLOCK_ENHANCED_PACKET = 6

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d

export const BLOCK_HEAD = layout('pcapng block', 8, [
  ['type', 'u32'],
  ['length', 'u32'],
])

/** Its length is repeated behind a block. */
export const BLOCK_TAIL = 4

export const SECTION = layout('pcapng section header', 24, [
  ['type', 'u32'],
  ['length', 'u32'],
  ['byteOrder', 'u32'],
  ['major', 'u16'],
  ['minor', 'u16'],
  ['sectionLength', 'u64'],
])

export const INTERFACE = layout('pcapng interface description', 16, [
  ['type', 'u32'],
  ['length', 'u32'],
  ['linkType', 'u16'],
  ['reserved', 'u16'],
  ['snapLength', 'u32'],
])

export const ENHANCED = layout('pcapng enhanced packet', 28, [
  ['type', 'u32'],
  ['length', 'u32'],
  ['interface', 'u32'],
  ['timeHigh', 'u32'],
  ['timeLow', 'u32'],
  ['captured', 'u32'],
  ['wire', 'u32'],
])

/** The obsolete packet block: the same but for where its interface is. */
export const OLD_PACKET = layout('pcapng packet', 28, [
  ['type', 'u32'],
  ['length', 'u32'],
  ['interface', 'u16'],
  ['drops', 'u16'],
  ['timeHigh', 'u32'],
  ['timeLow', 'u32'],
  ['captured', 'u32'],
  ['wire', 'u32'],
])

export const SIMPLE = layout('pcapng simple packet', 12, [
  ['type', 'u32'],
  ['length', 'u32'],
  ['wire', 'u32'],
])

export const STATISTICS = layout('pcapng interface statistics', 20, [
  ['type', 'u32'],
  ['length', 'u32'],
  ['interface', 'u32'],
  ['timeHigh', 'u32'],
  ['timeLow', 'u32'],
])

export const OPTION_END = 0
/** Of a section header. */
export const SHB_USERAPPL = 4
/** Of an interface. */
export const IF_NAME = 2
export const IF_DESCRIPTION = 3
export const IF_TSRESOL = 9
export const IF_FILTER = 11
export const IF_TSOFFSET = 14
/** Of a packet. */
export const EPB_FLAGS = 2
/** Of interface statistics. */
export const ISB_IFRECV = 4
export const ISB_IFDROP = 5
export const ISB_OSDROP = 7

/** Blocks and option values are padded to 32 bits. */
export function padded(length: number): number {
  return (length + 3) & ~3
}
