import type { Period } from '../../lib/statistics/periodicity.js'
import { kMadToSigma, madInPlace } from '../../lib/statistics/robust.js'
import { theilSen } from '../../lib/statistics/theil-sen.js'

/** How failures follow each other: at times of a clock, or each a while after the one before. */
export type RhythmKind = 'clock' | 'interval'

export interface Rhythm {
  readonly kind: RhythmKind
  readonly periodMs: number
  /** Standard deviation of one failure around where it is expected. */
  readonly spreadMs: number
  /** The next failure, and the time in which 19 of 20 come. */
  readonly nextMs: number
  readonly fromMs: number
  readonly untilMs: number
}

/** Fewer failures cannot tell a clock from equal intervals. */
const kMinForClock = 6
/** On a clock an interval spreads √2 times as much as the times themselves; halfway to 1 is where the one turns into the other. */
const kClockShare = 0.85
/** What is measured from few failures is off by more than normal quantiles say: 2.8 at five, 2.1 at thirty (Student, about). */
const widened = (failures: number): number => 1.96 + 4 / Math.max(failures - 1, 1)

/** The rhythm of failures in which a period was found, and what it foretells. `times` ascend, milliseconds. */
export function rhythmOf(times: Float64Array, found: Period): Rhythm {
  const newest = times.subarray(times.length - found.events)
  const kept = found.extra === undefined ? newest : newest.filter((_, i) => i !== found.extra)
  const cycles = new Float64Array(kept.length)
  for (let i = 1; i < kept.length; i++)
    cycles[i] = cycles[i - 1]! + Math.max(Math.round((kept[i]! - kept[i - 1]!) / found.period), 1)
  const last = kept.length - 1
  // From the newest on: dates of today in milliseconds would cost the line its digits.
  const since = kept.map((at) => at - kept[last]!)
  const line = theilSen(cycles, since)
  const residuals = since.map((at, i) => at - line.intercept - line.slope * cycles[i]!)
  const spread = kMadToSigma * madInPlace(residuals, 0)
  const isClock = kept.length >= kMinForClock && spread < kClockShare * found.jitter
  const periodMs = isClock ? line.slope : found.period
  const spreadMs = isClock ? spread : found.jitter
  const nextMs = kept[last]! + (isClock ? line.intercept + line.slope * (cycles[last]! + 1) : found.period)
  const halfMs = widened(kept.length) * Math.max(spreadMs, periodMs / 1000)
  return {
    kind: isClock ? 'clock' : 'interval',
    periodMs,
    spreadMs,
    nextMs,
    fromMs: nextMs - halfMs,
    untilMs: nextMs + halfMs,
  }
}
