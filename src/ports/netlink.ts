// How a collector talks netlink, whoever carries the bytes: the kernel, or a recording.

/** Datagrams read together. Bytes are borrowed: the next `read` overwrites them, be it at once or in the background. */
export interface DatagramBatch {
  readonly data: DataView
  readonly bytes: Uint8Array
  readonly count: number
  /** Byte offset of datagram `index` in `data`. */
  start(index: number): number
  /** Length in bytes of datagram `index`. */
  length(index: number): number
  /** True when datagram `index` was longer than its slot, so that its end is lost. */
  truncated(index: number): boolean
}

export interface NetlinkConnection {
  /** Sends one request. @throws SystemCallError */
  send(request: Uint8Array): void
  /**
   * The datagrams that are ready. While the caller works on them, the next ones are read in the background, so that a dump
   * runs at the kernel's speed. `null` when nothing is ready. @throws SystemCallError
   */
  read(): DatagramBatch | null | Promise<DatagramBatch | null>
  /** The datagrams that are ready now, without reading ahead. `null` when nothing is ready. @throws SystemCallError */
  readNow(): DatagramBatch | null
  /** Joins multicast groups (bit = group - 1). @throws SystemCallError */
  join(groups: number): void
  /** Calls back whenever datagrams are ready, until close. @throws SystemCallError */
  onReadable(callback: () => void): void
  /** Messages that came faster than they were read and that the kernel threw away (ENOBUFS); null where it does not tell. A recording loses none. */
  lost?(): number | null
  close(): void
}

export interface NetlinkPort {
  /** Opens a socket of netlink protocol `protocol`, in the namespace of descriptor `netnsFd` (-1: the caller's). @throws SystemCallError */
  open(protocol: number, netnsFd: number): NetlinkConnection
}
