// What a series does over the day: per slot of the day the range and the mean of earlier days. A slice of an array:
// [ lowest of each slot | highest of each slot | mean of each slot ]. In single precision, NaN where nothing is known; or in half the
// room, for series that stay within 0 and 63 (logarithms), in steps of 1/1024 with 0 for nothing.

export const kDaySeconds = 86_400

/** How fast a range that is not reached shrinks: half of it is forgotten after two weeks. */
export const kForget = 0.05

export type Profile = Float32Array | Uint16Array

const kSteps = 1024
const kMostSteps = 0xffff

/** Nothing is known of any slot. */
export function clearProfile(profile: Profile): void {
  profile.fill(profile instanceof Uint16Array ? 0 : Number.NaN)
}

function get(profile: Profile, at: number): number {
  const word = profile[at]!
  if (!(profile instanceof Uint16Array)) return word
  return word === 0 ? Number.NaN : (word - 1) / kSteps
}

function set(profile: Profile, at: number, value: number): void {
  profile[at] =
    profile instanceof Uint16Array ? Math.min(Math.max(Math.round(value * kSteps), 0) + 1, kMostSteps) : value
}

export interface Interval {
  low: number
  high: number
}

/** Words that a profile of `slots` slots takes. */
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
  profile: Profile,
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
    const lowest = get(profile, at + known)
    if (Number.isNaN(lowest)) continue
    const highest = get(profile, at + slots + known)
    if (!(lowest >= low)) low = lowest
    if (!(highest <= high)) high = highest
  }
  into.low = low
  into.high = high
  return !Number.isNaN(low)
}

/** A slot has ended, in which the series was between `low` and `high`. */
export function learnRange(profile: Profile, at: number, slots: number, slot: number, low: number, high: number): void {
  const lowest = get(profile, at + slot)
  const highest = get(profile, at + slots + slot)
  set(profile, at + slot, !(low > lowest) ? low : lowest + kForget * (low - lowest))
  set(profile, at + slots + slot, !(high < highest) ? high : highest + kForget * (high - highest))
}

/** NaN where nothing is known. */
export function seasonalMean(profile: Profile, at: number, slots: number, slot: number): number {
  return get(profile, at + 2 * slots + slot)
}

/** `value` less what is usual at this time of the day, which is learned by this share of it: 0 for the first. */
export function seasonalError(
  profile: Profile,
  at: number,
  slots: number,
  slot: number,
  value: number,
  rate: number,
): number {
  const index = at + 2 * slots + slot
  const usual = get(profile, index)
  if (Number.isNaN(usual)) {
    set(profile, index, value)
    return 0
  }
  const error = value - usual
  set(profile, index, usual + rate * error)
  return error
}
