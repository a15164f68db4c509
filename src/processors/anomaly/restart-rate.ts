import { negativeBinomialAtLeast } from '../../lib/statistics/counts.js'

const kHourMs = 3_600_000
const kHours = 24
/** Rooms that the rate of a unit takes: failures by hour, and numbers. */
export const kRateHours = kHours
export const kRateNumbers = 4
/** Failures, and hours, before the last day. */
const kFailures = 0
const kWatchedHours = 1
/** Number of the hour under way. */
const kHour = 2
const kNoHour = -1
/** Hours that were seen end. */
const kWatched = 3
/** Half of a failure in half a day, as if it had been seen: Jeffreys' prior for a rate, of which a day takes most. */
const kPriorCount = 0.5
const kPriorHours = 12
/** What was learned weighs half after two weeks. */
const kForgetPerHour = 2 ** (-1 / (14 * 24))
/** Ends of hours that a unit must have been watched over: of its first hour nothing is told. */
const kLeastWatched = 2
/** Fewer are nobody's rate, whatever was before. */
const kLeast = 3

export interface UnusualRate {
  readonly count: number
  readonly hours: number
  /** Failures expected in as many hours. */
  readonly expected: number
  readonly p: number
}

/**
 * How often a unit fails, as a gamma distribution of its rate: so counts to come are negative binomial, wide while little is known
 * (Gelman et al. 2013, section 2.6). Hours of the last day are not in it yet: what is held against it does not excuse itself.
 */
export class RestartRate {
  readonly #numbers: Float64Array
  readonly #counts: Uint8Array

  /** @param numbers - `kRateNumbers` and `counts` `kRateHours`, which hold what is known; after `clear` nothing is */
  constructor(numbers: Float64Array, counts: Uint8Array) {
    this.#numbers = numbers
    this.#counts = counts
  }

  clear(): void {
    this.#numbers.fill(0)
    this.#numbers[kHour] = kNoHour
    this.#counts.fill(0)
  }

  /** Whether it is what was learned: saved and read back, it might be anything. */
  get isSound(): boolean {
    const [failures, hours, hour, watched] = this.#numbers as unknown as readonly [number, number, number, number]
    return (
      failures >= 0 &&
      hours >= 0 &&
      watched >= 0 &&
      Number.isSafeInteger(hour) &&
      Number.isFinite(failures + hours + watched)
    )
  }

  /** Time goes on to `atMs`; a gap counts no more than a day of it. */
  elapse(atMs: number): void {
    const now = Math.floor(atMs / kHourMs)
    const numbers = this.#numbers
    if (numbers[kHour] === kNoHour) numbers[kHour] = now
    // The clock was wrong when this was saved: hours that never come would hold up all that do. What is told late is younger than a day.
    if (now < numbers[kHour]! - kHours) {
      numbers[kHour] = now
      this.#counts.fill(0)
    }
    for (let steps = Math.min(now - numbers[kHour]!, kHours); steps > 0; steps--) {
      const place = placeOf(++numbers[kHour]!)
      const isWatched = numbers[kWatched]!++ >= kHours
      numbers[kFailures] = numbers[kFailures]! * kForgetPerHour + (isWatched ? this.#counts[place]! : 0)
      numbers[kWatchedHours] = numbers[kWatchedHours]! * kForgetPerHour + (isWatched ? 1 : 0)
      this.#counts[place] = 0
    }
    numbers[kHour] = Math.max(numbers[kHour]!, now)
  }

  /** A failure, and what is unusual about the last hours with it: of the last two and the last day the rarer; undefined for neither. */
  add(atMs: number): UnusualRate | undefined {
    this.elapse(atMs)
    const place = placeOf(this.#numbers[kHour]!)
    if (this.#counts[place]! < 255) this.#counts[place]!++
    if (this.#numbers[kWatched]! < kLeastWatched) return undefined
    const short = this.#rarity(2)
    const long = this.#rarity(kHours)
    if (short === undefined || long === undefined) return short ?? long
    return short.p <= long.p ? short : long
  }

  #rarity(hours: number): UnusualRate | undefined {
    let count = 0
    for (let back = 0; back < hours; back++) count += this.#counts[placeOf(this.#numbers[kHour]! - back)]!
    if (count < kLeast) return undefined
    const size = this.#numbers[kFailures]! + kPriorCount
    const expected = (size / (this.#numbers[kWatchedHours]! + kPriorHours)) * hours
    return { count, hours, expected, p: negativeBinomialAtLeast(count, expected, size) }
  }
}

/** Steady time may be of before 1970, where a clock that showed 1970 was set. */
function placeOf(hour: number): number {
  return ((hour % kHours) + kHours) % kHours
}
