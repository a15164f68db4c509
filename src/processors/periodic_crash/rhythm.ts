import type { Period } from '../../lib/statistics/periodicity.js'
import { studentQuantile } from '../../lib/statistics/student.js'
import { theilSen } from '../../lib/statistics/theil-sen.js'

/** How failures follow each other: at times of a clock, or each a while after the one before. */
export type RhythmKind = 'clock' | 'interval'

export interface Rhythm {
  readonly kind: RhythmKind
  readonly periodMs: number
  /** Standard deviation of one failure around where it is expected. */
  readonly spreadMs: number
  /** The next failure, and the time in which about 19 of 20 come. */
  readonly nextMs: number
  readonly fromMs: number
  readonly untilMs: number
}

/** Fewer failures cannot tell a clock from equal intervals. */
const kMinForClock = 10
/**
 * Around a line the times of a clock are off by chance, each for itself, so their squared steps are twice their squares; those of
 * equal intervals walk away from it and back, in small steps (von Neumann's ratio, 1941).
 */
const kLeastRatio = 1.7
/** 19 of 20, both sides. */
const kQuantile = 0.975
/** No scheduler is more exact, by share of the period. */
const kLeastSpread = 0.001
/** What is further off, by share of the period, is one that does not belong. */
const kFits = 0.25

/** The rhythm of failures in which a period was found, and what it foretells. `times` ascend, milliseconds. */
export function rhythmOf(times: Float64Array, found: Period): Rhythm {
  const newest = times.subarray(times.length - found.events)
  const kept = found.extra === undefined ? newest : newest.filter((_, i) => i !== found.extra)
  const lastMs = kept.at(-1)!
  return onClock(kept, lastMs, found.period) ?? afterLast(lastMs, found)
}

/** Equal intervals: holds for a clock too, only less exactly. */
function afterLast(lastMs: number, { period, jitter, fitting }: Period): Rhythm {
  // The period is a median of as many intervals, whose variance is π/2 that of a mean.
  const off = jitter * Math.sqrt(1 + Math.PI / 2 / fitting)
  return foretell('interval', period, jitter, off, fitting - 1, lastMs + period)
}

/** A line through the times over their numbers, if they keep to it. */
function onClock(kept: Float64Array, lastMs: number, period: number): Rhythm | undefined {
  if (kept.length < kMinForClock) return undefined
  const cycles = new Float64Array(kept.length)
  for (let i = 1; i < kept.length; i++)
    cycles[i] = cycles[i - 1]! + Math.max(Math.round((kept[i]! - kept[i - 1]!) / period), 1)
  // From the newest on: dates of today in milliseconds would cost the line its digits.
  const since = kept.map((at) => at - lastMs)
  const line = theilSen(cycles, since)
  const off = since
    .map((at, i) => at - line.intercept - line.slope * cycles[i]!)
    .filter((one) => Math.abs(one) <= kFits * period)
  const squares = off.reduce((sum, one) => sum + one * one, 0)
  const steps = off.reduce((sum, one, i) => (i === 0 ? 0 : sum + (one - off[i - 1]!) ** 2), 0)
  if (off.length < kMinForClock || steps < kLeastRatio * squares) return undefined
  const degrees = off.length - 2
  const spread = Math.sqrt(squares / degrees)
  // At its end a line through n points is uncertain by 2/√n of their spread.
  const next = lastMs + line.intercept + line.slope * (cycles.at(-1)! + 1)
  return foretell('clock', line.slope, spread, spread * Math.sqrt(1 + 4 / off.length), degrees, next)
}

function foretell(
  kind: RhythmKind,
  periodMs: number,
  spreadMs: number,
  offMs: number,
  degrees: number,
  nextMs: number,
): Rhythm {
  const halfMs = Math.max(studentQuantile(kQuantile, degrees) * offMs, kLeastSpread * periodMs)
  return { kind, periodMs, spreadMs, nextMs, fromMs: nextMs - halfMs, untilMs: nextMs + halfMs }
}
