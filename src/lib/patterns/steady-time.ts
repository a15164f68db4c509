import type { Clock } from '../../util/clock.js'

/** Less is NTP's slewing and the time between two readings (ntpd(8): steps begin at 128 ms). */
const kMinStepMs = 1000
/**
 * A record read so much before its predecessor was read by a clock that has been set back since: nothing waits that long on its
 * way, and where no clock is compared (a recording) time would stand still until it is caught up with.
 */
const kMaxLateMs = 600_000

/**
 * Time that goes on where the clock was set or the machine slept: milliseconds since 1970, less all steps so far. It is moved by
 * what is read, so a recording gives the same times at any speed; only between records does it go on by itself.
 */
export class SteadyTime {
  readonly #clock: Clock
  /** Added to readings of the wall clock. */
  #shiftMs = 0
  #nowMs = Number.NEGATIVE_INFINITY
  /** Of the monotonic clock when `now` was moved. */
  #movedAtMs = 0
  #offsetMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offsetMs = this.#offset()
  }

  /** -Infinity before anything was read. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** How long ago, by a clock that nobody sets, time was moved. */
  get idleMs(): number {
    return this.#clock.monotonicMs() - this.#movedAtMs
  }

  of(unixNano: bigint): number {
    return Number(unixNano) / 1e6 + this.#shiftMs
  }

  unixNano(steadyMs: number): bigint {
    // Whole microseconds, which is what systemd has and what a double holds of today's dates.
    return BigInt(Math.round((steadyMs - this.#shiftMs) * 1000)) * 1000n
  }

  /** Whether the clock was set, or the machine slept, since the last call. */
  stepped(): boolean {
    const offsetMs = this.#offset()
    const step = offsetMs - this.#offsetMs
    this.#offsetMs = offsetMs
    if (Math.abs(step) < kMinStepMs) return false
    this.#shiftMs -= step
    return true
  }

  /** A record was read at `unixNano`; true where the clock must have been set back before that. */
  moveTo(unixNano: bigint): boolean {
    const atMs = this.of(unixNano)
    this.#movedAtMs = this.#clock.monotonicMs()
    if (atMs >= this.#nowMs) {
      this.#nowMs = atMs
      return false
    }
    if (this.#nowMs - atMs < kMaxLateMs) return false
    this.#shiftMs += this.#nowMs - atMs
    return true
  }

  /** Nothing was read, and time went on. */
  idleUntil(steadyMs: number): void {
    if (!(steadyMs > this.#nowMs)) return
    this.#movedAtMs += steadyMs - this.#nowMs
    this.#nowMs = steadyMs
  }

  #offset(): number {
    return Number(this.#clock.unixNano()) / 1e6 - this.#clock.monotonicMs()
  }
}
