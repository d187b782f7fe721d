/**
 * The file of `netkit ss --record`: what the kernel said about sockets, kept as it said it.
 *
 *   netkit-sockets 1\n          magic and version
 *   {...}\n                     RecordingHeader, one line of JSON
 *   sections, each:
 *     u32 length                bytes of payload that follow the 12 bytes of this head; 1 to SECTION_LIMIT
 *     u16 kind                  1 messages, 2 text, 3 names, 4 report; others are passed over
 *     u16 namespace             index into the header's `namespaces`
 *     u16 table                 index into the header's `tables`
 *     u16 0
 *     payload
 *
 * All numbers are little-endian. `messages` are whole netlink messages (nlmsghdr, then what sock_diag sent, unchanged, each socket
 * once), `text` whole lines of the table's file in /proc/net, `names` lines of JSON arrays:
 * `["interface", namespace, index, name]`, `["user", uid, name]`, `["cgroup", idHex, path]`,
 * `["holder", inode, pid, tid or null, fd, comm]`. `report` is one JSON object, RecordingReport; it is last, so that a file without
 * it was cut off. A table's answer may take many sections, which come in the table's order.
 */

import { layout } from '../bytes/layout.js'
import { DecodeError } from '../errors/index.js'
import { NLMSGHDR } from '../netlink/message.js'
import { SOCK_DIAG_BY_FAMILY } from './diag/inet-diag.js'
import type { Consistency, SourceReport } from './model.js'
import { salvage } from './recording-cut.js'
import { asText, type ByteSource, type RecordingHeader, readHeader } from './recording-header.js'

export const RECORDING_MAGIC = 'netkit-sockets 1\n'
const MAGIC_NAME = 'netkit-sockets '

export const SECTION = layout('recording section', 12, [
  ['length', 'u32'],
  ['kind', 'u16'],
  ['namespace', 'u16'],
  ['table', 'u16'],
  ['pad', 'u16'],
])

export const SECTION_KIND = { messages: 1, text: 2, names: 3, report: 4 } as const

/** A longer section is damage: nothing is allocated for it. */
const SECTION_LIMIT = 16 * 1024 * 1024
/** Sections are closed when they reach this size: what a reader holds at a time. */
const SECTION_TARGET = 256 * 1024
/** Every table of every namespace and 8 GiB of sockets besides; a file of empty sections takes neither memory nor time. */
export const SECTIONS_LIMIT = 100_000
const NLM_F_MULTI = 2

/** How one table of one namespace was read. */
export interface RecordedSource extends Pick<SourceReport, 'error'> {
  namespace: number
  table: string
  method: 'netlink' | 'procfs' | 'none'
}

export interface RecordingReport {
  sources: RecordedSource[]
  consistency: Consistency
  damaged: number
  /** null when processes were not looked for. */
  scan: { unreadable: number; hidepid: boolean } | null
  notes: string[]
}

/** Where the payload of a section lies. */
export interface SectionPlace {
  kind: number
  namespace: number
  table: string
  offset: number
  length: number
}

export interface RecordingIndex {
  header: RecordingHeader
  sections: SectionPlace[]
  /** Where and why reading ended early; everything before is in `sections`. */
  damage: DecodeError | null
  /** The last of `sections` when the file ends in the middle of it: what is whole of it. */
  cut: SectionPlace | null
}

/** Encodes a recording piece by piece. Bytes given to `sink` are overwritten after it returns. */
export class RecordingWriter {
  private readonly sink: (bytes: Uint8Array) => void
  private readonly tables: readonly string[]
  private buffer = new Uint8Array(2 * SECTION_TARGET)
  private view = new DataView(this.buffer.buffer)
  private used: number = SECTION.size
  private open = { kind: 0, namespace: 0, table: 0 }

  constructor(sink: (bytes: Uint8Array) => void, header: RecordingHeader) {
    this.sink = sink
    this.tables = header.tables
    sink(new TextEncoder().encode(`${RECORDING_MAGIC}${JSON.stringify(header)}\n`))
  }

  /** Adds a sock_diag message: `data` at `start`..`end` is its payload. */
  message(namespace: number, table: string, data: DataView, start: number, end: number): void {
    const payload = end - start
    const length = NLMSGHDR.size + payload
    const padded = (length + 3) & ~3
    this.need(SECTION_KIND.messages, namespace, table, padded)
    const { view, used } = this
    this.buffer.fill(0, used, used + padded)
    view.setUint32(used, length, true)
    view.setUint16(used + NLMSGHDR.offset.type, SOCK_DIAG_BY_FAMILY, true)
    view.setUint16(used + NLMSGHDR.offset.flags, NLM_F_MULTI, true)
    this.buffer.set(new Uint8Array(data.buffer, data.byteOffset + start, payload), used + NLMSGHDR.size)
    this.used += padded
  }

