// The second line of a recording: what it is a recording of.

import { DecodeError } from '../errors/index.js'
import { tableById } from './tables.js'

/** More than this is damage, and is not recorded: a replay asks for each table of each. */
export const NAMESPACES_LIMIT = 4096
const HEADER_LIMIT = 4 * 1024 * 1024

/** A file, read in pieces. */
export interface ByteSource {
  readonly size: number
  /** Bytes at `offset`, which are fewer than `length` only at the end. */
  read(offset: number, length: number): Uint8Array
}

export interface RecordingHeader {
  /** Version of netkit. */
  netkit: string
  /** When, as ISO 8601. */
  time: string
  host: string
  /** Release of the kernel. */
  kernel: string
  /** Labels of the network namespaces; null for the one netkit ran in. */
  namespaces: (string | null)[]
  /** Ids of the tables that were asked for. */
  tables: string[]
  /** What `--source` said. */
  source: 'auto' | 'netlink' | 'procfs'
  /** Whether it was recorded who holds the sockets, and the threads of those. */
  holders: 'none' | 'processes' | 'threads'
  /** First and last of the ports for outgoing connections. */
  ephemeralPorts: [number, number] | null
}

/** The header, which begins at `start`, and where it ends. @throws DecodeError for a damaged one */
export function readHeader(source: ByteSource, start: number): { header: RecordingHeader; end: number } {
  const damaged = (why: string, have: number, cause?: unknown): DecodeError =>
    new DecodeError(
      `the recording is damaged at byte ${start}: ${why}`,
      { layer: 'recording', offset: start, need: 1, have },
      { cause },
    )
  for (let length = 4096; ; length *= 16) {
    const bytes = source.read(start, Math.min(length, HEADER_LIMIT))
    const newline = bytes.indexOf(10)
    if (newline >= 0) {
      let header: unknown
      try {
        header = JSON.parse(asText(bytes.subarray(0, newline)))
      } catch (error) {
        throw damaged('its header is no JSON', newline, error)
      }
      if (!isHeader(header)) throw damaged('its header lacks what it must have, or has more than it can', newline)
      return { header, end: start + newline + 1 }
    }
    if (bytes.length < length) throw damaged('its header does not end', bytes.length)
  }
}

function isHeader(value: unknown): value is RecordingHeader {
  if (value === null || typeof value !== 'object') return false
  const header = value as Record<string, unknown>
  const texts = ['netkit', 'time', 'host', 'kernel'].every(key => typeof header[key] === 'string')
  const { namespaces, tables, ephemeralPorts: ports, holders, source } = header
  return (
    texts &&
    isList(namespaces, each => each === null || typeof each === 'string') &&
    namespaces.length <= NAMESPACES_LIMIT &&
    isList(tables, each => typeof each === 'string' && tableById(each) !== null) &&
    new Set(tables).size === tables.length &&
    ['none', 'processes', 'threads'].includes(holders as string) &&
    ['auto', 'netlink', 'procfs'].includes(source as string) &&
    (ports === null || (isList(ports, each => Number.isInteger(each)) && ports.length === 2))
  )
}

function isList(value: unknown, test: (item: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.length > 0 && value.every(test)
}

export const asText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
