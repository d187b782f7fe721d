// Whether two shares differ by more than chance, exactly: no approximation that fails for few probes.

/** ln(n!) for n below TABLE_SIZE; beyond, Stirling's series is exact to 1e-13 of it. */
const TABLE_SIZE = 256
const TABLE = new Float64Array(TABLE_SIZE)
for (let n = 2; n < TABLE_SIZE; n++) TABLE[n] = TABLE[n - 1]! + Math.log(n)

export function logFactorial(n: number): number {
  if (n < TABLE_SIZE) return TABLE[n]!
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n) - 1 / (360 * n ** 3)
}

/** So many lost of so many sent. */
export interface Share {
  readonly lost: number
  readonly sent: number
}

/** Shares together. */
export function pooled(shares: Iterable<Share>): Share {
  let lost = 0
  let sent = 0
  for (const each of shares) {
    lost += each.lost
    sent += each.sent
  }
  return { lost, sent }
}

/** From 0 to 1; 0 of nothing. */
export function ratio({ lost, sent }: Share): number {
  return sent === 0 ? 0 : lost / sent
}

/**
 * Fisher's exact test, one-sided: how likely the first would lose as many as it did, or more, if both lost alike and all that is
 * known is how many were lost together. Small: the first loses more.
 */
export function losesMoreByChance(first: Share, second: Share): number {
  const lost = first.lost + second.lost
  const sent = first.sent + second.sent
  // First.lost / first.sent <= second.lost / second.sent, without a division by nothing.
  if (first.lost * second.sent <= second.lost * first.sent) return 1
  const most = Math.min(first.sent, lost)
  const kept = second.sent - lost
  let term = Math.exp(logChoose(first.sent, first.lost) + logChoose(second.sent, second.lost) - logChoose(sent, lost))
  let sum = term
  // Each term out of the one before; beyond the mean they fall faster than a geometric series.
  for (let k = first.lost; k < most && term > sum * 1e-12; k++) {
    term *= ((first.sent - k) / (k + 1)) * ((lost - k) / (kept + k + 1))
    sum += term
  }
  return Math.min(sum, 1)
}

/** ln of the likelihood of what was lost under the share that explains it best. */
export function logLikelihood({ lost, sent }: Share): number {
  return lost <= 0 || lost >= sent ? 0 : logLikelihoodOf({ lost, sent }, lost / sent)
}

/** The same under a given share, which is neither 0 nor 1. */
export function logLikelihoodOf({ lost, sent }: Share, share: number): number {
  return lost * Math.log(share) + (sent - lost) * Math.log1p(-share)
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}
