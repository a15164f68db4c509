/** Units whose rates are followed; past that all begin anew. */
const kMaxUnits = 16_384

interface Bucket {
  tokens: number
  lastUsec: number
  suppressed: number
}

/**
 * A token bucket per unit: `perSecond` lines on average, as many at once. Its time is that of the lines, so those that an
 * agent catches up with after an outage count as they were written.
 */
export class LineLimiter {
  readonly #perSecond: number
  readonly #buckets = new Map<string, Bucket>()

  /** @param perSecond - lines per unit and second; 0 for no limit */
  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Whether a line of `unit`, written at `usec`, passes. */
  admit(unit: string, usec: number): boolean {
    if (this.#perSecond === 0) return true
    let bucket = this.#buckets.get(unit)
    if (bucket === undefined) {
      if (this.#buckets.size >= kMaxUnits) this.#forgetQuiet()
      bucket = { tokens: this.#perSecond, lastUsec: usec, suppressed: 0 }
      this.#buckets.set(unit, bucket)
    }
    // A clock that was set back gives nothing and takes nothing.
    const passed = Math.max(0, usec - bucket.lastUsec)
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + (passed * this.#perSecond) / 1e6)
    bucket.lastUsec = usec
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1
      return true
    }
    bucket.suppressed++
    return false
  }

  /** Units with lines suppressed since the last call, and how many. */
  takeSuppressed(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const [unit, bucket] of this.#buckets) {
      if (bucket.suppressed > 0) counts.set(unit, bucket.suppressed)
      bucket.suppressed = 0
    }
    return counts
  }

  #forgetQuiet(): void {
    for (const [unit, { suppressed }] of this.#buckets) if (suppressed === 0) this.#buckets.delete(unit)
    if (this.#buckets.size >= kMaxUnits) this.#buckets.clear()
  }
}
