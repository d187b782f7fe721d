// IEEE 802.11 data frames, with and without the radiotap header in front.

import { STEP_LLC, STOP_ENCRYPTED, STOP_NO_NETWORK, type WalkCursor } from './walk-cursor.js'

/** IEEE 802.11 section 9.2.4.1: frame control, as two bytes in network order. */
const TYPE = 0x0c00
const TYPE_DATA = 0x0800
const QOS = 0x8000
const NO_DATA = 0x4000
const TO_AND_FROM_DS = 0x0003
const PROTECTED = 0x0040
const ORDER = 0x0080
/** Of QoS control: several frames in one (section 9.3.2.2). */
const AGGREGATE = 0x80

const HEADER_BYTES = 24
const ADDRESS_BYTES = 6

/** radiotap.org, fields "TSFT" and "Flags". */
const PRESENT_TSFT = 0x01
const PRESENT_FLAGS = 0x02
const FLAG_DATA_PAD = 0x20

export function wireless(cursor: WalkCursor): number {
  return frame(cursor, false)
}

/** radiotap.org: version 0, length and field masks in little endian. */
export function radiotap(cursor: WalkCursor): number {
  const { data, at } = cursor
  if (cursor.end - at < 8) return cursor.short(8)
  const length = data.getUint16(at + 2, true)
  if (data.getUint8(at) !== 0 || length < 8) return cursor.malformed()
  if (cursor.end - at < length) return cursor.short(length)
  const padded = hasDataPad(data, at, at + length)
  cursor.at = at + length
  return frame(cursor, padded)
}

/** Whether the 802.11 header is padded to four bytes. Fields are aligned to their size from the start of the header. */
function hasDataPad(data: DataView, start: number, end: number): boolean {
  const present = data.getUint32(start + 4, true)
  if ((present & PRESENT_FLAGS) === 0) return false
  let field = start + 8
  // Bit 31: another mask follows.
  for (let mask = present; mask >>> 31 === 1 && end - field >= 4; field += 4) mask = data.getUint32(field, true)
  if ((present & PRESENT_TSFT) !== 0) field = start + ((field - start + 7) & ~7) + 8
  return field < end && (data.getUint8(field) & FLAG_DATA_PAD) !== 0
}

function frame(cursor: WalkCursor, padded: boolean): number {
  const { data, at } = cursor
  if (cursor.end - at < 2) return cursor.short(2)
  const control = data.getUint16(at)
  if ((control & TYPE) !== TYPE_DATA || (control & NO_DATA) !== 0) return cursor.stop(STOP_NO_NETWORK)
  let length = HEADER_BYTES
  if ((control & TO_AND_FROM_DS) === TO_AND_FROM_DS) length += ADDRESS_BYTES
  const qosAt = length
  // Section 9.2.4.5, and four bytes of HT control with the order bit.
  if ((control & QOS) !== 0) length += (control & ORDER) === 0 ? 2 : 6
  if (padded) length = (length + 3) & ~3
  if (cursor.end - at < length) return cursor.short(length)
  if ((control & PROTECTED) !== 0) return cursor.stop(STOP_ENCRYPTED)
  if ((control & QOS) !== 0 && (data.getUint8(at + qosAt) & AGGREGATE) !== 0) return cursor.stop(STOP_NO_NETWORK)
  cursor.at = at + length
  return STEP_LLC
}
