// Decodes a capture: its packets go from the source through the tracker; what is known of it as a whole is told afterwards.

import { openCaptureFile } from '../adapters/capture-file.js'
import { type DecodeHead, linkTypeNames } from '../flow/decode-document.js'
import { formatTime } from '../flow/flow-build.js'
import { FlowTracker, type TrackerOptions } from '../flow/tracker.js'
import type { CaptureInterface, PacketSource } from '../ports/capture.js'
import type { CapturedPacket } from '../wire/captured-packet.js'

/** Gets each packet when the tracker has looked at it, which says what it is. Both are borrowed until it returns. */
export interface PacketVisitor {
  packet(packet: CapturedPacket, tracker: FlowTracker): void
}

export interface DecodeOptions extends TrackerOptions {
  /** Read on when the file grows. */
  follow?: boolean
  /** Unpack compressed files however large they become. */
  noLimit?: boolean
}

export class Decoding {
  readonly source: PacketSource
  readonly tracker: FlowTracker
  readonly #file: string
  #first: string | null = null
  #last: string | null = null
  #isBegun = false
  #isInterrupted = false

  constructor(file: string, source: PacketSource, options: TrackerOptions = {}) {
    this.#file = file
    this.source = source
    this.tracker = new FlowTracker(options)
  }

  /**
   * Takes all packets.
   * @param afterWindow called after each of the pieces in which the source is read
   * @throws NetkitError when nothing of it can be read
   */
  async run(
    visitor: PacketVisitor | null = null,
    afterWindow: (() => void | Promise<void>) | null = null,
  ): Promise<void> {
    const { source, tracker } = this
    try {
      do {
        if (!this.#isBegun && source.next()) {
          this.#isBegun = true
          this.#first = timeOf(source.packet)
          tracker.add(source.packet)
          visitor?.packet(source.packet, tracker)
        }
        if (visitor === null) drain(source, tracker)
        else drainTo(visitor, source, tracker)
        if (this.#isBegun) this.#last = timeOf(source.packet)
        await afterWindow?.()
      } while (await source.more())
    } finally {
      source.close()
    }
  }

  /** Ends the run with what was read so far. */
  stop(): void {
    this.#isInterrupted = true
    this.source.stop()
  }

  /** Time of the first packet. */
  get firstTimestamp(): string | null {
    return this.#first
  }

  get progress(): { packets: number; bytes: number; bytesTotal: number | null } {
    const { packet, bytesRead, bytesTotal } = this.source
    return { packets: packet.frame, bytes: bytesRead, bytesTotal }
  }

  /** Of what was read so far. */
  head(): DecodeHead {
    const { source } = this
    const quality = this.tracker.quality()
    return {
      file: this.#file,
      packets: quality.packets,
      bytes: quality.bytes,
      linkTypes: linkTypeNames(source.interfaces.map(({ linkType }) => linkType)),
      firstTimestamp: this.#first,
      lastTimestamp: this.#last,
      warnings: source.flaws.map(({ message }) => message),
      captureQuality: {
        ...quality,
        format: source.format,
        timestampSource: source.timestampSource,
        received: total(source.interfaces, 'received'),
        dropped: total(source.interfaces, 'dropped'),
        interrupted: this.#isInterrupted,
      },
    }
  }

  /** Whether anything is wrong with the file: what lies behind it, or a packet, could not be read. */
  get isDamaged(): boolean {
    return this.source.flaws.length > 0
  }
}

/** @throws NetkitError when the file cannot be opened */
export async function openDecoding(file: string, options: DecodeOptions = {}): Promise<Decoding> {
  return new Decoding(file, await openCaptureFile(file, options), options)
}

/** One visitor that stands for several; null for none. */
export function combined(visitors: readonly PacketVisitor[]): PacketVisitor | null {
  if (visitors.length <= 1) return visitors[0] ?? null
  return {
    packet: (packet, tracker) => {
      for (const visitor of visitors) visitor.packet(packet, tracker)
    },
  }
}

function drain(source: PacketSource, tracker: FlowTracker): void {
  while (source.next()) tracker.add(source.packet)
}

function drainTo(visitor: PacketVisitor, source: PacketSource, tracker: FlowTracker): void {
  while (source.next()) {
    tracker.add(source.packet)
    visitor.packet(source.packet, tracker)
  }
}

function timeOf({ timeKnown, seconds, nanoseconds }: CapturedPacket): string | null {
  return timeKnown ? formatTime(seconds, nanoseconds) : null
}

/** Null when no interface tells. */
function total(interfaces: readonly CaptureInterface[], key: 'received' | 'dropped'): number | null {
  const known = interfaces.map(each => each[key]).filter(count => count !== null)
  return known.length === 0 ? null : known.reduce((sum, count) => sum + count, 0)
}
