// Table rows as bytes in one large buffer, without a string per cell: what makes a listing of 400,000 rows quick.

import { printable } from '../bytes/printable.js'
import type { Label, TextSink } from '../bytes/text-sink.js'

const BUFFER_BYTES = 256 * 1024
/** A row that may not fit in what is left of the buffer makes room first. */
const ROW_RESERVE = 8 * 1024
/** Beyond this the buffer is written out at the end of a row: only rows of uncommon length make it grow. */
const FLUSH_ABOVE = BUFFER_BYTES - 2 * ROW_RESERVE
/** Rows looked at before column widths are settled; later rows that are wider push their line to the right. */
const SAMPLE_ROWS = 2048
const SPACE = 0x20
const NEWLINE = 0x0a
const ZERO = 0x30
const TILDE = 0x7e

/** Text of 0..255, and its length, for dotted quads. */
const OCTETS = new Uint8Array(256 * 3)
const OCTET_LENGTHS = new Uint8Array(256)
for (let value = 0; value < 256; value++) {
  const text = String(value)
  OCTET_LENGTHS[value] = text.length
  for (let at = 0; at < text.length; at++) OCTETS[value * 3 + at] = text.charCodeAt(at)
}

/** The two digits of 0..99 as they lie in memory. */
const PAIRS = new Uint16Array(100)
for (let value = 0; value < 100; value++) PAIRS[value] = (ZERO + (value % 10)) * 256 + ZERO + Math.floor(value / 10)

/**
 * Writes rows of cells. The first rows are kept back to settle the column widths; from then on each row goes straight into
 * the output buffer. The last cell of a row is never padded.
 */
export class RowWriter implements TextSink {
  private readonly write: (bytes: Uint8Array) => void
  private readonly widths: number[]
  private readonly gap: number
  private bytes = new Uint8Array(BUFFER_BYTES)
  private view = new DataView(this.bytes.buffer)
  private at = 0
  private cellStart = 0
  /** Where the previous cell ends without its padding. */
  private unpadded = 0
  /** Bytes of the current cell that take no column of their own (UTF-8 continuation). */
  private slack = 0
  private column = 0
  /** While sampling: where each cell ends, and its width. */
  private cells: number[] | null = []
  private rowsKept = 0

  /**
   * @param write takes a chunk; the chunk is reused after the call
   * @param minimum least width of each padded column
   * @param gap blanks between columns
   */
  constructor(write: (bytes: Uint8Array) => void, minimum: readonly number[], gap: number) {
    this.write = write
    this.widths = [...minimum]
    this.gap = gap
  }

  /** One byte of ASCII. */
  byte(code: number): void {
    this.bytes[this.at++] = code
  }

