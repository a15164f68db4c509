import { negativeBinomialAtLeast } from '../../lib/statistics/counts.js'

const kHourMs = 3_600_000
const kHours = 24
/** Half of a failure in half a day, as if it had been seen: Jeffreys' prior for a rate, of which a day takes most. */
const kPriorCount = 0.5
const kPriorHours = 12
/** What was learned weighs half after two weeks. */
const kForgetPerHour = 2 ** (-1 / (14 * 24))
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
  readonly counts = new Uint8Array(kHours)
  /** Failures, and hours, before the last day. */
  #failures = 0
  #hours = 0
  /** Number of the hour under way; -1 before the first. */
  #hour = -1
  /** Hours that were seen end. */
  #watched = 0

  /** Time goes on to `atMs`; a gap counts no more than a day of it. */
  elapse(atMs: number): void {
    const now = Math.floor(atMs / kHourMs)
    if (this.#hour < 0) this.#hour = now
    for (let steps = Math.min(now - this.#hour, kHours); steps > 0; steps--) {
      this.#hour++
      const place = this.#hour % kHours
      const isWatched = this.#watched++ >= kHours
      this.#failures = this.#failures * kForgetPerHour + (isWatched ? this.counts[place]! : 0)
      this.#hours = this.#hours * kForgetPerHour + (isWatched ? 1 : 0)
      this.counts[place] = 0
    }
    this.#hour = Math.max(this.#hour, now)
  }

  save(): readonly number[] {
    return [this.#failures, this.#hours, this.#hour, this.#watched]
  }

  /** Throws where it is not what `save` and `counts` gave. */
  restore(counts: Uint8Array, numbers: readonly number[]): void {
    const [failures, hours, hour, watched] = numbers
    if (numbers.length !== 4 || !numbers.every(Number.isFinite)) throw new TypeError('not what is known of restarts')
    this.counts.set(counts)
    this.#failures = failures!
    this.#hours = hours!
    this.#hour = hour!
    this.#watched = watched!
  }

  get bytes(): number {
    return this.counts.byteLength + 4 * 8
  }

  /** A failure, and what is unusual about the last hours with it: of the last two and the last day the rarer; undefined for neither. */
  add(atMs: number): UnusualRate | undefined {
    this.elapse(atMs)
    const place = this.#hour % kHours
    if (this.counts[place]! < 255) this.counts[place]!++
    const short = this.#rarity(2)
    const long = this.#rarity(kHours)
    if (short === undefined || long === undefined) return short ?? long
    return short.p <= long.p ? short : long
  }

  #rarity(hours: number): UnusualRate | undefined {
    let count = 0
    for (let back = 0; back < hours; back++) count += this.counts[(this.#hour - back + kHours) % kHours]!
    if (count < kLeast) return undefined
    const size = this.#failures + kPriorCount
    const expected = (size / (this.#hours + kPriorHours)) * hours
    return { count, hours, expected, p: negativeBinomialAtLeast(count, expected, size) }
  }
}
