// What the writers of both formats have in common.

import type { CapturedPacket } from '../wire/captured-packet.js'

export type CaptureFormat = 'pcap' | 'pcapng'

/** Encodes into a buffer of its caller, who takes the bytes away when there are enough of them. */
export interface CaptureWriter {
  /** What every file begins with; again for the next file of several. */
  head(): void
  /** @throws UsageError when the packet does not fit into this kind of file */
  packet(packet: CapturedPacket): void
  /** What a file ends with. */
  end(): void
}

/** The format that the name of a file asks for. */
export function captureFormatOf(path: string): CaptureFormat {
  return /\.(pcapng|ntar)$/i.test(path) ? 'pcapng' : 'pcap'
}
