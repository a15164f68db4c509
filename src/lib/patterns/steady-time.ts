import type { Clock } from '../../util/clock.js'

/** Less is NTP's slewing and the time between two readings (ntpd(8): steps begin at 128 ms). */
const kMinStepMs = 1000
/**
 * A record read so much before its predecessor was read by a clock that has been set back since: nothing waits that long on its
 * way, and where no clock is compared (a recording) time would stand still until it is caught up with.
 */
const kMaxLateMs = 600_000
/** Steps forward that are remembered: what is open longest is told of within a few nights in suspend. */
const kMaxEarlier = 16

/** Before a step forward: what was added to what clocks showed. */
interface Earlier {
  /** The last that they can have shown. */
  readonly unixMs: number
  /** When they were compared last. */
  readonly steadyMs: number
  readonly shiftMs: number
}

/**
 * Time that goes on where the clock was set or the machine slept: milliseconds since 1970, less all steps so far. It is moved by
 * what is read, so a recording gives the same times at any speed; only between records does it go on by itself.
 */
export class SteadyTime {
  readonly #clock: Clock
  /** Added to readings of the wall clock. */
  #shiftMs = 0
  /** Newest last. A step back makes times ambiguous: then there are none. */
  #earlier: readonly Earlier[] = []
  #nowMs = Number.NEGATIVE_INFINITY
  /** Of the monotonic clock when `now` was moved. */
  #movedAtMs = 0
  #offsetMs: number
  /** Of the monotonic clock when the two were compared. */
  #comparedAtMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offsetMs = this.#offset()
    this.#comparedAtMs = clock.monotonicMs()
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
    const unixMs = Number(unixNano) / 1e6
    // Read before the step, and looked at behind it: a queue is not empty when a machine falls asleep.
    const earlier = this.#earlier.length === 0 ? undefined : this.#earlier.find((one) => unixMs <= one.unixMs)
    return unixMs + (earlier?.shiftMs ?? this.#shiftMs)
  }

  unixNano(steadyMs: number): bigint {
    // Whole microseconds, which is what systemd has and what a double holds of today's dates.
    const earlier = this.#earlier.find((one) => steadyMs <= one.steadyMs)
    return BigInt(Math.round((steadyMs - (earlier?.shiftMs ?? this.#shiftMs)) * 1000)) * 1000n
  }

  /** Whether the clock was set, or the machine slept, since the last call. */
  stepped(): boolean {
    const offsetMs = this.#offset()
    const stepMs = offsetMs - this.#offsetMs
    const nowMs = this.#clock.monotonicMs()
    const shiftMs = this.#shiftMs
    // It came somewhen since the last comparison: what clocks may have shown on both sides of it is taken for the later one.
    const unixMs = this.#offsetMs + Math.min(nowMs, this.#comparedAtMs + stepMs)
    const steadyMs = this.#offsetMs + this.#comparedAtMs + shiftMs
    this.#offsetMs = offsetMs
    this.#comparedAtMs = nowMs
    if (Math.abs(stepMs) < kMinStepMs) return false
    this.#earlier = stepMs < 0 ? [] : [...this.#earlier, { unixMs, steadyMs, shiftMs }].slice(-kMaxEarlier)
    this.#shiftMs -= stepMs
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
    this.#earlier = []
    this.#shiftMs = this.#nowMs - Number(unixNano) / 1e6
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
