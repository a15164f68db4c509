import type { Period } from '../../lib/statistics/periodicity.js'
import { type Rhythm, rhythmOf } from './rhythm.js'

/** Beats that may be missed in a row before the rhythm is over. */
const kMissedBeats = 2
/** Off the beat more often than this, each beat that is kept making up for half of one: one failure too many is forgiven. */
const kMaxStrikes = 3
/** How far from the beat a failure still keeps it: four deviations, within these shares of the period. */
const kLeastTolerance = 0.05
const kMostTolerance = 0.2

/** A rhythm that was told of: holds on while its predictions come true. Times are steady milliseconds. */
export class OpenPeriod {
  period: Period
  rhythm: Rhythm
  /** Failures at the last telling, and the period told. */
  toldFailures: number
  toldPeriodMs: number
  /** All failures since the first of the rhythm. */
  failures: number
  readonly firstMs: number
  /** It was read back, and beats may have passed unseen since. */
  isRestored = false
  #beatMs: number
  #lastMs: number
  #strikes = 0

  constructor(times: Float64Array, period: Period) {
    this.period = period
    this.rhythm = rhythmOf(times, period)
    this.failures = period.events
    this.toldFailures = period.events
    this.toldPeriodMs = this.rhythm.periodMs
    this.firstMs = times[times.length - period.events]!
    this.#lastMs = times[times.length - 1]!
    this.#beatMs = this.#lastMs
  }

  get lastMs(): number {
    return this.#lastMs
  }

  /** When silence has lasted too long. */
  get dueMs(): number {
    return this.#beatMs + (kMissedBeats + 1) * this.rhythm.periodMs + this.#toleranceMs
  }

  /** One more failure; false when too many have missed the beat. */
  take(atMs: number): boolean {
    this.isRestored = false
    this.failures++
    const keeps = this.#onBeat(atMs - this.#beatMs) || this.#onBeat(atMs - this.#lastMs)
    this.#lastMs = atMs
    if (keeps) {
      this.#beatMs = atMs
      this.#strikes = Math.max(this.#strikes - 0.5, 0)
    } else this.#strikes++
    return this.#strikes < kMaxStrikes
  }

  /** What the period looks like now. */
  refine(times: Float64Array, period: Period): void {
    this.period = period
    this.rhythm = rhythmOf(times, period)
  }

  /** Worth telling again: twice as much evidence, or another period than was told. */
  get isNews(): boolean {
    const movedMs = Math.abs(this.rhythm.periodMs - this.toldPeriodMs)
    return this.failures >= 2 * this.toldFailures || movedMs > Math.max(this.#toleranceMs, 0.1 * this.toldPeriodMs)
  }

  told(): void {
    this.toldFailures = this.failures
    this.toldPeriodMs = this.rhythm.periodMs
  }

  /** A beat passed while nobody could have seen it. */
  skip(): void {
    this.#beatMs += this.rhythm.periodMs
  }

  get #toleranceMs(): number {
    const { periodMs, spreadMs } = this.rhythm
    return Math.min(Math.max(4 * spreadMs, kLeastTolerance * periodMs), kMostTolerance * periodMs)
  }

  #onBeat(sinceMs: number): boolean {
    const { periodMs } = this.rhythm
    const beats = Math.round(sinceMs / periodMs)
    return beats >= 1 && Math.abs(sinceMs - beats * periodMs) <= this.#toleranceMs
  }
}
