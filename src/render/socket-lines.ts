// Socket rows as separate lines of text, for views that put something before a line or keep it for a screen.

import type { SocketLookups } from '../sockets/lookups.js'
import type { SocketRecord } from '../sockets/record.js'
import { RowWriter } from './row-writer.js'
import { SocketTable, type TableOptions } from './socket-table.js'

/** Takes one line, with what its row was given; the header has null. */
export type TakeLine<Tag> = (text: string, tag: Tag | null) => void

/** A socket table whose rows come out as lines in the order in which they went in. Columns keep their widths between flushes. */
export class SocketLines<Tag> {
  private readonly options: TableOptions
  private readonly writer: RowWriter
  private readonly table: SocketTable
  private readonly line: TakeLine<Tag>
  private tags: (Tag | null)[] = []

  constructor(options: TableOptions, lookups: SocketLookups, line: TakeLine<Tag>) {
    this.options = { ...options, oneLine: true }
    this.line = line
    this.writer = new RowWriter(bytes => this.take(bytes), steadyWidths(this.options), 1)
    this.table = new SocketTable(this.writer, this.options, lookups)
  }

  header(): void {
    if (!this.options.header) return
    this.tags.push(null)
    this.table.header()
  }

  row(record: SocketRecord, tag: Tag): void {
    this.tags.push(tag)
    this.table.row(record)
  }

  /** Everything so far comes out. */
  flush(): void {
    this.writer.flush()
  }

  /** The writer gives whole rows. */
  private take(bytes: Uint8Array): void {
    const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').split('\n')
    lines.pop()
    for (const [index, text] of lines.entries()) this.line(text, this.tags[index] ?? null)
    this.tags = this.tags.slice(lines.length)
  }
}

/** `FIN-WAIT-1`, and an IPv4 address with its port: rows that come later do not know of wider ones before them. */
const STATE_WIDTH = 10
const ADDRESS_WIDTH = 21

function steadyWidths(options: TableOptions): number[] {
  const widths = SocketTable.minimumWidths(options)
  const state = Number(options.netns) + Number(options.netid)
  return widths.map((width, column) => {
    if (options.state && column === state) return Math.max(width, STATE_WIDTH)
    return column >= widths.length - 2 ? Math.max(width, ADDRESS_WIDTH) : width
  })
}
