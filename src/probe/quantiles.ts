// Percentiles of many samples in bounded memory: exact as long as there are few, then within a stated relative error.

/** Samples that are kept as they are; 160 kB of them. */
export const EXACT_SAMPLES = 20_000
/** Most that an answer is off by once there are more samples. */
export const RELATIVE_ERROR = 0.005

/**
 * Bucket i of the sketch holds what lies in (GAMMA^(i-1), GAMMA^i]. Answering 2 GAMMA^i / (GAMMA + 1) is then off by RELATIVE_ERROR
 * at most (Masson, Rim and Lee, "DDSketch", VLDB 2019, section 2).
 */
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)
/** Buckets end at a tenth of a nanosecond and at a year, in milliseconds: fewer than 4,500 of them. */
const LEAST = 1e-7
const MOST = 3.2e10
const FIRST_BUCKET = bucketOf(LEAST)
const LAST_BUCKET = bucketOf(MOST)

/**
 * What is added to a count: a bucket, from FIRST_BUCKET on, is so many times as much. Both are whole numbers, and exact in their sum.
 */
const BUCKET = 2 ** 36
/** Room for the first numbers; doubled when it is full. */
const FEWEST = 32
const NOTHING = new Float64Array(0)
/** Samples on their way into a sketch: thousands of targets may be at it in one round. */
let scratch = NOTHING

/**
 * Percentiles by nearest rank: the p-th of n samples is the smallest one that at least p percent of them do not exceed, that is the
 * ceil(n p / 100)-th in order. It is always a sample, never something between two.
 */
export class Quantiles {
  private readonly limit: number
  /**
   * The samples; once there are too many, the counts of those buckets that have any, the lowest first, bucket and count in one number
   * each: of thousands of targets each has few buckets, but here and there one far from the others.
   */
  private numbers: Float64Array = NOTHING
  private used = 0
  private isSketch = false
  private isSorted = false
  private count = 0
  private min = Number.POSITIVE_INFINITY
  private max = Number.NEGATIVE_INFINITY

  /** @param limit samples that are kept as they are */
  constructor(limit = EXACT_SAMPLES) {
    this.limit = limit
  }

  /** Takes a sample: a number that is not negative. */
  add(value: number): void {
    this.count++
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    if (!this.isSketch && this.used === this.limit) this.giveUpSamples()
    if (this.isSketch) this.countIn(value)
    else {
      this.isSorted = false
      this.insert(this.used, value)
    }
  }

  /** The percentile of a whole number of percent from 0 to 100; null without samples. */
  at(percent: number): number | null {
    if (this.count === 0) return null
    const rank = Math.max(Math.ceil((this.count * percent) / 100), 1)
    if (this.isSketch) {
      return rank === this.count ? this.max : Math.min(Math.max(this.sketchAt(rank), this.min), this.max)
    }
    if (!this.isSorted) this.numbers.subarray(0, this.used).sort()
    this.isSorted = true
    return this.numbers[rank - 1]!
  }

  /** Whether percentiles are exact still; else they are off by RELATIVE_ERROR at most. */
  get exact(): boolean {
    return !this.isSketch
  }

  /** How many numbers are held: what memory goes with. */
  get held(): number {
    return this.used
  }

  private giveUpSamples(): void {
    const samples = this.used
    if (scratch.length < this.numbers.length) scratch = new Float64Array(this.numbers.length)
    scratch.set(this.numbers)
    this.used = 0
    this.isSketch = true
    for (let at = 0; at < samples; at++) this.countIn(scratch[at]!)
  }

  private countIn(value: number): void {
    const bucket = Math.min(Math.max(bucketOf(value), FIRST_BUCKET), LAST_BUCKET) - FIRST_BUCKET
    const { numbers } = this
    // The first of a higher bucket.
    let low = 0
    let high = this.used
    while (low < high) {
      const middle = (low + high) >>> 1
      if (numbers[middle]! < (bucket + 1) * BUCKET) low = middle + 1
      else high = middle
    }
    if (low > 0 && numbers[low - 1]! >= bucket * BUCKET) numbers[low - 1]! += 1
    else this.insert(low, bucket * BUCKET + 1)
  }

  /** The sample of that rank, from 1, as its bucket tells it. */
  private sketchAt(rank: number): number {
    let seen = 0
    for (const number of this.numbers.subarray(0, this.used)) {
      const bucket = Math.floor(number / BUCKET)
      seen += number - bucket * BUCKET
      if (seen >= rank) return (2 * GAMMA ** (FIRST_BUCKET + bucket)) / (GAMMA + 1)
    }
    return Number.POSITIVE_INFINITY
  }

  private insert(at: number, number: number): void {
    if (this.used === this.numbers.length) {
      const larger = new Float64Array(Math.max(FEWEST, 2 * this.used))
      larger.set(this.numbers)
      this.numbers = larger
    }
    if (at < this.used) this.numbers.copyWithin(at + 1, at, this.used)
    this.numbers[at] = number
    this.used++
  }
}

/** 0 has no logarithm: -Infinity, which is below every bucket. */
function bucketOf(value: number): number {
  return Math.ceil(Math.log(value) / LOG_GAMMA)
}
