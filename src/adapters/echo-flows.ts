// What keeps the echo requests of a flow on one path: routers that balance look at the first words of what is behind the IP header,
// which for ICMP is the checksum. Two bytes of the payload, right behind our mark, make it come out the same for every probe of a
// flow, whatever its sequence (RFC 1624 has the arithmetic; "Paris traceroute" the idea).

import { internetChecksum } from '../bytes/checksum.js'
import { ECHO_COOKIE_BYTES, ICMP_ECHO } from '../wire/icmp.js'
import { IPPROTO_ICMPV6 } from '../wire/ipv6.js'
import { pseudoHeaderSum } from './pseudo-header.js'

/** Of flow 0. The same in every run, so that runs that are compared took the same branches. */
const FIRST_CHECKSUM = 0x4e6b
/** Sums count modulo this: 0 and 0xffff are one number (RFC 1071). */
const MODULUS = 0xffff
/** Where in the message the two bytes are, and the least message that has them. */
const PAD_AT = ICMP_ECHO.size + ECHO_COOKIE_BYTES
const LEAST_BYTES = PAD_AT + 2

export class EchoFlows {
  /** Sum of the addresses and the protocol in front of an ICMPv6 message (RFC 4443 section 2.3), its length left out. */
  private readonly pseudoSum: number
  private readonly family: 4 | 6
  private readonly isKnown: boolean
  private readonly kept = new Set<number>()

  /** @param source address that probes leave from; where it is not known, flows are kept but their checksum cannot be told (IPv6) */
  constructor(family: 4 | 6, source: string | null, destination: string) {
    this.family = family
    this.isKnown = family === 4 || source !== null
    this.pseudoSum = family === 4 ? 0 : pseudoHeaderSum(6, source, destination, IPPROTO_ICMPV6)
  }

  /** The checksum of a flow's probes; 0 before the first was sent, and where it is not kept or not known. */
  value(flow: number): number {
    return this.isKnown && this.kept.has(flow) ? checksumOf(flow) : 0
  }

  /**
   * Makes the message at `at`, whose checksum is 0, one of that flow. Answers the checksum that it then has; 0, and nothing
   * changed, when it has no room for the two bytes.
   */
  pad(bytes: Uint8Array, at: number, length: number, flow: number): number {
    if (length < LEAST_BYTES) return 0
    this.kept.add(flow)
    bytes[at + PAD_AT] = 0
    bytes[at + PAD_AT + 1] = 0
    const others = this.family === 4 ? 0 : this.pseudoSum + length
    const without = internetChecksum(bytes, at, at + length, others)
    const wanted = checksumOf(flow)
    // Checksums are complements of sums: what they lack is what must be added.
    const word = (without - wanted + MODULUS) % MODULUS
    bytes[at + PAD_AT] = word >> 8
    bytes[at + PAD_AT + 1] = word & 0xff
    return wanted
  }
}

/** Never 0, which stands for "not known", and never 0xffff, which no sum has. */
function checksumOf(flow: number): number {
  return 1 + ((FIRST_CHECKSUM - 1 + flow) % (MODULUS - 1))
}
