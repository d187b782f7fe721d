// Where captured packets come from: a file, a pipe, a ring of the kernel, the cap package.

import type { CapturedPacket } from '../wire/captured-packet.js'

/** An interface that packets were captured on. */
export interface CaptureInterface {
  /** LINKTYPE_ number. */
  linkType: number
  /** Longest part of a packet that is kept, in bytes; null when there is no limit. */
  snapLength: number | null
  name: string | null
  description: string | null
  /** The capture filter that was set on it, where the file tells it. */
  filter?: string | null
  /** What the one that captured counted on it: the kernel, or an interface statistics block. Null when unknown. */
  received: number | null
  /** Packets that the kernel or the interface dropped before they could be captured. */
  dropped: number | null
}

/** Something that is wrong with a source; what precedes it was delivered. */
export interface CaptureFlaw {
  /** What is wrong, with numbers, in one sentence without a full stop. */
  message: string
  /** Byte offset in the (decompressed) file; null for live sources. */
  offset: number | null
  /** True when nothing behind it could be read, so that the answer is not whole (exit code 5). */
  fatal: boolean
}

export interface PacketSource {
  /** Moved by `next()`. */
  readonly packet: CapturedPacket
  /** Grows as interfaces are met. */
  readonly interfaces: readonly CaptureInterface[]
  /** Grows as flaws are met. */
  readonly flaws: readonly CaptureFlaw[]
  /** `pcap`, `pcapng`, with `+gzip` or `+zstd`; `ring` and `cap` for live sources. Null until the head was read. */
  readonly format: string | null
  /** How exact its time stamps are, and whose: `kernel`, `user-space`, `file`. */
  readonly timestampSource: 'file' | 'kernel' | 'user-space'
  /** Bytes of the file that were read so far, before decompression, and its size where that is known: for progress. */
  readonly bytesRead: number
  readonly bytesTotal: number | null
  /** Moves `packet` to the next one at hand; false when more has to be waited for. Allocates nothing. */
  next(): boolean
  /** Waits until `next()` may have more; false when there is no more. @throws NetkitError when nothing can be read at all */
  more(): Promise<boolean>
  /** Makes a pending and every later `more()` answer false. What is at hand can still be taken. */
  stop(): void
  /** Idempotent. */
  close(): void
}
