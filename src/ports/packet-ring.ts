// What live capture needs beyond a socket: the kernel's ring of packets as memory, and the compiler of capture filters.

import type { Outcome, SocketHandle, SocketPort } from './socket.js'

export interface PacketRingPort extends SocketPort {
  /**
   * mmap(2) of all `length` bytes of the ring of a packet socket (PACKET_RX_RING). Once a socket. `close` detaches the buffer; what
   * reads it then finds it empty. Answers -errno where it cannot be mapped.
   */
  mapRing(handle: SocketHandle, length: number): ArrayBuffer | Outcome
  /**
   * pcap_compile(3) of an expression in tcpdump's language, by the libpcap of this machine.
   * @param linkType DLT_ number of what the program shall run on
   * @param snapLength what the program answers for a packet that matches
   * @param program gets the instructions, struct sock_filter
   * @param message gets text with a zero behind it when there is an error
   * @returns bytes of instructions; -ENOSYS without libpcap, -EINVAL when the expression is wrong, -ENOSPC when `program` is too
   * short; the first two with a message
   */
  compileFilter(
    expression: Uint8Array,
    linkType: number,
    snapLength: number,
    program: Uint8Array,
    message: Uint8Array,
  ): Outcome
}
