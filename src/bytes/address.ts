// IP addresses as text, from the four big-endian words a record holds.

/** Dotted quad of one big-endian word. */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

/** True when the words hold an IPv4 address mapped into IPv6 (RFC 4291, 2.5.5.2). */
export function isMapped(w0: number, w1: number, w2: number): boolean {
  return w0 === 0 && w1 === 0 && w2 === 0xffff
}

/** Text of an IPv6 address as RFC 5952 wants it: lower case, the longest run of zero groups as `::`. */
export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  const groups = [w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, w2 >>> 16, w2 & 0xffff, w3 >>> 16, w3 & 0xffff]
  let runStart = -1
  let runLength = 1
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && groups[at + length] === 0) length++
    if (length > runLength) {
      runStart = at
      runLength = length
    }
    at += length
  }
  const text = (part: number[]): string => part.map(group => group.toString(16)).join(':')
  if (runStart < 0) return text(groups)
  return `${text(groups.slice(0, runStart))}::${text(groups.slice(runStart + runLength))}`
}
