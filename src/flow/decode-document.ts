// What `netkit decode` says of a capture as a whole: the keys of its JSON document but the lists.

import { LINK_TYPES, linkTypeName } from '../wire/link-types.js'
import type { CaptureQuality } from './quality.js'

export interface LinkTypeName {
  /** LINKTYPE_ number. */
  number: number
  name: string
  description: string
}

/** What the source says of itself beside what was counted. */
export interface DecodeQuality extends CaptureQuality {
  /** `pcap`, `pcapng`, with `+gzip` or `+zstd`. */
  format: string | null
  timestampSource: 'file' | 'kernel' | 'user-space'
  /** What was received and dropped on the interfaces, where the file tells it. */
  received: number | null
  dropped: number | null
  /** It ended before all was read: Ctrl-C. */
  interrupted: boolean
}

export interface DecodeHead {
  file: string
  packets: number
  /** Length of all packets on the wire. */
  bytes: number
  linkTypes: LinkTypeName[]
  /** Of the first and the last packet, in the order of the file: seconds since 1970 with nine decimals. */
  firstTimestamp: string | null
  lastTimestamp: string | null
  warnings: string[]
  captureQuality: DecodeQuality
}

export function linkTypeNames(numbers: readonly number[]): LinkTypeName[] {
  return [...new Set(numbers)].map(number => {
    const { description = `link type ${number}` } = LINK_TYPES.get(number) ?? {}
    return { number, name: linkTypeName(number), description }
  })
}
