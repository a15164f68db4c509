import { kMaxPeriodTimes, type Period } from '../../lib/statistics/periodicity.js'
import {
  isCount,
  isShare,
  isSpan,
  kMaxPeriodMs,
  type ReadExpectedTimes,
  type SavedTimes,
} from '../../lib/storage/saved-values.js'
import { type Rhythm, rhythmOf } from './rhythm.js'

/** Beats that may be missed in a row before the rhythm is over. */
const kMissedBeats = 2
/** Off the beat more often than this, each beat that is kept making up for half of one: one failure too many is forgiven. */
const kMaxStrikes = 3
/** How far from the beat a failure still keeps it: four deviations, within these shares of the period. */
const kLeastTolerance = 0.05
const kMostTolerance = 0.2

/** Failures of one event lie closer together than ten times that. */
const kLeastPeriodMs = 1000

/** One in the state file. Times are microseconds since 1970. */
export interface SavedOpen {
  readonly period: Period
  readonly rhythm: Omit<Rhythm, 'nextMs' | 'fromMs' | 'untilMs'>
  readonly nextUsec: readonly [next: number, from: number, until: number]
  readonly failures: number
  readonly toldFailures: number
  readonly toldPeriodMs: number
  readonly firstUsec: number
  readonly lastUsec: number
  readonly beatUsec: number
  readonly strikes: number
}

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

  constructor(period: Period, rhythm: Rhythm, firstMs: number, lastMs: number) {
    this.period = period
    this.rhythm = rhythm
    this.failures = period.events
    this.toldFailures = period.events
    this.toldPeriodMs = rhythm.periodMs
    this.firstMs = firstMs
    this.#lastMs = lastMs
    this.#beatMs = lastMs
  }

  static begin(times: Float64Array, period: Period): OpenPeriod {
    const firstMs = times[times.length - period.events]!
    return new OpenPeriod(period, rhythmOf(times, period), firstMs, times[times.length - 1]!)
  }

  get lastMs(): number {
    return this.#lastMs
  }

  /** When silence has lasted too long. */
  get dueMs(): number {
    return this.#beatMs + (kMissedBeats + 1) * this.rhythm.periodMs + this.#toleranceMs
  }

  /** Kept by an agent whose clock was ahead it would never be over: silence counts from now on. */
  isNow(nowMs: number): void {
    if (this.isRestored && this.#beatMs > nowMs) this.#moveBeat(nowMs - this.#beatMs)
  }

  /** One more failure; false when too many have missed the beat. */
  take(atMs: number): boolean {
    this.isRestored = false
    this.failures++
    const keeps = this.#onBeat(atMs - this.#beatMs) || this.#onBeat(atMs - this.#lastMs)
    this.#lastMs = atMs
    if (keeps) {
      this.#moveBeat(atMs - this.#beatMs)
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
    this.#moveBeat(this.rhythm.periodMs)
  }

  save({ usec }: SavedTimes): SavedOpen {
    const { nextMs, fromMs, untilMs, ...rhythm } = this.rhythm
    return {
      period: this.period,
      rhythm,
      nextUsec: [usec(nextMs), usec(fromMs), usec(untilMs)],
      failures: this.failures,
      toldFailures: this.toldFailures,
      toldPeriodMs: this.toldPeriodMs,
      firstUsec: usec(this.firstMs),
      lastUsec: usec(this.#lastMs),
      beatUsec: usec(this.#beatMs),
      strikes: this.#strikes,
    }
  }

  /** @throws where it is not of the form that `save` gives */
  static read(saved: SavedOpen, times: ReadExpectedTimes): OpenPeriod {
    const { period, rhythm, nextUsec, failures, toldFailures, toldPeriodMs, firstUsec, lastUsec, beatUsec, strikes } =
      saved
    const need = (isSo: boolean, what: string): void => {
      if (!isSo) throw new Error(`a rhythm ${what}`)
    }
    const { kind, periodMs, spreadMs } = rhythm
    // Silence is counted in periods: without any it would never end.
    need(isPeriodMs(periodMs) && isPeriodMs(toldPeriodMs), 'without a period')
    need((kind === 'clock' || kind === 'interval') && isSpan(spreadMs) && spreadMs <= periodMs, 'of no kind')
    need(isPeriod(period), 'that is none')
    need([failures, toldFailures].every(isCount) && toldFailures >= 1 && toldFailures <= failures, 'miscounted')
    need(isSpan(strikes) && strikes < kMaxStrikes, 'that was over')
    const [likelyUsec, fromUsec, untilUsec] = nextUsec
    need(nextUsec.length === 3 && fromUsec <= likelyUsec && likelyUsec <= untilUsec, 'that ends before it begins')
    need(firstUsec <= lastUsec, 'whose times are out of order')
    const [nextMs, fromMs, untilMs, beatMs] = [likelyUsec, fromUsec, untilUsec, beatUsec].map(times.laterMs) as [
      number,
      number,
      number,
      number,
    ]
    const next = { nextMs, fromMs, untilMs }
    const open = new OpenPeriod(
      { ...period },
      { kind, periodMs, spreadMs, ...next },
      times.ms(firstUsec),
      times.ms(lastUsec),
    )
    open.failures = failures
    open.toldFailures = toldFailures
    open.toldPeriodMs = toldPeriodMs
    open.isRestored = true
    open.#beatMs = beatMs
    open.#strikes = strikes
    return open
  }

  /** What comes next comes as much later, until the times themselves tell it better. */
  #moveBeat(byMs: number): void {
    this.#beatMs += byMs
    const { nextMs, fromMs, untilMs } = this.rhythm
    this.rhythm = { ...this.rhythm, nextMs: nextMs + byMs, fromMs: fromMs + byMs, untilMs: untilMs + byMs }
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

function isPeriodMs(ms: number): boolean {
  return isSpan(ms) && ms >= kLeastPeriodMs && ms <= kMaxPeriodMs
}

function isPeriod({ period, jitter, pValue, events, intervals, fitting, extra }: Period): boolean {
  return (
    isPeriodMs(period) &&
    isSpan(jitter) &&
    jitter <= period &&
    isShare(pValue) &&
    [events, intervals, fitting].every((one) => isCount(one) && one <= kMaxPeriodTimes) &&
    fitting <= intervals &&
    (extra === undefined || (isCount(extra) && extra < events))
  )
}
