// What a file is, by its first bytes.

import { DecodeError, type NetkitError, UnsupportedError } from '../errors/index.js'
import type { CapturedPacket } from '../wire/captured-packet.js'
import type { CaptureParser } from './capture-parser.js'
import { isPcap, PCAP_HEAD, parsePcapHead } from './pcap.js'
import { PcapParser } from './pcap-parser.js'
import { BLOCK_SECTION, BYTE_ORDER_MAGIC, SECTION } from './pcapng.js'
import { PcapngParser } from './pcapng-parser.js'

/** So many bytes tell what a file is; fewer are a file that is cut. */
export const HEAD_BYTES = 24

/** How a file is compressed; null when it is not. */
export function detectCompression(bytes: Uint8Array): 'gzip' | 'zstd' | null {
  if (begins(bytes, [0x1f, 0x8b])) return 'gzip'
  if (begins(bytes, [0x28, 0xb5, 0x2f, 0xfd])) return 'zstd'
  // RFC 8878 3.1.2: a skippable frame may come first.
  if (bytes.length >= 4 && (bytes[0]! & 0xf0) === 0x50 && begins(bytes.subarray(1), [0x2a, 0x4d, 0x18])) return 'zstd'
  return null
}

function begins(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, at) => bytes[at] === byte)
}

const ASCII = (text: string): number[] => [...text].map(character => character.charCodeAt(0))

/** Formats that are known by their first bytes, and not read here: what they are, and what makes a capture of them. */
const FOREIGN: readonly (readonly [readonly number[], string, string | null])[] = [
  [ASCII('snoop\0\0\0'), 'a snoop capture', 'editcap -F pcap FILE OUT'],
  [ASCII('GMBU'), 'a Microsoft Network Monitor 2 capture', 'editcap -F pcap FILE OUT'],
  [ASCII('RTSS'), 'a Microsoft Network Monitor 1 capture', 'editcap -F pcap FILE OUT'],
  [ASCII('XCP\0'), 'a NetXray or Windows Sniffer capture', 'editcap -F pcap FILE OUT'],
  [ASCII('TRSNIFF data'), 'a DOS Sniffer capture', 'editcap -F pcap FILE OUT'],
  [ASCII('btsnoop\0'), 'a Bluetooth HCI capture', null],
  [ASCII('BZh'), 'compressed with bzip2', 'bzip2 -dc FILE | netkit decode -'],
  [[0xfd, ...ASCII('7zXZ')], 'compressed with xz', 'xz -dc FILE | netkit decode -'],
  [[0x04, 0x22, 0x4d, 0x18], 'compressed with lz4', 'lz4 -dc FILE | netkit decode -'],
  [ASCII('PK\x03\x04'), 'a zip archive', 'unzip -p FILE | netkit decode -'],
  [ASCII('\x7fELF'), 'a program', null],
]

/**
 * The parser for a file that begins with these bytes; its `at` is where the packets begin: behind the head of a classic capture, which is
 * read, and at the section header of a pcapng, which is a block like others.
 * @param bytes the first 24, or fewer when the file has no more
 * @param name of the file, for the error
 * @param packet what the parser is to move
 * @throws UnsupportedError, DecodeError when it is no capture that netkit reads
 */
export function parserFor(bytes: Uint8Array, name: string, packet: CapturedPacket): CaptureParser {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length >= 4 && isPcap(view)) {
    if (bytes.length < PCAP_HEAD.size) throw cut(name, 'pcap', bytes.length, PCAP_HEAD.size)
    return new PcapParser(parsePcapHead(view), packet)
  }
  if (bytes.length >= 4 && view.getUint32(0) === BLOCK_SECTION) {
    if (bytes.length < HEAD_BYTES) throw cut(name, 'pcapng', bytes.length, SECTION.size)
    checkSection(view, name)
    return new PcapngParser(packet)
  }
  throw notCapture(bytes, name)
}

function checkSection(view: DataView, name: string): void {
  const magic = SECTION.offset.byteOrder
  const little = view.getUint32(magic, true) === BYTE_ORDER_MAGIC
  if (!little && view.getUint32(magic, false) !== BYTE_ORDER_MAGIC)
    throw new DecodeError(`${name} begins like a pcapng capture, but its byte order is damaged`, {
      layer: 'pcapng',
      offset: magic,
      need: 4,
      have: 4,
    })
  const major = view.getUint16(SECTION.offset.major, little)
  const minor = view.getUint16(SECTION.offset.minor, little)
  if (major !== 1) throw new UnsupportedError(`${name} has version ${major}.${minor} of pcapng: netkit reads 1.0`)
}

function cut(name: string, layer: string, have: number, need: number): NetkitError {
  const message = `${name} is a ${layer} capture that ends in its head: ${have} of ${need} bytes are there`
  return new DecodeError(message, { layer, offset: 0, need, have })
}

function notCapture(bytes: Uint8Array, name: string): NetkitError {
  const foreign = FOREIGN.find(([magic]) => begins(bytes, magic))
  if (foreign !== undefined) {
    const [, what, remedy] = foreign
    return new UnsupportedError(`${name} is ${what}, and netkit reads pcap and pcapng`, {
      hints: remedy === null ? [] : [`make a capture of it: ${remedy}`],
    })
  }
  const where = { layer: 'capture file', offset: 0, need: HEAD_BYTES, have: bytes.length }
  if (bytes.length === 0) return new DecodeError(`${name} is empty`, where)
  const isText = bytes.every(byte => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127))
  const looks = isText ? 'it looks like text' : `it begins with ${hex(bytes.subarray(0, 4))}`
  return new DecodeError(`${name} is not a capture: ${looks}`, where, {
    hints: isText ? ['captures are written with -w: sudo tcpdump -w FILE'] : [],
  })
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(' ')
}
