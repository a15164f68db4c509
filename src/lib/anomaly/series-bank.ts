import {
  dayProfileSize,
  expectedRange,
  type Interval,
  learnRange,
  seasonalError,
  seasonalMean,
  slotAt,
} from './day-profile.js'
import { kHistogramHead, surpriseOf } from './surprise-histogram.js'

/** What is asked of every sample; the most surprising answer names the anomaly. */
export const questions = ['value', 'run', 'time_of_day', 'level', 'turbulence'] as const
export type Question = (typeof questions)[number]

export interface SeriesShape {
  /** Slots of the day that are told apart. */
  readonly daySlots: number
  /** Bins of each of the five histograms: three are an octave. */
  readonly bins: number
}

/** 2.3 KB a series: a quarter of an hour, and deviations that differ by a factor of 4 billion. */
export const fullShape: SeriesShape = { daySlots: 96, bins: 96 }

/** A surprise of this much is an alarm: about one sample in 700 of what one question is told, before they are put together. */
export const kAlarmSurprise = 2.2
/** Samples after an alarm in which there is no other: what began is one anomaly. A third of a day of 5 minutes. */
const kHoldSamples = 100

/** Memory of the level, in samples: 5 days of 5 minutes. */
const kLevel = 1500
/** An hour: until a new level or more turbulence is told from chance. */
const kWide = 60
const kSeason = 12
const kRun = 5
/** The level follows a sample by no more than this many mean deviations, so that an outlier does not become the norm. */
const kMaxStep = 4
/** The norm by which the answers are put together, written out where it is used: between their mean and the largest, nearer to that. */
const kPower = 6

const kCount = 0
const kLevelMean = 1
const kLevelDeviation = 2
const kRunMean = 3
const kSeasonMean = 4
const kWideMean = 5
const kTurbulence = 6
const kPrevious = 7
const kOpenSlot = 8
const kOpenLow = 9
const kOpenHigh = 10
const kHeld = 11
const kScalars = 12

/**
 * Detectors of several series in one block of memory, which is all they know: what is saved and given back goes on as if
 * nothing had been. Each sample is held against what came before it, by five questions: is the *value* away from its level
 * and not known from this time of day; are the last few so, on average (*run*); does it differ from what is usual at this *time of
 * day*; has the *level* moved; does it jump more than it did (*turbulence*)? Each is told as a share of that series' own past.
 *
 * A microsecond or two a sample, nothing allocated.
 */
export class SeriesBank {
  readonly buffer: ArrayBuffer
  readonly #shape: SeriesShape
  readonly #scalars: Float64Array
  readonly #profiles: Float32Array
  readonly #histograms: Uint16Array
  readonly #range: Interval = { low: 0, high: 0 }
  readonly #deviations = new Float64Array(questions.length)
  #surprise = 0
  #leading = 0

  /** `saved` is the `buffer` of a bank of the same shape and number; throws where its size is another. */
  constructor(series: number, shape: SeriesShape = fullShape, saved?: ArrayBuffer) {
    const bytes = series * SeriesBank.bytes(shape)
    if (saved !== undefined && saved.byteLength !== bytes)
      throw new RangeError(`a bank has ${bytes} bytes, not ${saved.byteLength}`)
    this.buffer = saved ?? new ArrayBuffer(bytes)
    this.#shape = shape
    const profiles = series * kScalars * 8
    const histograms = profiles + series * dayProfileSize(shape.daySlots) * 4
    this.#scalars = new Float64Array(this.buffer, 0, series * kScalars)
    this.#profiles = new Float32Array(this.buffer, profiles, series * dayProfileSize(shape.daySlots))
    this.#histograms = new Uint16Array(this.buffer, histograms)
    if (saved === undefined) this.#profiles.fill(Number.NaN)
  }

  /** Of one series. */
  static bytes({ daySlots, bins }: SeriesShape): number {
    return kScalars * 8 + dayProfileSize(daySlots) * 4 + questions.length * (kHistogramHead + bins) * 2
  }

  /** -log₁₀ of how rare the last sample was, >= 0, whatever came before. */
  get surprise(): number {
    return this.#surprise
  }

