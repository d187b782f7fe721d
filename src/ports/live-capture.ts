// What live capture is asked for, whoever captures.

export interface LiveCaptureOptions {
  /** Name of an interface, or `any` for all of them. */
  interface: string
  /** An expression in tcpdump's language; null for all packets. */
  filter: string | null
  /** Longest part of a packet that is kept, in bytes. */
  snapLength: number
  /** Whether the interface takes packets for other hosts too; of no effect on `any`. */
  promiscuous: boolean
  /** Bytes that the kernel may hold for us. */
  bufferBytes: number
}
