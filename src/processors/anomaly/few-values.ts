import { isHistogram, kHistogramHead, rememberedIn, surpriseOf } from '../../lib/anomaly/surprise-histogram.js'
import { medianInPlace } from '../../lib/statistics/robust.js'

/** Values of each sort that are remembered: their median is what is usual. */
const kValues = 16
/** Of how far values were from it. */
const kBins = 24
/** 40 %, in octaves, is no deviation at all: so the tail begins there, and a dozen values are enough for one. */
const kLeastAway = 0.5
/** Twice or half is the least that anybody minds. */
const kMinded = 1
/** So many deviations must be known to have a tail; until there are about twice as many the bounds are wider. */
const kLeastKnown = 9
const kKnown = 16
/** Of time in which nothing was asked, as much may be made up for: a unit that starts once a month spends what a week allows. */
const kMostSavedMs = 604_800_000

// [ when it was asked last | values | histogram ]
const kValuesAt = 8
const kHistogramAt = kValuesAt + 2 * kValues
/** A multiple of 8, so that blocks can follow each other. */
export const kFewBytes = Math.ceil((kHistogramAt + 2 * (kHistogramHead + kBins)) / 8) * 8

/** Logarithms to base 2 are kept in so many steps from 2^-20, a microsecond, on: 0 is for nothing. */
const kSteps = 512
const kLeastLogarithm = -20

const scratch = new Float64Array(kValues)

/** A value that is far from the usual one. */
export interface Unusual {
  readonly usual: number
  /** -log₁₀ of how rare that is in the unit's own past. */
  readonly surprise: number
  /** How much it had to be. */
  readonly needed: number
  /** How many deviations it was held against. */
  readonly samples: number
}

/**
 * What a unit does now and then: how long it takes to start and to stop, its memory at the end of a run. What is usual is the median of the last
 * values, as logarithms, and how far each was from that before is remembered as a series' deviations are: so a unit that starts as it likes, or
 * slowly whenever the disk is cold, is left alone, and one that is always the same is not.
 *
 * How rare it must be follows from the time since it was asked last, times the false alarms that a week may have: whether it happens each
 * minute or once a month, chance makes no more of them than that.
 */
export class FewValues {
  readonly #askedAtMs: Float64Array
  readonly #values: Uint16Array
  readonly #histogram: Uint16Array

  /** In the memory of `block` from `offset` on, a multiple of 8; after `clear` nothing is known. */
  constructor(block: ArrayBuffer, offset: number) {
    this.#askedAtMs = new Float64Array(block, offset, 1)
    this.#values = new Uint16Array(block, offset + kValuesAt, kValues)
    this.#histogram = new Uint16Array(block, offset + kHistogramAt, kHistogramHead + kBins)
  }

  clear(): void {
    this.#askedAtMs.fill(Number.NaN)
    this.#values.fill(0)
    this.#histogram.fill(0)
  }

  /** Whether it can be what values have left. */
  get isSound(): boolean {
    return Math.abs(this.#askedAtMs[0]!) !== Number.POSITIVE_INFINITY && isHistogram(this.#histogram, 0, kBins)
  }

  /**
   * Remembers a value (> 0), and says what is unusual about it.
   *
   * @param perMs - false alarms that a millisecond may have
   * @param raised - powers of ten by which the bar is higher than it need be
   */
  add(value: number, atMs: number, perMs: number, raised: number): Unusual | undefined {
    const logarithm = Math.log2(value)
    let known = 0
    for (const one of this.#values) if (one !== 0) scratch[known++] = kLeastLogarithm + (one - 1) / kSteps
    this.#values.copyWithin(1, 0)
    this.#values[0] = Math.min(Math.max(Math.round((logarithm - kLeastLogarithm) * kSteps), 0) + 1, 0xffff)
    // The first time nothing was saved; nor where the clock has been set back since.
    const savedMs = Math.min(Math.max(atMs - this.#askedAtMs[0]!, 0) || 0, kMostSavedMs)
    this.#askedAtMs[0] = atMs
    if (known === 0) return undefined
    const usual = medianInPlace(scratch, known)
    const away = Math.abs(logarithm - usual)
    const samples = rememberedIn(this.#histogram, 0)
    const surprise = surpriseOf(this.#histogram, 0, kBins, Math.max(away, kLeastAway))
    if (away < kMinded || samples < kLeastKnown) return undefined
    const needed = -Math.log10(savedMs * perMs) * Math.max(1, Math.sqrt(kKnown / samples))
    return surprise >= needed + raised ? { usual: 2 ** usual, surprise, needed, samples } : undefined
  }
}
