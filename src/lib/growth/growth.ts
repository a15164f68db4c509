import type { ReadTimes, SavedTimes } from '../storage/saved-values.js'
import { type Earlier, EarlierRuns, type SavedRuns } from './earlier-runs.js'
import type { Ending, Growing, GrowthOptions, Reason } from './growing.js'
import { kLevels, kWindows, MinimaPyramid, type SavedPyramid } from './minima-pyramid.js'
import { OpenGrowth, type SavedOpen } from './open-growth.js'
import { isAmount, need } from './saved.js'
import { kMinWindows, type SteadyRise, steadyRise } from './steady-rise.js'
import { timeToLimit } from './time-to-limit.js'

export interface SavedGrowth {
  readonly startUsec: number | null
  readonly pyramid: SavedPyramid
  /** Of the run that goes on. */
  readonly baseline: { readonly usec: number; readonly value: number } | null
  readonly earlier: SavedRuns
  readonly open?: SavedOpen
}

const kWeekMs = 604_800_000
/** How many values of one level are looked at: all, and the newest, so that a rise that has just begun is seen at its own width. */
const kSpans = [kWindows, 24, 16] as const
/** A trend that chance makes this rarely; windows are not independent, so the test against a random walk decides. */
const kTrendP = 1e-3
/** Where earlier runs rose alike, or a growth is known already, this is enough. */
const kKnownP = 1e-2
/** Share of a rise that must lead beyond all that the run, and earlier ones that settled, have seen. */
const kNewShare = 0.5
/** Of the mean rate since the run's beginning: growth that is slower than that is flattening. */
const kPaceShare = 0.6
/** Runs in which growth counts as the unit's habit, the present one included. */
const kHabit = 3
/** The limit is near when it will be met in less than a third of the time that the growth took so far. */
const kNear = 3

const x = new Float64Array(kWindows)
const y = new Float64Array(kWindows)

/**
 * One quantity of one unit that should not grow: fed with its values, it says when it grows for good, how fast, and when that has
 * ended. A growth that is open stays so over restarts, until a run shows that it is gone.
 */
export class Growth {
  readonly #options: GrowthOptions
  readonly #pyramid: MinimaPyramid
  readonly #earlier = new EarlierRuns()
  #startMs = Number.NaN
  #lastMs = Number.NEGATIVE_INFINITY
  #baseline = Number.NaN
  #baselineMs = Number.NaN
  #open: OpenGrowth | undefined

  constructor(options: GrowthOptions) {
    this.#options = options
    this.#pyramid = new MinimaPyramid(options.windowMs)
  }

  get isOpen(): boolean {
    return this.#open !== undefined
  }

