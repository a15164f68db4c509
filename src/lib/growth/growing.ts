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
export type Reason = 'long' | 'near_limit' | 'every_run'
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

/** JSON knows no Infinity. */
export type SavedGrowing = Omit<Growing, 'limit' | 'toLimit'> & {
  readonly limit: number | null
  readonly toLimit: { readonly [K in keyof TimeToLimit]: number | null }
}

export function saveGrowing(growing: Growing): SavedGrowing {
  const { likelyMs, earliestMs, latestMs } = growing.toLimit
  const toLimit = { likelyMs: finite(likelyMs), earliestMs: finite(earliestMs), latestMs: finite(latestMs) }
  return { ...growing, limit: finite(growing.limit), toLimit }
}

/** @throws Error where it is not of the form that `saveGrowing` gives */
export function readGrowing(saved: SavedGrowing): Growing {
  const { atMs, slope, low, high, pValue, durationMs, baseline, current, confidence, limit, toLimit, earlier } = saved
  const numbers = [atMs, slope, low, high, pValue, durationMs, baseline, current, confidence]
  const { likelyMs, earliestMs, latestMs } = toLimit
  const orNone = [limit, likelyMs, earliestMs, latestMs].every((value) => value === null || Number.isFinite(value))
  if (!numbers.every(Number.isFinite) || !orNone || !earlier.every((run) => typeof run === 'string'))
    throw new Error('a growth with numbers that cannot be')
  return {
    ...saved,
    limit: limit ?? kNever,
    toLimit: { likelyMs: likelyMs ?? kNever, earliestMs: earliestMs ?? kNever, latestMs: latestMs ?? kNever },
  }
}

const kNever = Number.POSITIVE_INFINITY

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
