// What is said of many round-trip times: extremes, means, deviations, percentiles.

import { Quantiles } from './quantiles.js'

/** Round-trip times in milliseconds. Answers that are late, duplicate or corrupted are not among them. */
export interface RttStatistics {
  min: number
  avg: number
  max: number
  /** iputils': the square root of the mean of squares less the square of the mean (a population deviation). */
  mdev: number
  /** Sample standard deviation (n - 1); null of one sample, which has none. */
  stddev: number | null
  /** By nearest rank; beyond 20,000 answers within 0.5 % (quantiles.ts), with many targets beyond fewer (`exactSamplesFor`). */
  p50: number
  p90: number
  p95: number
  p99: number
}

/** Those of a single answer; null when the time is negative, which is none. */
export function statisticsOfOne(rttMs: number): RttStatistics | null {
  if (rttMs < 0) return null
  return { min: rttMs, avg: rttMs, max: rttMs, mdev: 0, stddev: null, p50: rttMs, p90: rttMs, p95: rttMs, p99: rttMs }
}

/** Takes round-trip times in order of their arrival. */
export class RttTimes {
  readonly quantiles: Quantiles
  private count = 0
  private min = Number.POSITIVE_INFINITY
  private max = 0
  private mean = 0
  /** Sum of squares of the distances to the mean (Welford), which does not cancel out as a sum of squares does. */
  private m2 = 0
  private last = 0
  private ewma = 0
  private jitter = 0

  constructor(exactSamples: number) {
    this.quantiles = new Quantiles(exactSamples)
  }

  add(rttMs: number): void {
    const first = this.count++ === 0
    this.min = Math.min(this.min, rttMs)
    this.max = Math.max(this.max, rttMs)
    const distance = rttMs - this.mean
    this.mean += distance / this.count
    this.m2 += distance * (rttMs - this.mean)
    this.ewma += first ? rttMs : (rttMs - this.ewma) / 8
    if (!first) this.jitter += (Math.abs(rttMs - this.last) - this.jitter) / 16
    this.last = rttMs
    this.quantiles.add(rttMs)
  }

  get ewmaMs(): number | null {
    return this.count === 0 ? null : this.ewma
  }

  get rfc3550JitterMs(): number | null {
    return this.count < 2 ? null : this.jitter
  }

  statistics(): RttStatistics | null {
    const { count, min, max, m2, quantiles } = this
    if (count === 0) return null
    return {
      min,
      avg: Math.min(Math.max(this.mean, min), max),
      max,
      mdev: Math.sqrt(m2 / count),
      stddev: count === 1 ? null : Math.sqrt(m2 / (count - 1)),
      p50: quantiles.at(50)!,
      p90: quantiles.at(90)!,
      p95: quantiles.at(95)!,
      p99: quantiles.at(99)!,
    }
  }
}
