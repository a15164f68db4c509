import {
  clearProfile,
  dayProfileSize,
  expectedRange,
  type Interval,
  kForget,
  learnRange,
  type Profile,
  seasonalError,
  seasonalMean,
  slotAt,
} from './day-profile.js'
import { isHistogram, kHistogramHead, surpriseOf } from './surprise-histogram.js'

/** What is asked of every sample; the most surprising answer names the anomaly. */
export const questions = ['value', 'run', 'time_of_day', 'level', 'turbulence'] as const
export type Question = (typeof questions)[number]
const kTimeOfDay = questions.indexOf('time_of_day')

export interface SeriesShape {
  /** Slots of the day that are told apart. */
  readonly daySlots: number
  /** Bins of each of the five histograms: three are an octave. */
  readonly bins: number
  /** Samples over which the mean of a slot is formed; as the range of the slot forgets, where left out. */
  readonly slotMemory?: number
  /** The values are logarithms, between 0 and 63: what the day is like takes half the room. */
  readonly isSmall?: boolean
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

/** Differences of larger ones are not finite in single precision; one of them would be in the means for good. */
const kLargest = 1e37
/** Of what is known of small values nothing is larger than the number of samples, which a float counts so far. */
const kMostSmall = 2 ** 24

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

/** What a sample is measured by; the same room for all, since each is done before the next. */
const deviationsOf = new Float64Array(questions.length)
const range: Interval = { low: 0, high: 0 }

function profileWord({ isSmall }: SeriesShape): number {
  return isSmall ? 2 : 4
}

function histogramWords({ bins }: SeriesShape): number {
  return questions.length * (kHistogramHead + bins)
}

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
  readonly #scalars: Float32Array
  readonly #profiles: Profile
  readonly #histograms: Uint16Array
  #surprise = 0
  #leading = 0

  /**
   * A bank in memory of its own, or in that of `block` from `offset` on (a multiple of 4): there it goes on with what another of
   * the same shape has left, after `clear` with nothing. Making one is cheap, so who has many keeps blocks and makes banks as they are needed.
   */
  constructor(series: number, shape: SeriesShape = fullShape, block?: ArrayBuffer, offset = 0) {
    const bytes = series * SeriesBank.bytes(shape)
    if (block !== undefined && block.byteLength < offset + bytes)
      throw new RangeError(`a bank has ${bytes} bytes, not ${block.byteLength - offset}`)
    this.buffer = block ?? new ArrayBuffer(bytes)
    this.#shape = shape
    const profiles = offset + series * kScalars * 4
    const words = series * dayProfileSize(shape.daySlots)
    const histograms = profiles + words * profileWord(shape)
    this.#scalars = new Float32Array(this.buffer, offset, series * kScalars)
    this.#profiles = shape.isSmall
      ? new Uint16Array(this.buffer, profiles, words)
      : new Float32Array(this.buffer, profiles, words)
    this.#histograms = new Uint16Array(this.buffer, histograms, series * histogramWords(shape))
    if (block === undefined) this.clear()
  }

  /** Of one series. */
  static bytes(shape: SeriesShape): number {
    return kScalars * 4 + dayProfileSize(shape.daySlots) * profileWord(shape) + histogramWords(shape) * 2
  }

  /** Nothing is known of any series. */
  clear(): void {
    this.relearn()
    this.#histograms.fill(0)
  }

  /** Whether it can be what samples have left; a block that was read back might hold anything. */
  get isSound(): boolean {
    const slots = this.#shape.daySlots
    const words = kHistogramHead + this.#shape.bins
    const most = this.#shape.isSmall ? kMostSmall : kLargest
    for (const one of this.#scalars) if (!(Math.abs(one) <= most)) return false
    for (let at = 0; at < this.#scalars.length; at += kScalars) {
      const slot = this.#scalars[at + kOpenSlot]!
      if (!(this.#scalars[at + kCount]! >= 0 && Number.isInteger(slot) && slot >= -1 && slot < slots)) return false
    }
    for (const one of this.#profiles) if (Math.abs(one) === Number.POSITIVE_INFINITY) return false
    for (let at = 0; at < this.#histograms.length; at += words)
      if (!isHistogram(this.#histograms, at, this.#shape.bins)) return false
    return true
  }

  /** -log₁₀ of how rare the last sample was, >= 0, whatever came before; 0 where it was none. */
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
    clearProfile(this.#profiles)
  }

  /** Errors of its time of day were of another measure: what comes is not held against them. */
  forgetTimeOfDay(series: number): void {
    const at = series * histogramWords(this.#shape) + kTimeOfDay * (kHistogramHead + this.#shape.bins)
    this.#histograms.fill(0, at, at + kHistogramHead + this.#shape.bins)
  }

  /** What the series usually is at this time of the day; its level where that is not known yet. */
  usual(series: number, seconds: number): number {
    const slots = this.#shape.daySlots
    const mean = seasonalMean(this.#profiles, series * dayProfileSize(slots), slots, slotAt(seconds, slots))
    return Number.isNaN(mean) ? this.level(series) : mean
  }

  /**
   * Score of the next sample in [0, 1), at `seconds` since some midnight: 1 - 10^-surprise, or in the wake of an alarm less than
   * one. What is not finite, or beyond 10^37, scores 0 and is not learned.
   */
  update(series: number, value: number, seconds: number): number {
    // Ranges are kept in single precision: a value must not differ from its own.
    const sample = Math.fround(value)
    this.#surprise = 0
    if (!(Math.abs(sample) <= kLargest) || !Number.isFinite(seconds)) return 0
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
    const fromUsual = seasonalError(this.#profiles, profile, this.#shape.daySlots, slot, value, this.#seasonRate(count))
    this.#follow(at + kRunMean, unexplained, kRun, count)
    this.#follow(at + kSeasonMean, fromUsual, kSeason, count)
    this.#follow(at + kWideMean, value, kWide, count)
    this.#follow(at + kTurbulence, Math.abs(value - own[at + kPrevious]!), kWide, count)
    own[at + kPrevious] = value
    const deviations = deviationsOf
    deviations[0] = Math.abs(unexplained)
    deviations[1] = Math.abs(own[at + kRunMean]!)
    deviations[2] = Math.abs(own[at + kSeasonMean]!)
    deviations[3] = Math.abs(own[at + kWideMean]! - own[at + kLevelMean]!)
    deviations[4] = own[at + kTurbulence]!
    this.#followLevel(at, fromLevel, count)
  }

  #seasonRate(count: number): number {
    const { slotMemory, daySlots } = this.#shape
    return slotMemory === undefined ? kForget : Math.max(1 / slotMemory, 1 / (1 + count / daySlots))
  }

  /** How far the value is outside of what is known of this time of the day; infinitely, where nothing is. */
  #outside(series: number, slot: number, value: number): number {
    const own = this.#scalars
    const at = series * kScalars
    const slots = this.#shape.daySlots
    const profile = series * dayProfileSize(slots)
    const open = own[at + kOpenSlot]!
    const known = expectedRange(this.#profiles, profile, slots, slot, open, range)
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
    return Math.max(range.low - value, value - range.high, 0)
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
    const first = series * histogramWords(this.#shape)
    let sum = 0
    let most = -1
    for (let question = 0; question < questions.length; question++) {
      const deviation = deviationsOf[question]!
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
