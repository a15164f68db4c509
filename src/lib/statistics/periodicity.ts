import { sidak } from './multiple.js'
import { medianInPlace } from './robust.js'
import { cosineSumTail } from './von-mises.js'

/** Times a search takes: its cost and the memory of those who keep them for it. */
export const kMaxPeriodTimes = 64

/** A period in the times of events. Times and spreads are in the unit of the times given. */
export interface Period {
  readonly period: number
  /** Standard deviation of one interval around the period, of those that fit. */
  readonly jitter: number
  /** Chance that as many random events look as regular somewhere, all trials counted: periods, windows, events left out. */
  readonly pValue: number
  /** Events it was found in, the newest; intervals between them that were looked at, and that are one period long or a few. */
  readonly events: number
  readonly intervals: number
  readonly fitting: number
  /** Index among the newest `events` of the one that does not belong; undefined for none. */
  readonly extra: number | undefined
}

/** Fewer intervals are no pattern, however equal. */
const kMinIntervals = 3
/** Trial periods around the median interval: one event too many or missing moves it by so much. */
const kLowest = 0.75
const kHighest = 1.35
/** An interval of more periods says nothing: its phase is lost in what the period itself is not known by. */
const kMostPeriods = 5.5
/** Trial frequencies, in 1 / median: within one step the phase of the longest interval moves by a fourteenth turn. */
const kStep = 0.013
/** Half of all intervals must be so near their median, or none of the rest is tried: nearly all random series end here. */
const kNear = 0.3
/**
 * Independent trials that the search over periods is worth, by simulation (bench/patterns/calibrate-period.mjs): with it the
 * share of Poisson series with p <= level is at most the level.
 */
const kTrials = 16

/**
 * Looks for a period in the times of events.
 *
 * Intervals are folded by each trial period: those of one, two or a few periods fall on phase 0, whether the events follow a
 * clock or each follows the one before. The sum of the cosines of the phases is tested as in the V-test (Greenwood and Durand
 * 1955) with the saddlepoint tail. An interval under half a period is no period: it counts as phase ½. A missing event is an
 * interval of two periods; one too many splits an interval, so every trial is also made without the one event whose absence helps
 * most, which costs as many trials more. Beginnings are found in the newest 8, 16 and 32 as well as in all.
 *
 * @param times - ascending; the newest `kMaxPeriodTimes` count
 * @returns the least probable of all trials; undefined where nothing is regular enough to be tried
 */
export function findPeriod(times: Float64Array): Period | undefined {
  const n = Math.min(times.length, kMaxPeriodTimes)
  const newest = times.subarray(times.length - n)
  let best: Period | undefined
  let windows = 0
  for (let events = n; events > kMinIntervals; events = nextWindow(events)) {
    windows++
    const found = findIn(newest.subarray(n - events))
    if (found !== undefined && !(found.pValue >= (best?.pValue ?? Number.POSITIVE_INFINITY))) best = found
  }
  return best === undefined ? undefined : { ...best, pValue: sidak(best.pValue, windows) }
}

function nextWindow(events: number): number {
  return events > 32 ? 32 : events > 16 ? 16 : events > 8 ? 8 : 0
}

const cosines = new Float64Array(kMaxPeriodTimes)

function findIn(times: Float64Array): Period | undefined {
  const count = times.length - 1
  const intervals = Float64Array.from({ length: count }, (_, i) => times[i + 1]! - times[i]!)
  const median = medianInPlace(Float64Array.from(intervals))
  if (!(median > 0)) return undefined
  let near = 0
  for (const interval of intervals) if (Math.abs(interval - median) <= kNear * median) near++
  if (2 * near < count) return undefined
  let bestP = Number.POSITIVE_INFINITY
  let bestFrequency = 0
  let extra: number | undefined
  for (let share = 1 / kHighest; share <= 1 / kLowest; share += kStep) {
    const frequency = share / median
    let sum = 0
    let used = 0
    for (let i = 0; i < count; i++) {
      const periods = intervals[i]! * frequency
      cosines[i] = score(periods)
      sum += cosines[i]!
      if (periods < kMostPeriods) used++
    }
    if (used < kMinIntervals) continue
    const whole = cosineSumTail(sum, used)
    if (whole < bestP) {
      bestP = whole
      bestFrequency = frequency
      extra = undefined
    }
    // Without an event in the middle, two intervals become one.
    if (used <= kMinIntervals + 1) continue
    let gain = Number.NEGATIVE_INFINITY
    let left = 0
    for (let i = 1; i < count; i++) {
      const joined = (intervals[i - 1]! + intervals[i]!) * frequency
      if (joined >= kMostPeriods) continue
      const change = score(joined) - cosines[i - 1]! - cosines[i]!
      if (change > gain) {
        gain = change
        left = i
      }
    }
    const without = sidak(cosineSumTail(sum + gain, used - 1), count)
    if (without < bestP) {
      bestP = without
      bestFrequency = frequency
      extra = left
    }
  }
  if (bestFrequency === 0) return undefined
  return describe(times, 1 / bestFrequency, extra, sidak(bestP, kTrials))
}

function score(periods: number): number {
  return periods >= kMostPeriods ? 0 : periods < 0.5 ? -1 : Math.cos(2 * Math.PI * periods)
}

/** An interval so far, in periods, from a whole number of them does not fit. */
const kFits = 0.25

/** Period and jitter of the intervals that fit the trial. */
function describe(times: Float64Array, trial: number, extra: number | undefined, pValue: number): Period {
  const kept = extra === undefined ? times : times.filter((_, i) => i !== extra)
  const each = new Float64Array(kept.length)
  let fitting = 0
  let used = 0
  for (let i = 1; i < kept.length; i++) {
    const share = (kept[i]! - kept[i - 1]!) / trial
    if (share >= kMostPeriods) continue
    used++
    const periods = Math.round(share)
    if (periods > 0 && Math.abs(share - periods) <= kFits) each[fitting++] = (kept[i]! - kept[i - 1]!) / periods
  }
  const period = medianInPlace(each, fitting)
  // What does not fit at all is left out, so the mean square is safe, and has three times the precision of a median deviation.
  let squares = 0
  for (let i = 0; i < fitting; i++) squares += (each[i]! - period) ** 2
  const jitter = Math.sqrt(squares / Math.max(fitting - 1, 1))
  return { period, jitter, pValue, events: times.length, intervals: used, fitting, extra }
}
