import type { LocalMoment } from '../../lib/patterns/local-time.js'
import { circularMean } from '../../lib/statistics/circular.js'
import { densestCluster } from '../../lib/statistics/cluster.js'
import { binomialAtLeast } from '../../lib/statistics/counts.js'
import { exposureShare } from '../../lib/statistics/kuiper.js'
import { bonferroni } from '../../lib/statistics/multiple.js'

/** A window is no longer than a night, and holds half of all failures at three times what chance would put there. */
const kMaxHours = 8
const kMinPart = 0.5
const kMinLift = 3
/** Two days are two sevenths of a week: three times that would be nearly all. */
const kMinDayLift = 2.5
/** One day and two neighbours, of seven: what is tried. */
const kDayTrials = 14
/** Seconds. A unit that fails to start was there, if not up: no hour or day in which it failed is less of its time than that. */
const kLeastExposure = 1

/** A window of the day that holds more failures than it should. */
export interface HourCluster {
  /** Hours of the day, [0, 24); `untilHour` < `fromHour` over midnight. */
  readonly fromHour: number
  readonly untilHour: number
  /** Of the failures in it: circular mean, and how much they agree (0 to 1). */
  readonly meanHour: number
  readonly resultantLength: number
  /** Days with a failure in it. */
  readonly count: number
  /** All failures. */
  readonly failures: number
  readonly share: number
  readonly pValue: number
}

/** Days of the week on which it fails, 0 Monday. */
export interface DayCluster {
  readonly fromDay: number
  readonly untilDay: number
  readonly count: number
  /** All days with a failure. */
  readonly days: number
  readonly share: number
  readonly pValue: number
}

/** @param failures - in any order @param exposure - by hour of the day */
export function hourCluster(failures: readonly LocalMoment[], exposure: Float64Array): HourCluster | undefined {
  const total = exposure.reduce((sum, one) => sum + one, 0)
  if (total === 0) return undefined
  const sorted = failures
    .map(({ hour, day }) => ({ hour, day, share: exposureShare(exposure, hour) }))
    .sort((a, b) => a.hour - b.hour)
  // Exposure is known by the hour: two failures are never nearer than the hours they lie in are long.
  const hourShare = (at: number): number => Math.max(exposure[Math.floor(sorted[at]!.hour)]!, kLeastExposure) / total
  const found = densestCluster(
    Float64Array.from(sorted, ({ share }) => share),
    {
      circular: true,
      // Days that begin with the window: one over midnight is in one of them.
      group: (at, start) => sorted[at]!.day - (sorted[at]!.hour < sorted[start]!.hour ? 1 : 0),
      least: (first, last) => Math.max(hourShare(first), hourShare(last)),
      most: 1 / kMinLift,
      minPart: kMinPart,
      minLift: kMinLift,
    },
  )
  if (found === undefined) return undefined
  const { first, last, count, share, pValue } = found
  const fromHour = sorted[first]!.hour
  const untilHour = sorted[last]!.hour
  if ((untilHour - fromHour + 24) % 24 > kMaxHours) return undefined
  const inside = sorted.filter(({ hour }) => inHours(hour, fromHour, untilHour))
  const { direction, length } = circularMean(Float64Array.from(inside, ({ hour }) => (hour / 12) * Math.PI))
  return {
    ...{ fromHour, untilHour, meanHour: (direction / Math.PI) * 12, resultantLength: length },
    ...{ count, failures: failures.length, share, pValue },
  }
}

export function inHours(hour: number, from: number, until: number): boolean {
  return from <= until ? hour >= from && hour <= until : hour >= from || hour <= until
}

/** @param failures - in any order @param exposure - by day of the week */
export function dayCluster(failures: readonly LocalMoment[], exposure: Float64Array): DayCluster | undefined {
  const total = exposure.reduce((sum, one) => sum + one, 0)
  if (total === 0) return undefined
  // A day counts once: an outage with ten failures is one bad day.
  const weekdays = new Map(failures.map(({ day, weekday }) => [day, weekday]))
  const days = weekdays.size
  if (days === 0) return undefined
  const perDay = new Float64Array(7)
  for (const weekday of weekdays.values()) perDay[weekday]!++
  let best: DayCluster | undefined
  for (let fromDay = 0; fromDay < 7; fromDay++)
    for (const length of [1, 2]) {
      const untilDay = (fromDay + length - 1) % 7
      const count = perDay[fromDay]! + (length === 1 ? 0 : perDay[untilDay]!)
      const ran = exposure[fromDay]! + (length === 1 ? 0 : exposure[untilDay]!)
      const share = Math.max(ran, kLeastExposure) / total
      if (count < kMinPart * days || count < kMinDayLift * share * days) continue
      const pValue = bonferroni(binomialAtLeast(count, days, share), kDayTrials)
      if (best === undefined || pValue < best.pValue) best = { fromDay, untilDay, count, days, share, pValue }
    }
  return best
}

export function inDays(weekday: number, { fromDay, untilDay }: DayCluster): boolean {
  return weekday === fromDay || weekday === untilDay
}
