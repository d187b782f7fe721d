// Addresses of a flow as text.

import { formatIpv4, formatIpv6 } from '../bytes/address.js'

/** @param word3 of an IPv4 address the only one that counts */
export function formatAddress(family: number, word0: number, word1: number, word2: number, word3: number): string {
  return family === 4 ? formatIpv4(word3) : formatIpv6(word0, word1, word2, word3)
}
