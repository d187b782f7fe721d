// What is printed while a capture runs: events of flows, or packets, until the reader cannot keep up.

import { FlowEvents } from '../../flow/flow-events.js'
import type { FlowTracker } from '../../flow/tracker.js'
import { EventLines } from '../../render/capture-event-text.js'
import { writePacketJson } from '../../render/decode-packet-json.js'
import { packetTable, writePacketRow } from '../../render/decode-packet-text.js'
import { RowWriter } from '../../render/row-writer.js'
import type { CapturedPacket } from '../../wire/captured-packet.js'
import type { Output } from '../output.js'

export interface LiveView {
  packet(packet: CapturedPacket, tracker: FlowTracker): void
  /** Hands over what was printed so far, but not to a reader who has gone. */
  flush(isUnread: boolean): void
  /** Events, or packets, that were not printed as the reader was too slow. */
  readonly leftOut: number
}

/** What may wait for a slow reader: more is not printed, as packets do not wait. */
const MOST_BEHIND_BYTES = 16 * 1024 * 1024
/** Text that is kept until the end of a window at the most. */
const MOST_UNITS = 64 * 1024

export function makeEventsView(out: Output, isText: boolean): LiveView {
  const lines = new EventLines()
  let leftOut = 0
  // Apart from the output, which would write them to a pipe that is closed, and end the program.
  let text = ''
  const events = new FlowEvents(event => {
    if (out.restBytes > MOST_BEHIND_BYTES) leftOut++
    else {
      text += `${isText ? lines.line(event) : JSON.stringify(event)}\n`
      if (text.length > MOST_UNITS) pass()
    }
  })
  const pass = (): void => {
    out.write(text)
    text = ''
  }
  return {
    packet: (packet, tracker) => events.packet(packet, tracker),
    flush: isUnread => {
      if (isUnread) text = ''
      if (text === '') return
      pass()
      handOver(out)
    },
    get leftOut() {
      return leftOut
    },
  }
}

export function makePacketsView(out: Output, isText: boolean): LiveView {
  let isGone = false
  const write = (bytes: Uint8Array): void => {
    if (!isGone) out.write(bytes)
  }
  const rows = isText ? packetTable(write) : new RowWriter(write, [], 0)
  const print = isText ? writePacketRow : writePacketJson
  let leftOut = 0
  return {
    packet: (packet, tracker) => {
      if (out.restBytes > MOST_BEHIND_BYTES) leftOut++
      else print(rows, packet, tracker)
    },
    flush: isUnread => {
      isGone = isUnread
      rows.flush()
      if (!isGone) handOver(out)
    },
    get leftOut() {
      return leftOut
    },
  }
}

/** What the reader does not take at once is written by another thread. */
function handOver(out: Output): void {
  out.flush()
  // A pipe that is closed meanwhile ends the program; nothing else fails here.
  out.settled()?.catch(() => undefined)
}