  /** Whose answer was the most surprising. */
  get leading(): Question {
    return questions[this.#leading]!
  }

  /** How many samples the series has seen. */
  samples(series: number): number {
    return this.#scalars[series * kScalars + kCount]!
  }

  /** Where the series has been. */
  level(series: number): number {
    return this.#scalars[series * kScalars + kLevelMean]!
  }

  /** Its mean over the last hour of minutes, or five of 5 minutes. */
  lately(series: number): number {
    return this.#scalars[series * kScalars + kWideMean]!
  }

  /** Begins anew in all series, but for what is known of how far they stray: what is measured is another thing now. */
  relearn(): void {
    this.#scalars.fill(0)
    this.#profiles.fill(Number.NaN)
  }

  /** What the series usually is at this time of the day; its level where that is not known yet. */
  usual(series: number, seconds: number): number {
    const slots = this.#shape.daySlots
    const mean = seasonalMean(this.#profiles, series * dayProfileSize(slots), slots, slotAt(seconds, slots))
    return Number.isNaN(mean) ? this.level(series) : mean
  }

  /**
   * Score of the next sample in [0, 1), at `seconds` since some midnight: 1 - 10^-surprise, or in the wake of an alarm less than
   * one. What is not finite scores 0 and is not learned.
   */
  update(series: number, value: number, seconds: number): number {
    // Ranges are kept in single precision: a value must not differ from its own.
    const sample = Math.fround(value)
    if (!Number.isFinite(sample)) return 0
    this.#measure(series, sample, seconds)
    this.#surprise = this.#ask(series)
    const held = series * kScalars + kHeld
    if (this.#scalars[held]! > 0) {
      this.#scalars[held]! -= 1
      return 1 - 10 ** -Math.min(this.#surprise, kAlarmSurprise / 2)
    }
    if (this.#surprise >= kAlarmSurprise) this.#scalars[held] = kHoldSamples
    return 1 - 10 ** -this.#surprise
  }

  /** The five deviations of the sample, each from what was known before it; and what is known after it. */
  #measure(series: number, value: number, seconds: number): void {
    const own = this.#scalars
    const at = series * kScalars
    if (own[at + kCount] === 0) {
      own[at + kLevelMean] = value
      own[at + kWideMean] = value
      own[at + kPrevious] = value
      own[at + kOpenSlot] = -1
    }
    const count = ++own[at + kCount]!
    const slot = slotAt(seconds, this.#shape.daySlots)
    const outside = this.#outside(series, slot, value)
    const fromLevel = value - own[at + kLevelMean]!
    const unexplained = Math.sign(fromLevel) * Math.min(Math.abs(fromLevel), outside)
    const profile = series * dayProfileSize(this.#shape.daySlots)
    const fromUsual = seasonalError(this.#profiles, profile, this.#shape.daySlots, slot, value)
    this.#follow(at + kRunMean, unexplained, kRun, count)
    this.#follow(at + kSeasonMean, fromUsual, kSeason, count)
    this.#follow(at + kWideMean, value, kWide, count)
    this.#follow(at + kTurbulence, Math.abs(value - own[at + kPrevious]!), kWide, count)
    own[at + kPrevious] = value
    const deviations = this.#deviations
    deviations[0] = Math.abs(unexplained)
    deviations[1] = Math.abs(own[at + kRunMean]!)
    deviations[2] = Math.abs(own[at + kSeasonMean]!)
    deviations[3] = Math.abs(own[at + kWideMean]! - own[at + kLevelMean]!)
    deviations[4] = own[at + kTurbulence]!
    this.#followLevel(at, fromLevel, count)
  }

  /** How far the value is outside of what is known of this time of the day; infinitely, where nothing is. */
  #outside(series: number, slot: number, value: number): number {
    const own = this.#scalars
    const at = series * kScalars
    const slots = this.#shape.daySlots
    const profile = series * dayProfileSize(slots)
    const open = own[at + kOpenSlot]!
    const known = expectedRange(this.#profiles, profile, slots, slot, open, this.#range)
    if (slot === open) {
      if (value < own[at + kOpenLow]!) own[at + kOpenLow] = value
      if (value > own[at + kOpenHigh]!) own[at + kOpenHigh] = value
    } else {
      if (open >= 0) learnRange(this.#profiles, profile, slots, open, own[at + kOpenLow]!, own[at + kOpenHigh]!)
      own[at + kOpenSlot] = slot
      own[at + kOpenLow] = value
      own[at + kOpenHigh] = value
    }
    if (!known) return Number.POSITIVE_INFINITY
    return Math.max(this.#range.low - value, value - this.#range.high, 0)
  }

  /** A mean that forgets with a memory of `memory` samples, and is the plain mean before there are as many. */
  #follow(index: number, value: number, memory: number, count: number): void {
    this.#scalars[index]! += (value - this.#scalars[index]!) / Math.min(memory, count)
  }

  #followLevel(at: number, fromLevel: number, count: number): void {
    const most = kMaxStep * this.#scalars[at + kLevelDeviation]!
    const step = most > 0 ? Math.min(Math.max(fromLevel, -most), most) : fromLevel
    this.#follow(at + kLevelDeviation, Math.abs(fromLevel), kLevel, count)
    this.#scalars[at + kLevelMean]! += step / Math.min(kLevel, count)
  }

  #ask(series: number): number {
    const words = kHistogramHead + this.#shape.bins
    const first = series * questions.length * words
    let sum = 0
    let most = -1
    for (let question = 0; question < questions.length; question++) {
      const deviation = this.#deviations[question]!
      const surprise = surpriseOf(this.#histograms, first + question * words, this.#shape.bins, deviation)
      const squared = surprise * surprise
      sum += squared * squared * squared
      if (surprise <= most) continue
      most = surprise
      this.#leading = question
    }
    return (sum / questions.length) ** (1 / kPower)
  }
}
