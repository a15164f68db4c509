import { isShare, isSpan, type ReadTimes, type SavedTimes } from '../storage/saved-values.js'
import { kMaxRuns } from './earlier-runs.js'
import { isAmount, isDuration, isRun, need } from './saved.js'
import type { TimeToLimit } from './time-to-limit.js'

/** What makes a rise a leak. */
export interface GrowthOptions {
  /** Width of the narrowest windows. */
  readonly windowMs: number
  /** After a start nothing is looked at for so long. */
  readonly warmUpMs: number
  /** No rise that is shorter is told of, unless earlier runs rose alike. */
  readonly minDurationMs: number
  /** No ordinary rise, such as that of the load in the morning, goes on for so long. */
  readonly longMs: number
  /** Growth worth the name: this share of what there was, and this much. */
  readonly leastShare: number
  readonly least: number
  /** Rises that chance may make of a random walk, per unit and week. */
  readonly falseAlarmsPerWeek: number
}

/** Why it is one: it went on for longer than any load rises; it is near its limit; earlier runs rose alike. */
const reasons = ['long', 'near_limit', 'every_run'] as const
export type Reason = (typeof reasons)[number]
export type Ending = 'stopped_growing' | 'freed' | 'stopped' | 'gone'

/** A growth as it stands: rates per millisecond, times in milliseconds. */
export interface Growing {
  readonly phase: 'detected' | 'updated' | 'cleared'
  readonly reason: Reason
  readonly ending?: Ending
  readonly atMs: number
  readonly slope: number
  readonly low: number
  readonly high: number
  readonly pValue: number
  /** How long it has gone on for certain. */
  readonly durationMs: number
  readonly baseline: number
  readonly current: number
  /** Infinity for none. */
  readonly limit: number
  readonly toLimit: TimeToLimit
  /** Earlier runs that grew alike: trace IDs, oldest first. */
  readonly earlier: readonly string[]
  readonly confidence: number
}

/** One that is open. JSON knows no Infinity. */
export type SavedGrowing = Omit<Growing, 'phase' | 'ending' | 'atMs' | 'limit' | 'toLimit'> & {
  readonly phase: 'detected' | 'updated'
  readonly usec: number
  readonly limit: number | null
  readonly toLimit: { readonly [K in keyof TimeToLimit]: number | null }
}

export function saveGrowing({ atMs, ...growing }: Growing, times: SavedTimes): SavedGrowing {
  const { likelyMs, earliestMs, latestMs } = growing.toLimit
  return {
    ...growing,
    phase: growing.phase === 'detected' ? 'detected' : 'updated',
    usec: times.usec(atMs),
    limit: finite(growing.limit),
    toLimit: { likelyMs: finite(likelyMs), earliestMs: finite(earliestMs), latestMs: finite(latestMs) },
  }
}

/** @throws Error where it is not of the form that `saveGrowing` gives */
export function readGrowing(saved: SavedGrowing, times: ReadTimes): Growing {
  const { phase, reason, usec, slope, low, high, pValue, durationMs, baseline, current, confidence, earlier } = saved
  need((phase === 'detected' || phase === 'updated') && reasons.includes(reason), 'a reason')
  need([slope, low, high, baseline, current].every(isAmount) && slope >= 0 && low <= slope && slope <= high, 'a rate')
  need([pValue, confidence].every(isShare) && isDuration(durationMs), 'a chance')
  need(earlier.length <= kMaxRuns && earlier.every(isRun), 'runs')
  const limit = saved.limit ?? kNever
  need(limit === kNever || (isAmount(limit) && limit >= 0), 'a limit')
  const [earliestMs, likelyMs, latestMs] = [
    saved.toLimit.earliestMs,
    saved.toLimit.likelyMs,
    saved.toLimit.latestMs,
  ].map((ms) => ms ?? kNever) as [number, number, number]
  need(
    [earliestMs, likelyMs, latestMs].every((ms) => ms === kNever || isSpan(ms)),
    'a time to its limit',
  )
  need(earliestMs <= likelyMs && likelyMs <= latestMs, 'a time to its limit')
  return {
    ...{ phase, reason, atMs: times.ms(usec), slope, low, high, pValue, durationMs, baseline, current, confidence },
    limit,
    toLimit: { likelyMs, earliestMs, latestMs },
    earlier: [...earlier],
  }
}

const kNever = Number.POSITIVE_INFINITY

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
