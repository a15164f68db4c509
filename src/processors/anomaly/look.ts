import { kDaySeconds } from '../../lib/anomaly/day-profile.js'
import { quantities } from './quantities.js'

/** Of `lately`: five hours. */
export const kLatelySeconds = 18_000
/** Least difference from what is usual, as a power of two: a third. */
export const kLeastOctaves = 0.4
/** Intervals of 5 minutes in a week. */
export const kWeekSamples = 2016
const kSampleSeconds = 300
/** In a weekend and the evening before: of a day of work no more is known. */
const kWeekendSamples = 2.5 * 288

/** One series in the interval that is judged. */
export interface Look {
  readonly series: number
  readonly value: number
  /** As a power of two of what matters, less what this day of the week usually has more. */
  readonly octaves: number
  readonly ofWeek: number
  /** Before this one. */
  readonly samples: number
  /** At this time of day. */
  readonly usual: number
  /** By what the other series say. */
  readonly expected: number
  readonly lately: number
  /** What was usual then. */
  readonly earlier: number
}

/** Far enough from `against` to matter to anybody. */
export function isFar({ series, value, octaves, ofWeek }: Look, against: number): boolean {
  const { floor } = quantities[series]!
  return Math.abs(octaves - against) >= kLeastOctaves && Math.abs(value - unscaled(against + ofWeek, floor)) >= floor
}

/** In the quantity's own unit. */
export function unscaled(octaves: number, floor: number): number {
  return Math.max(floor * (2 ** octaves - 1), 0)
}

/**
 * Whether it may be a change of days, and no anomaly. A unit that falls idle in its first hours is one that has begun with work, and on its first
 * weekend one that has it off; one that has more to do on the Monday after the weekend it was begun on is one that has it off, too. Unless it has
 * worked as usual for most of the last hours of that day.
 */
export function mayBeAnotherDay(
  { samples, octaves, lately, earlier }: Look,
  isFall: boolean,
  baselineSamples: number,
  localSeconds: number,
): boolean {
  if (isFall && samples < baselineSamples) return true
  if (samples >= kWeekSamples) return false
  const day = Math.floor(localSeconds / kDaySeconds)
  const ofDay = localSeconds - day * kDaySeconds
  // 1970-01-01 was a Thursday.
  const weekday = (day + 3) % 7
  const isNew = isFall ? weekday >= 5 : weekday === 0 && samples - ofDay / kSampleSeconds < kWeekendSamples
  if (!isNew) return false
  const middle = (earlier + octaves) / 2
  return ofDay < kLatelySeconds || (isFall ? lately <= middle : lately >= middle)
}
