// A payload that came back different, as ping(8) shows it.

import type { ReplyEvent } from '../probe/events.js'

/** iputils' dump begins behind its time stamp, and has this many bytes a line. */
const DUMP_FROM = 16
const DUMP_LINE = 32

/** The first byte that came back wrong, and all of the payload behind the mark that probes carry. */
export function corruption({ corrupted, payload }: ReplyEvent, payloadBytes: number): string {
  const first = corrupted?.[0]
  if (first === undefined) return ''
  const hex = (byte: number): string => byte.toString(16)
  let text = `\nwrong data byte #${first.offset} should be 0x${hex(first.expected)} but was 0x${hex(first.received)}`
  const end = Math.min(payload?.length ?? 0, payloadBytes)
  for (let at = DUMP_FROM; at < end; at++) {
    if (at % DUMP_LINE === DUMP_FROM) text += `\n#${at}\t`
    text += `${hex(payload![at]!)} `
  }
  return text
}
