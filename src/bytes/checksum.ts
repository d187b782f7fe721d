// The one's-complement sum that IP, ICMP, TCP and UDP protect their headers with (RFC 1071).

/**
 * Checksum of `start`..`end` as it goes on the wire; 0 when those bytes contain a right checksum already.
 * @param initial unfolded sum of 16-bit words to go on from, such as a pseudo-header's: at most 2^32
 */
export function internetChecksum(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  let sum = initial
  const even = end - ((end - start) & 1)
  // 65,535 bytes add up to less than 2^31, so nothing is lost before the fold.
  for (let at = start; at < even; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!
  // RFC 1071 section 4.1: the last odd byte counts as the first half of a word.
  if (even !== end) sum += bytes[even]! << 8
  while (sum > 0xffff) sum = Math.floor(sum / 0x10000) + (sum % 0x10000)
  return 0xffff - sum
}
