import type { HistogramPoint } from '../data/metric.js'

/** Upper bounds in milliseconds: from a processor's microseconds to an export that waits for its deadline. */
const kBoundsMs: readonly number[] = [0.1, 0.5, 1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 30_000]

/** Cumulative histogram of durations, as OpenTelemetry's explicit buckets: a bound belongs to the bucket below it. */
export class DurationHistogram {
  readonly #buckets = new Array<number>(kBoundsMs.length + 1).fill(0)
  #count = 0
  #sumMs = 0

  record(ms: number): void {
    let bucket = 0
    while (bucket < kBoundsMs.length && ms > kBoundsMs[bucket]!) bucket++
    this.#buckets[bucket]!++
    this.#count++
    this.#sumMs += ms
  }

  /** Undefined while nothing was recorded. */
  read(): Pick<HistogramPoint, 'count' | 'sum' | 'bounds' | 'bucketCounts'> | undefined {
    if (this.#count === 0) return undefined
    return { count: this.#count, sum: this.#sumMs, bounds: kBoundsMs, bucketCounts: [...this.#buckets] }
  }
}
