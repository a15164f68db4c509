/**
 * What one unit may still send: a bucket of tokens that fills with its share. As long as more than half is in it every record passes; below,
 * records pass with a probability that falls with the square of what is left, so that the bucket never runs dry.
 *
 *     tokens    burst ........ half ......... 0
 *     passes      1             1    (t/half)²
 *
 * A unit that sends `r` per second and has a share of `s` comes to rest where the probability is s / r. No probability is ever 0, and each
 * is settled before it is known which records come: that is what makes weighted counts unbiased. What passes is at most
 * `burst + 1 + share * time`, of spans (chosen by their trace) in the mean.
 */
export class UnitBudget {
  /** Records that came since the shares were settled last. */
  arrived = 0
  readonly #half: number
  #tokens: number
  #atMs: number
  /** Records that should have passed beyond those that did, in [0, 1): carried on, so that fractions are not lost. */
  #credit: number

  /** @param chance - uniform in [0, 1): where the rounding begins */
  constructor(burst: number, nowMs: number, chance: number) {
    this.#half = burst / 2
    this.#tokens = burst
    this.#atMs = nowMs
    this.#credit = chance
  }

  /**
   * Takes out what `records` more cost.
   *
   * @param share - tokens per second
   * @returns the probability with which each of them is to pass, in (0, 1]
   */
  take(records: number, share: number, nowMs: number): number {
    const half = this.#half
    this.#tokens = Math.min(this.#tokens + (share * (nowMs - this.#atMs)) / 1000, half * 2)
    this.#atMs = nowMs
    const free = Math.max(this.#tokens - half, 0)
    if (records <= free) {
      this.#tokens -= records
      return 1
    }
    const before = this.#tokens
    // Of the others each takes (t/half)² in the mean: dt/dn = -(t/half)², solved.
    const from = Math.min(before, half)
    this.#tokens = from / (1 + ((records - free) * from) / (half * half))
    return (before - this.#tokens) / records
  }

  /** How many of `records` are to pass at this probability: a whole number, right in the mean and never more than one off in sum. */
  round(records: number, probability: number): number {
    const due = records * probability + this.#credit
    const whole = Math.min(Math.floor(due), records)
    this.#credit = due - whole
    return whole
  }
}
