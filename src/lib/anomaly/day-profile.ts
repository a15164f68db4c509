// What a series does over the day: per slot of the day the range and the mean of earlier days. A slice of a Float32Array:
// [ lowest of each slot | highest of each slot | mean of each slot ], NaN where nothing is known.

export const kDaySeconds = 86_400

/** How fast a range that is not reached shrinks, and the mean follows: half of it is forgotten after two weeks, or five days. */
const kForget = 0.05

export interface Interval {
  low: number
  high: number
}

/** Floats that a profile of `slots` slots takes. */
export function dayProfileSize(slots: number): number {
  return 3 * slots
}

/** Number of the slot, from 0, at `seconds` since a midnight. */
export function slotAt(seconds: number, slots: number): number {
  const ofDay = seconds - Math.floor(seconds / kDaySeconds) * kDaySeconds
  return Math.min(Math.floor((ofDay / kDaySeconds) * slots), slots - 1)
}

/**
 * The range of the slot and its neighbours, into `into`: what is known of the same time of earlier days, a slot early or
 * late, and of the slot that has just ended. The slot `open`, of which the day has not seen all, does not count. False where
 * nothing is known.
 */
export function expectedRange(
  profile: Float32Array,
  at: number,
  slots: number,
  slot: number,
  open: number,
  into: Interval,
): boolean {
  let low = Number.NaN
  let high = Number.NaN
  for (let near = slot - 1; near <= slot + 1; near++) {
    const known = near < 0 ? near + slots : near >= slots ? near - slots : near
    if (known === open) continue
    const lowest = profile[at + known]!
    if (Number.isNaN(lowest)) continue
    const highest = profile[at + slots + known]!
    if (!(lowest >= low)) low = lowest
    if (!(highest <= high)) high = highest
  }
  into.low = low
  into.high = high
  return !Number.isNaN(low)
}

/** A slot has ended, in which the series was between `low` and `high`. */
export function learnRange(
  profile: Float32Array,
  at: number,
  slots: number,
  slot: number,
  low: number,
  high: number,
): void {
  const lowest = profile[at + slot]!
  const highest = profile[at + slots + slot]!
  profile[at + slot] = !(low > lowest) ? low : lowest + kForget * (low - lowest)
  profile[at + slots + slot] = !(high < highest) ? high : highest + kForget * (high - highest)
}

/** NaN where nothing is known. */
export function seasonalMean(profile: Float32Array, at: number, slots: number, slot: number): number {
  return profile[at + 2 * slots + slot]!
}

/** `value` less what is usual at this time of the day, which is learned: 0 for the first. */
export function seasonalError(profile: Float32Array, at: number, slots: number, slot: number, value: number): number {
  const index = at + 2 * slots + slot
  const usual = profile[index]!
  if (Number.isNaN(usual)) {
    profile[index] = value
    return 0
  }
  const error = value - usual
  profile[index] = usual + kForget * error
  return error
}
