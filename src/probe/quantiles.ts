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
/** Buckets added at a time. */
const STEP = 64

/**
 * Percentiles by nearest rank: the p-th of n samples is the smallest one that at least p percent of them do not exceed, that is the
 * ceil(n p / 100)-th in order. It is always a sample, never something between two.
 */
export class Quantiles {
  private readonly limit: number
  /** null once there are too many. */
  private samples: number[] | null = []
  private sorted: Float64Array | null = null
  private sketch: Sketch | null = null
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
    if (this.samples === null) {
      this.sketch!.add(value)
      return
    }
    this.sorted = null
    // One sample is what most of very many targets have, and the array of a literal has room for no more.
    if (this.count === 1) this.samples = [value]
    else this.samples.push(value)
    if (this.count > this.limit) this.giveUpSamples(this.samples)
  }

  /** The percentile of a whole number of percent from 0 to 100; null without samples. */
  at(percent: number): number | null {
    if (this.count === 0) return null
    const rank = Math.max(Math.ceil((this.count * percent) / 100), 1)
    if (this.samples !== null) {
      this.sorted ??= Float64Array.from(this.samples).sort()
      return this.sorted[rank - 1]!
    }
    if (rank === this.count) return this.max
    return Math.min(Math.max(this.sketch!.at(rank), this.min), this.max)
  }

  /** Whether percentiles are exact still; else they are off by RELATIVE_ERROR at most. */
  get exact(): boolean {
    return this.samples !== null
  }

  /** How many numbers are held: what memory goes with. */
  get held(): number {
    return (this.samples?.length ?? 0) + (this.sorted?.length ?? 0) + (this.sketch?.held ?? 0)
  }

  private giveUpSamples(samples: readonly number[]): void {
    this.sketch = new Sketch()
    for (const sample of samples) this.sketch.add(sample)
    this.samples = null
    this.sorted = null
  }
}

/** Counts by bucket, from the lowest that was needed to the highest. */
class Sketch {
  private counts = new Float64Array(0)
  /** Bucket of the first of `counts`. */
  private first = 0

  get held(): number {
    return this.counts.length
  }

  add(value: number): void {
    const bucket = Math.min(Math.max(bucketOf(value), FIRST_BUCKET), LAST_BUCKET)
    if (bucket < this.first || bucket >= this.first + this.counts.length) this.makeRoom(bucket)
    this.counts[bucket - this.first]! += 1
  }

  /** The sample of that rank, from 1, as its bucket tells it. */
  at(rank: number): number {
    let seen = 0
    for (const [index, count] of this.counts.entries()) {
      seen += count
      if (seen >= rank) return (2 * GAMMA ** (this.first + index)) / (GAMMA + 1)
    }
    return Number.POSITIVE_INFINITY
  }

  private makeRoom(bucket: number): void {
    const before = this.counts
    const empty = before.length === 0
    const first = empty ? bucket : bucket < this.first ? bucket - STEP : this.first
    const end = Math.max(bucket + STEP, empty ? 0 : this.first + before.length)
    this.counts = new Float64Array(end - first)
    if (!empty) this.counts.set(before, this.first - first)
    this.first = first
  }
}

/** 0 has no logarithm: -Infinity, which is below every bucket. */
function bucketOf(value: number): number {
  return Math.ceil(Math.log(value) / LOG_GAMMA)
}
