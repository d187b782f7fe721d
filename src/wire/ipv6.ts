// IPv6 headers as an ICMPv6 error quotes them, and the extension headers between them and what they carry.

import { formatIpv6 } from '../bytes/address.js'
import { layout } from '../bytes/layout.js'

/** RFC 8200 section 3. */
export const IPV6 = layout('ipv6', 40, [
  ['versionClassFlow', 'be32'],
  ['payloadLength', 'be16'],
  ['nextHeader', 'u8'],
  ['hopLimit', 'u8'],
  ['source', 16],
  ['destination', 16],
])

/** linux/in.h, linux/in6.h */
export const IPPROTO_ICMPV6 = 58
const IPPROTO_HOPOPTS = 0
const IPPROTO_ROUTING = 43
const IPPROTO_FRAGMENT = 44
const IPPROTO_AH = 51
const IPPROTO_DSTOPTS = 60

/** More extension headers than any honest packet has. */
const MOST_HEADERS = 16

const { offset, size } = IPV6

/** One IPv6 packet, of which the end may be missing. */
export class Ipv6View {
  hopLimit = 0
  trafficClass = 0
  flowLabel = 0
  /** What comes behind the extension headers: a protocol number, or that of the header the walk ended at. */
  protocol = 0
  /** Of the payload within the whole packet, in bytes; the next header is there only where it is 0. */
  fragmentOffset = 0
  payloadStart = 0
  payloadEnd = 0
  private view: DataView = new DataView(new ArrayBuffer(0))
  private start = 0

  /** Reads the packet at `start`..`end` of `data`; false, and nothing changed, when there is no whole IPv6 header. */
  move(data: DataView, start: number, end: number): boolean {
    if (start < 0 || end > data.byteLength || end - start < size) return false
    const word = data.getUint32(start + offset.versionClassFlow)
    if (word >>> 28 !== 6) return false
    const payloadLength = data.getUint16(start + offset.payloadLength)
    this.view = data
    this.start = start
    this.hopLimit = data.getUint8(start + offset.hopLimit)
    this.trafficClass = (word >>> 20) & 0xff
    this.flowLabel = word & 0xfffff
    // 0 is a jumbogram's (RFC 2675), whose length is in an option.
    this.payloadEnd = payloadLength === 0 ? end : Math.min(start + size + payloadLength, end)
    this.walk(data, data.getUint8(start + offset.nextHeader), start + size)
    return true
  }

  /** Where it is from, in text. */
  source(): string {
    return this.address(offset.source)
  }

  /** Where it goes to, in text. */
  destination(): string {
    return this.address(offset.destination)
  }

  private address(field: number): string {
    const { view, start } = this
    const at = start + field
    return formatIpv6(view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 8), view.getUint32(at + 12))
  }

  /** RFC 8200 section 4: passes over extension headers, as many as are whole. */
  private walk(data: DataView, first: number, start: number): void {
    let protocol = first
    let at = start
    this.fragmentOffset = 0
    for (let count = 0; count < MOST_HEADERS && this.payloadEnd - at >= 8; count++) {
      let length = (data.getUint8(at + 1) + 1) * 8
      if (protocol === IPPROTO_FRAGMENT) {
        length = 8
        this.fragmentOffset = data.getUint16(at + 2) & 0xfff8
      } else if (protocol === IPPROTO_AH) {
        // RFC 4302 section 2.2 counts words of 32 bits.
        length = (data.getUint8(at + 1) + 2) * 4
      } else if (protocol !== IPPROTO_HOPOPTS && protocol !== IPPROTO_ROUTING && protocol !== IPPROTO_DSTOPTS) {
        break
      }
      if (length > this.payloadEnd - at) break
      protocol = data.getUint8(at)
      at += length
      if (this.fragmentOffset > 0) break
    }
    this.protocol = protocol
    this.payloadStart = at
  }
}
