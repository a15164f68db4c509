import type { Clock } from '../../util/clock.js'

/** Token bucket: `perSecond` on average, as many at once. */
export class RateLimiter {
  readonly #perSecond: number
  readonly #clock: Clock
  #tokens: number
  #lastMs: number
  #suppressed = 0

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond
    this.#clock = clock
    this.#tokens = perSecond
    this.#lastMs = clock.monotonicMs()
  }

  /**
   * How many of `count` may pass now; the rest is suppressed.
   *
   * @param overMs - the time in which what is told now happened: as many may pass as if each had been told then
   */
  admit(count: number, overMs = 0): number {
    const nowMs = this.#clock.monotonicMs()
    this.#tokens = Math.min(this.#perSecond, this.#tokens + ((nowMs - this.#lastMs) * this.#perSecond) / 1000)
    this.#lastMs = nowMs
    const allowed = Math.max(this.#tokens, (overMs * this.#perSecond) / 1000)
    const admitted = Math.min(count, Math.floor(allowed))
    // What a gap has left over is there for what comes right after it.
    this.#tokens = Math.min(this.#perSecond, allowed - admitted)
    this.#suppressed += count - admitted
    return admitted
  }

  /** Suppressed since the last call. */
  takeSuppressed(): number {
    const count = this.#suppressed
    this.#suppressed = 0
    return count
  }
}
