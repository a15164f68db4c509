/** 96 units are some 25 ms of PID 1 (decision 0281), and with the answers' way a tenth of a second. */
const kMost = 96
const kFewest = 4
/** Other questions wait for a sweep: pings, samples, a reading after a gap. */
const kAimMs = 500
/** Between two sweeps at least; between slow ones as long as the last one took, so half of PID 1's time for answers stays free. */
const kPauseMs = 500
/** Units are looked for that often whatever happens. */
const kLongestPauseMs = 2000

/**
 * How many units are read at a time, and how long the next sweep waits. A PID 1 that is drowning, on a host whose processors
 * are all busy, was seen to answer 130 questions a second instead of 30,000: then it is asked less.
 */
export class SweepPace {
  #units = kMost
  #tookMs = 0

  /** The most to read in the next sweep. */
  get units(): number {
    return this.#units
  }

  get pauseMs(): number {
    return Math.min(Math.max(kPauseMs, this.#tookMs), kLongestPauseMs)
  }

  /** A sweep of so many units has come to its end. */
  swept(units: number, tookMs: number): void {
    this.#tookMs = tookMs
    if (units === 0) return
    // At most twice as many as before: one quick sweep is no promise.
    const fitting = tookMs > 0 ? Math.floor((units * kAimMs) / tookMs) : kMost
    this.#units = Math.max(kFewest, Math.min(kMost, 2 * this.#units, fitting))
  }
}