  /** A short string of printable ASCII that netkit itself made. */
  ascii(text: string): void {
    const { bytes } = this
    let at = this.at
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index)
    this.at = at
  }

  /** The same from a constant. */
  label(label: Label): void {
    const { view, at } = this
    const { words } = label
    // The zeros that fill up the last word are written over.
    for (let word = 0; word < words.length; word++) view.setInt32(at + word * 4, words[word]!, true)
    this.at = at + label.length
  }

  /** A label, a whole number and a blank. */
  count(label: Label, value: number): void {
    this.label(label)
    this.number(value)
    this.byte(SPACE)
  }

  /** Where the next byte goes; comparable until the row ends. */
  get position(): number {
    return this.at
  }

  /** Takes back the last byte, which must be of the current cell: the blank after the last word, or what leads to none. */
  back(): void {
    this.at--
  }

  /** Text from elsewhere, of any length: control characters are escaped. */
  text(text: string): void {
    this.reserve(text.length)
    const { bytes } = this
    let at = this.at
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code < SPACE || code > TILDE) {
        this.foreign(text)
        return
      }
      bytes[at++] = code
    }
    this.at = at
  }

  private foreign(text: string): void {
    const safe = printable(text)
    const encoded = Buffer.from(safe, 'utf8')
    this.reserve(encoded.length)
    this.bytes.set(encoded, this.at)
    this.at += encoded.length
    if (encoded.length !== safe.length) this.slack += encoded.length - [...safe].length
  }

  /** A whole number >= 0. */
  number(value: number): void {
    if (value < 10) this.bytes[this.at++] = ZERO + value
    else if (value <= 0x7fffffff) this.small(value, digitsOf(value))
    else this.large(value)
  }

  /** A whole number from 0 to 999,999,999 with so many digits, leading zeros included. */
  digits(value: number, digits: number): void {
    this.small(value, digits)
  }

  /** A dotted quad from one big-endian word. */
  ipv4(word: number): void {
    this.octet(word >>> 24)
    this.bytes[this.at++] = 0x2e
    this.octet((word >>> 16) & 255)
    this.bytes[this.at++] = 0x2e
    this.octet((word >>> 8) & 255)
    this.bytes[this.at++] = 0x2e
    this.octet(word & 255)
  }

  /** Ends a cell, padded to its column. */
  endCell(): void {
    const width = this.at - this.cellStart - this.slack
    const column = this.column++
    this.slack = 0
    if (this.cells !== null) {
      if (width > this.widths[column]!) this.widths[column] = width
      this.cells.push(this.at, width)
    } else {
      this.unpadded = this.at
      this.pad(width, this.widths[column]!)
    }
    this.cellStart = this.at
  }

  /** Ends the last cell and the row. */
  endRow(): void {
    if (this.cells !== null) {
      this.cells.push(this.at, -1)
      this.rowsKept++
      if (this.rowsKept >= SAMPLE_ROWS || this.at > BUFFER_BYTES / 2) this.settle()
    } else {
      // An empty last cell leaves no blanks at the end of the line.
      if (this.at === this.cellStart && this.column > 0) this.at = this.unpadded
      this.bytes[this.at++] = NEWLINE
    }
    this.column = 0
    this.slack = 0
    if (this.cells === null && this.at > FLUSH_ABOVE) this.flush()
    this.cellStart = this.at
  }

  /** Writes out everything, settling the widths if they still are open. */
  flush(): void {
    if (this.cells !== null) this.settle()
    if (this.at > 0) this.write(this.bytes.subarray(0, this.at))
    this.at = 0
    this.cellStart = 0
  }

  /** A number below 2^31 with so many digits, leading zeros included: integer arithmetic, two digits at a time. */
  private small(value: number, digits: number): void {
    const { view } = this
    let rest = value | 0
    let at = this.at + digits
    this.at = at
    for (let left = digits; left >= 2; left -= 2) {
      const quotient = (rest / 100) | 0
      at -= 2
      view.setUint16(at, PAIRS[rest - quotient * 100]!, true)
      rest = quotient
    }
    if (digits & 1) view.setUint8(at - 1, ZERO + rest)
  }

  private large(value: number): void {
    if (value > Number.MAX_SAFE_INTEGER) {
      this.ascii(String(value))
      return
    }
    const billions = Math.floor(value / 1e9)
    this.number(billions)
    this.small(value - billions * 1e9, 9)
  }

  private octet(value: number): void {
    const length = OCTET_LENGTHS[value]!
    const from = value * 3
    const { bytes, at } = this
    bytes[at] = OCTETS[from]!
    if (length > 1) bytes[at + 1] = OCTETS[from + 1]!
    if (length > 2) bytes[at + 2] = OCTETS[from + 2]!
    this.at = at + length
  }

  private pad(width: number, columnWidth: number): void {
    const blanks = Math.max(columnWidth - width, 0) + this.gap
    this.reserve(blanks)
    const { bytes } = this
    let at = this.at
    const end = at + blanks
    while (at < end) bytes[at++] = SPACE
    this.at = at
  }

  /** Makes room for `length` more bytes in the current row. */
  private reserve(length: number): void {
    if (this.at + length + ROW_RESERVE <= this.bytes.length) return
    const larger = new Uint8Array((this.at + length + ROW_RESERVE) * 2)
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }

  /** Lays the kept rows out again with the widths that they turned out to need. */
  private settle(): void {
    const cells = this.cells!
    const kept = this.bytes.slice(0, this.at)
    this.cells = null
    this.at = 0
    let from = 0
    let column = 0
    let afterPadding = -1
    for (let index = 0; index < cells.length; index += 2) {
      const end = cells[index]!
      const width = cells[index + 1]!
      this.reserve(end - from)
      this.bytes.set(kept.subarray(from, end), this.at)
      this.at += end - from
      from = end
      if (width >= 0) {
        this.unpadded = this.at
        this.pad(width, this.widths[column++]!)
        afterPadding = this.at
        continue
      }
      if (this.at === afterPadding && column > 0) this.at = this.unpadded
      afterPadding = -1
      this.bytes[this.at++] = NEWLINE
      column = 0
      if (this.at > FLUSH_ABOVE) {
        this.write(this.bytes.subarray(0, this.at))
        this.at = 0
      }
    }
  }
}

/** Decimal digits of a number below 2^31. */
function digitsOf(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
  if (value < 1_000_000) return value < 100_000 ? 5 : 6
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8
  return value < 1_000_000_000 ? 9 : 10
}
