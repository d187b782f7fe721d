// Prints packets as they are decoded: rows, lines of JSON, comma-separated values, arrows.

import type { PacketVisitor } from '../../compose/decode.js'
import { packetCsv, packetCsvTitles } from '../../render/decode-csv.js'
import { Ladder } from '../../render/decode-ladder.js'
import { writePacketJson } from '../../render/decode-packet-json.js'
import { packetTable, writePacketRow } from '../../render/decode-packet-text.js'
import { RowWriter } from '../../render/row-writer.js'
import type { Output } from '../output.js'
import type { DecodeRequest } from './request.js'

export interface PacketsView extends PacketVisitor {
  /** Hands over what was printed so far. */
  flush(): void
}

export function makePacketsView({ view, form }: DecodeRequest, out: Output, columns: number): PacketsView {
  const write = (bytes: Uint8Array): void => out.write(bytes)
  if (view === 'ladder') {
    const ladder = new Ladder(columns)
    return {
      packet: (packet, tracker) => {
        for (const line of ladder.lines(packet, tracker)) out.line(line)
      },
      flush: () => out.flush(),
    }
  }
  if (form === 'csv') {
    out.line(packetCsvTitles())
    return { packet: (packet, tracker) => out.line(packetCsv(packet, tracker)), flush: () => out.flush() }
  }
  const isText = form === 'text'
  const rows = isText ? packetTable(write) : new RowWriter(write, [], 0)
  return {
    packet: isText
      ? (packet, tracker) => writePacketRow(rows, packet, tracker)
      : (packet, tracker) => writePacketJson(rows, packet, tracker),
    flush: () => {
      rows.flush()
      out.flush()
    },
  }
}