  /** Adds whole lines of a file of /proc/net. */
  text(namespace: number, table: string, lines: Uint8Array): void {
    if (lines.length === 0) return
    this.need(SECTION_KIND.text, namespace, table, lines.length)
    this.buffer.set(lines, this.used)
    this.used += lines.length
  }

  /** Adds a name. */
  name(entry: readonly (string | number | null)[]): void {
    this.line(SECTION_KIND.names, `${JSON.stringify(entry)}\n`)
  }

  /** Ends the recording. */
  report(report: RecordingReport): void {
    this.line(SECTION_KIND.report, JSON.stringify(report))
    this.flush()
  }

  private line(kind: number, text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.need(kind, 0, null, bytes.length)
    this.buffer.set(bytes, this.used)
    this.used += bytes.length
  }

  /** Makes room in a section of this kind, which is the open one where that is possible. */
  private need(kind: number, namespace: number, id: string | null, length: number): void {
    const table = id === null ? 0 : this.tables.indexOf(id)
    const { open } = this
    const same = open.kind === kind && open.namespace === namespace && open.table === table
    if (!same || this.used + length > SECTION_TARGET) this.flush()
    this.open = { kind, namespace, table }
    if (this.used + length <= this.buffer.length) return
    this.buffer = new Uint8Array(this.used + length)
    this.view = new DataView(this.buffer.buffer)
  }

  private flush(): void {
    if (this.used === SECTION.size) return
    const { view, open } = this
    view.setUint32(SECTION.offset.length, this.used - SECTION.size, true)
    view.setUint16(SECTION.offset.kind, open.kind, true)
    view.setUint16(SECTION.offset.namespace, open.namespace, true)
    view.setUint16(SECTION.offset.table, open.table, true)
    view.setUint16(SECTION.offset.pad, 0, true)
    this.sink(this.buffer.subarray(0, this.used))
    this.used = SECTION.size
  }
}

const layer = 'recording'

/** Whether the file says that it is a recording of any version. */
export function isRecording(source: ByteSource): boolean {
  return asText(source.read(0, MAGIC_NAME.length)) === MAGIC_NAME
}

/**
 * Finds the sections of a recording; reads none of the sockets.
 * @throws DecodeError when there is nothing to show: another version, or a damaged header
 */
export function indexRecording(source: ByteSource): RecordingIndex {
  const magic = asText(source.read(0, RECORDING_MAGIC.length))
  if (magic !== RECORDING_MAGIC) {
    const version = /^netkit-sockets (\d+)\n/.exec(asText(source.read(0, 64)))?.[1]
    const message = version
      ? `this recording is of version ${version}, and this netkit reads version 1`
      : 'the recording is damaged at byte 0: its first line is cut'
    throw new DecodeError(message, { layer, offset: 0, need: RECORDING_MAGIC.length, have: magic.length })
  }
  const { header, end } = readHeader(source, RECORDING_MAGIC.length)
  const index: RecordingIndex = { header, sections: [], damage: null, cut: null }
  index.damage = findSections(source, end, index)
  return index
}

/** Why the walk ended before the end of the file; null when it did not. */
function findSections(source: ByteSource, from: number, index: RecordingIndex): DecodeError | null {
  const { header, sections } = index
  const damaged = (why: string, offset: number, need: number): DecodeError =>
    new DecodeError(`the recording is damaged at byte ${offset}: ${why}`, {
      layer,
      offset,
      need,
      have: Math.max(source.size - offset, 0),
    })
  let at = from
  let kind = 0
  while (at < source.size) {
    const head = source.read(at, SECTION.size)
    if (head.length < SECTION.size) return damaged('the head of a section is cut off', at, SECTION.size)
    const view = new DataView(head.buffer, head.byteOffset, head.length)
    const length = view.getUint32(SECTION.offset.length, true)
    if (length === 0 || length > SECTION_LIMIT)
      return damaged(`a section cannot have ${length} bytes`, at, SECTION.size)
    const offset = at + SECTION.size
    const left = source.size - offset
    kind = view.getUint16(SECTION.offset.kind, true)
    const namespace = view.getUint16(SECTION.offset.namespace, true)
    const table = header.tables[view.getUint16(SECTION.offset.table, true)]
    if (namespace >= header.namespaces.length || (table === undefined && kind <= SECTION_KIND.text)) {
      return damaged('a section is of a namespace or table that the header does not have', at, SECTION.size)
    }
    if (sections.length >= SECTIONS_LIMIT) return damaged('it has too many sections', at, SECTION.size)
    const section = { kind, namespace, table: table ?? '', offset, length: Math.min(length, left) }
    if (length > left) {
      index.cut = kind === SECTION_KIND.report ? null : salvage(source, section, kind === SECTION_KIND.messages)
      if (index.cut !== null) sections.push(index.cut)
      return damaged(`a section of ${length} bytes is cut off after ${left}`, at, SECTION.size + length)
    }
    sections.push(section)
    at = offset + length
  }
  return kind === SECTION_KIND.report ? null : damaged('it was cut off', at, SECTION.size)
}
