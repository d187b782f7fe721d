// What the kernel's error queue says of a packet: ICMP errors, refusals of its own, and transmit time stamps.

import { formatIpv4, formatIpv6 } from '../bytes/address.js'
import { layout } from '../bytes/layout.js'

/** linux/errqueue.h, struct sock_extended_err. The offender's sockaddr follows. */
export const SOCK_EXTENDED_ERR = layout('sock_extended_err', 16, [
  ['errno', 'u32'],
  ['origin', 'u8'],
  ['type', 'u8'],
  ['code', 'u8'],
  ['pad', 'u8'],
  ['info', 'u32'],
  ['data', 'u32'],
])

/** This host's kernel refused by itself. */
export const SO_EE_ORIGIN_LOCAL = 1
export const SO_EE_ORIGIN_ICMP = 2
export const SO_EE_ORIGIN_ICMP6 = 3
/** A transmit time stamp: `info` is one of SCM_TSTAMP_*, `data` counts the messages sent. */
export const SO_EE_ORIGIN_TIMESTAMPING = 4

/** linux/errqueue.h: a stamp of the driver, of the packet scheduler. */
export const SCM_TSTAMP_SND = 0
export const SCM_TSTAMP_SCHED = 1

const AF_INET = 2
const AF_INET6 = 10
const SOCKADDR_IN_BYTES = 16
const SOCKADDR_IN6_BYTES = 28
const { offset, size } = SOCK_EXTENDED_ERR

/** A struct sock_extended_err with the address behind it: the data of an IP_RECVERR or IPV6_RECVERR control message. */
export class ExtendedError {
  errno = 0
  origin = 0
  type = 0
  code = 0
  /** MTU of "too big", pointer of a parameter problem, better router of a redirect, kind of a transmit stamp. */
  info = 0
  data = 0
  private view: DataView = new DataView(new ArrayBuffer(0))
  private offender = 0
  private end = 0

  /** Reads the record at `start`..`end` of `data`; false, and nothing changed, when it is too short. */
  move(data: DataView, start: number, end: number): boolean {
    if (start < 0 || end > data.byteLength || end - start < size) return false
    this.errno = data.getUint32(start + offset.errno, true)
    this.origin = data.getUint8(start + offset.origin)
    this.type = data.getUint8(start + offset.type)
    this.code = data.getUint8(start + offset.code)
    this.info = data.getUint32(start + offset.info, true)
    this.data = data.getUint32(start + offset.data, true)
    this.view = data
    this.offender = start + size
    this.end = end
    return true
  }

  /** A router or host said it. */
  get isIcmp(): boolean {
    return this.origin === SO_EE_ORIGIN_ICMP || this.origin === SO_EE_ORIGIN_ICMP6
  }

  /** Bytes of the packet's payload that the router quoted, where it says so and IP_RECVERR_RFC4884 is on; else 0. */
  get quotedBytes(): number {
    return this.isIcmp ? this.data & 0xffff : 0
  }

  /** Who said it, in text; null when nobody did (the address is there, with a family of 0) or it was cut off. */
  offenderAddress(): string | null {
    const { view, offender: at, end } = this
    if (end - at < SOCKADDR_IN_BYTES) return null
    const family = view.getUint16(at, true)
    if (family === AF_INET) return formatIpv4(view.getUint32(at + 4))
    if (family !== AF_INET6 || end - at < SOCKADDR_IN6_BYTES) return null
    return formatIpv6(view.getUint32(at + 8), view.getUint32(at + 12), view.getUint32(at + 16), view.getUint32(at + 20))
  }

  /** Interface that the offender's IPv6 address belongs to (sin6_scope_id); 0 for addresses that need none. */
  offenderScope(): number {
    const { view, offender: at, end } = this
    if (end - at < SOCKADDR_IN6_BYTES || view.getUint16(at, true) !== AF_INET6) return 0
    return view.getUint32(at + 24, true)
  }
}
