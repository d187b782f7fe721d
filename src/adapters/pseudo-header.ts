// The addresses that checksums behind the IP header cover too.

import { internetChecksum } from '../bytes/checksum.js'
import { SOCKADDR_BYTES, socketAddress } from './socket-address.js'

/** Where an address lies in its sockaddr. */
const ADDRESS = { 4: [4, 8], 6: [8, 24] } as const

/**
 * Sum of the words of a pseudo-header but its length (RFC 768, RFC 8200 section 8.1), to go on from. An address that is not known
 * counts as zeros.
 */
export function pseudoHeaderSum(family: 4 | 6, source: string | null, destination: string, protocol: number): number {
  return addressSum(family, source) + addressSum(family, destination) + protocol
}

function addressSum(family: 4 | 6, address: string | null): number {
  const bytes =
    (address === null ? null : socketAddress(family, address, 0, 0)) ?? new Uint8Array(SOCKADDR_BYTES[family])
  // The complement of a checksum is the sum again.
  const [start, end] = ADDRESS[family]
  return 0xffff - internetChecksum(bytes, start, end)
}
