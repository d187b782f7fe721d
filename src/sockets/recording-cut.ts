// What can be used of a section that the file ends in.

import { NLMSGHDR } from '../netlink/message.js'
import type { SectionPlace } from './recording.js'
import type { ByteSource } from './recording-header.js'

const NEWLINE = 10

/** What is whole of a section that the file ends in, be it of messages or of lines; null when nothing is. */
export function salvage(source: ByteSource, section: SectionPlace, isMessages: boolean): SectionPlace | null {
  const length = isMessages ? wholeMessages(source, section) : wholeLines(source, section)
  return length === 0 ? null : { ...section, length }
}

/** How many of the bytes at `offset` are whole netlink messages. */
function wholeMessages(source: ByteSource, { offset, length }: SectionPlace): number {
  const bytes = source.read(offset, length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let whole = 0
  while (bytes.length - whole >= NLMSGHDR.size) {
    const size = view.getUint32(whole, true)
    if (size < NLMSGHDR.size || size > bytes.length - whole) break
    // The padding of the last message may be what is missing.
    whole = Math.min(whole + ((size + 3) & ~3), bytes.length)
  }
  return whole
}

/** How many of the bytes at `offset` are whole lines. */
function wholeLines(source: ByteSource, { offset, length }: SectionPlace): number {
  return source.read(offset, length).lastIndexOf(NEWLINE) + 1
}