  /**
   * A run began: what was taken is given back, and what was learned of the former run is kept.
   *
   * @param run - the former one's trace ID
   * @param endedItself - by a crash, or killed at its limit; not by a person or a job
   */
  begin(atMs: number, run: string, endedItself: boolean): void {
    const open = this.#open
    if (open?.isOfThisRun) {
      const { slope, durationMs } = open.latest
      this.#earlier.add({ slope, durationMs, run, endedItself })
    }
    if (open === undefined && !Number.isNaN(this.#baseline)) this.#learn(run, endedItself)
    this.warmUp(atMs)
  }

  /** What happens from here is a beginning; nothing was learned of what was before. */
  warmUp(atMs: number): void {
    this.#pyramid.clear()
    this.#startMs = atMs
    this.#baseline = Number.NaN
    this.#baselineMs = Number.NaN
    this.#open?.beginRun()
  }

  /** @param limit - Infinity for none */
  add(atMs: number, value: number, limit: number): Growing | undefined {
    if (!(atMs > this.#lastMs)) return undefined
    this.#lastMs = atMs
    if (Number.isNaN(this.#startMs)) this.#startMs = atMs
    // Kept by an agent whose clock was ahead.
    if (atMs < this.#startMs || atMs < this.#baselineMs || this.#pyramid.isAheadOf(atMs)) this.warmUp(atMs)
    this.#open?.isNow(atMs)
    if (atMs < this.#startMs + this.#options.warmUpMs) return undefined
    const ended = this.#pyramid.add(atMs, value)
    if (ended === 0) return undefined
    if (Number.isNaN(this.#baseline)) this.#setBaseline()
    let found: Growing | undefined
    for (let level = 0; level < ended; level++)
      found = (this.#open === undefined ? this.#find(level, limit) : this.#follow(this.#open, level, limit)) ?? found
    return found
  }

  /** The unit has been stopped: a growth that is open ends. */
  stop(atMs: number): Growing | undefined {
    return this.#close('stopped', atMs)
  }

  /** The unit is no longer read, and nobody said why: a growth that is open ends. */
  lose(atMs: number): Growing | undefined {
    return this.#close('gone', atMs)
  }

  save(times: SavedTimes): SavedGrowth {
    const baseline = { usec: times.usec(this.#baselineMs), value: this.#baseline }
    return {
      startUsec: Number.isNaN(this.#startMs) ? null : times.usec(this.#startMs),
      pyramid: this.#pyramid.save(times),
      baseline: Number.isNaN(this.#baseline) ? null : baseline,
      earlier: this.#earlier.save(),
      ...(this.#open === undefined ? {} : { open: this.#open.save(times) }),
    }
  }

  /** @throws Error where it is not of the form that `save` gives */
  restore({ startUsec, pyramid, baseline, earlier, open }: SavedGrowth, times: ReadTimes): void {
    const hasWindows = this.#pyramid.restore(pyramid, times)
    this.#earlier.restore(earlier)
    const [startMs, baselineMs] = [startUsec, baseline?.usec ?? null].map((usec) =>
      usec === null ? Number.NaN : times.ms(usec),
    ) as [number, number]
    need(baseline === null || isAmount(baseline.value), 'a beginning')
    this.#open = open === undefined ? undefined : OpenGrowth.read(open, times)
    if (hasWindows) {
      this.#startMs = startMs
      this.#baseline = baseline?.value ?? Number.NaN
      this.#baselineMs = baselineMs
    } else if (pyramid.numbers === null) this.#startMs = startMs
    // What is open is judged from what comes now on.
    else this.#open?.beginRun()
  }

  #setBaseline(): void {
    // Where readings are rare, the newest windows may have none.
    this.#pyramid.read(0, kWindows, x, y)
    this.#baseline = y[0]!
    this.#baselineMs = this.#pyramid.endMs(0)
  }

  #find(level: number, limit: number): Growing | undefined {
    const growing = this.#rising(level, limit, false)
    if (growing !== undefined) this.#open = new OpenGrowth(level, growing)
    return growing
  }

  #follow(open: OpenGrowth, level: number, limit: number): Growing | undefined {
    if (level < open.level) return undefined
    const growing = this.#rising(level, limit, true)
    if (growing !== undefined) return open.goesOn(level, growing)
    const n = level === open.level ? this.#pyramid.read(level, kWindows, x, y) : 0
    if (n === 0) return undefined
    const from = { atMs: this.#baselineMs, value: this.#baseline }
    const atMs = this.#pyramid.endMs(level)
    const newest = y[n - 1]!
    const ending = open.ending(atMs, newest, from, this.#pyramid.widthMs(level), this.#options.minDurationMs)
    return ending === undefined ? undefined : this.#close(ending, atMs, newest)
  }

  #close(ending: Ending, atMs: number, current?: number): Growing | undefined {
    const open = this.#open
    this.#open = undefined
    return open?.ended(ending, atMs, current)
  }

  /** The rise at one level, where chance, a beginning, a plateau and the load of the day do not explain it. */
  #rising(level: number, limit: number, known: boolean): Growing | undefined {
    const { falseAlarmsPerWeek } = this.#options
    const width = this.#pyramid.widthMs(level)
    const p = (falseAlarmsPerWeek * width) / kWeekMs / kLevels / kSpans.length
    const count = this.#pyramid.count(level)
    for (const span of kSpans) {
      if (span < kWindows && span >= count) continue // all of them were looked at
      const n = this.#pyramid.read(level, span, x, y)
      const first = y[0]!
      const rise = steadyRise(x, y, n, this.#least(first, limit))
      if (rise === undefined || rise.pTrend > kTrendP) continue
      const earlier = this.#earlier.alike(rise.slope / width)
      const habit = this.#isHabit(earlier, n * width)
      if (rise.pWalk > (known || habit ? kKnownP : p)) continue
      const growing = this.#growing(level, rise, first, x[n - 1]! - x[0]! + 1, limit, earlier)
      if (known || (growing !== undefined && this.#isLeak(growing, habit))) return growing
    }
    return undefined
  }

  #growing(
    level: number,
    rise: SteadyRise,
    first: number,
    windows: number,
    limit: number,
    earlier: readonly Earlier[],
  ): Growing | undefined {
    const width = this.#pyramid.widthMs(level)
    const atMs = this.#pyramid.endMs(level)
    const durationMs = windows * width
    const before = this.#pyramid.highest(level, atMs - durationMs)
    // Where it has been before, it only comes back: a neighbour has left, a cache was emptied.
    if (rise.level - Math.max(before, first) < kNewShare * (rise.level - first)) return undefined
    if (rise.level < this.#earlier.settled * 1.1) return undefined
    const slope = rise.slope / width
    // A curve that flattens is steep at its beginning and steady at its end.
    if (slope < (kPaceShare * (rise.level - this.#baseline)) / (atMs - this.#baselineMs)) return undefined
    const pace = { slope, low: rise.low / width, high: rise.high / width, stray: rise.stray / Math.sqrt(width) }
    // What grows is least at the beginning of a window; now is its end.
    const current = rise.level + rise.slope
    const toLimit = timeToLimit(pace, current, this.#pyramid.peak(level), limit)
    const { longMs } = this.#options
    const near = toLimit.likelyMs * kNear <= durationMs
    const reason: Reason = durationMs >= longMs ? 'long' : near ? 'near_limit' : 'every_run'
    return {
      phase: 'detected',
      reason,
      atMs,
      slope,
      low: pace.low,
      high: pace.high,
      pValue: rise.pTrend,
      durationMs,
      baseline: first,
      current,
      limit,
      toLimit,
      earlier: earlier.map(({ run }) => run),
      confidence: confidenceOf(durationMs / longMs, earlier.length, near),
    }
  }

  #isLeak({ reason, durationMs }: Growing, habit: boolean): boolean {
    if (reason === 'long' || habit) return true
    return reason === 'near_limit' && durationMs >= this.#options.minDurationMs
  }

  /** Earlier runs that grew alike until they ended by themselves; or, whatever ended them, for most of a day as this one. */
  #isHabit(earlier: readonly Earlier[], durationMs: number): boolean {
    const most = this.#options.longMs / 2
    const tell = ({ endedItself, durationMs: ms }: Earlier): boolean => endedItself || Math.min(ms, durationMs) >= most
    return earlier.filter(tell).length + 1 >= kHabit
  }

  /** Of what there was, or of the room that is left, whichever is less. */
  #least(first: number, limit: number): number {
    const { leastShare, least } = this.#options
    return Math.max(least, Math.min(leastShare * first, 0.25 * (limit - first)))
  }

  #learn(run: string, endedItself: boolean): void {
    for (let level = kLevels - 1; level >= 0; level--) {
      const n = this.#pyramid.read(level, kWindows, x, y)
      if (n < kMinWindows) continue
      const rise = steadyRise(x, y, n, this.#least(y[0]!, Number.POSITIVE_INFINITY))
      const width = this.#pyramid.widthMs(level)
      if (rise !== undefined && rise.pTrend <= kTrendP)
        this.#earlier.add({ slope: rise.slope / width, durationMs: n * width, run, endedItself })
      else if (n * width >= 2 * this.#options.minDurationMs) this.#earlier.addSettled(y, n)
      return
    }
  }
}

/**
 * 0.8 for the least that is told; the rest by how much longer it went on than it had to, and by each earlier run that grew alike.
 *
 * @param share - of the time that no ordinary rise takes
 */
function confidenceOf(share: number, earlier: number, near: boolean): number {
  const doubt = 0.2 / (1 + (near ? share : Math.max(share - 1, 0)))
  return 1 - doubt * 0.5 ** earlier
}
