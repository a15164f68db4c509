import { kDaySeconds } from './day-profile.js'

// What series do over the week: for each three hours of each day their usual mean, in a byte. What counts is by how much a day differs from
// the other days at its hours: for most series that is nothing.

const kDays = 7
const kDayBlocks = 8
const kBlocks = kDays * kDayBlocks
/** Steps of an octave: values are logarithms between 0 and 21, and 0 is for nothing. */
const kSteps = 12
const kMostSteps = 0xff
/** Days of which the hours must be known: of three, none is the rule. */
const kLeastDays = 5
/** What is usual follows by a third each week, and by no more than what it is off, or one step. */
const kLearn = 1 / 3
/** Memory of how far off it was: two weeks of blocks. */
const kMemory = 2 * kBlocks
/** Samples of 36 that a block must have had: a quarter of an hour says nothing of it. */
const kLeastSamples = 12

/** Of what was wrong, the share that the day of the week explains, from which on it counts as another way of measuring. */
const kLeastShare = 0.25

/** What a float counts so far. */
const kMost = 2 ** 24

/** Blocks that were foretold, and how far the hours of any day, and those of this day of the week, were off. */
const kForetold = 0
const kOffByDay = 1
const kOffByWeek = 2
/** The block under way, the sum of its samples and their number. */
const kOpenBlock = 3
const kSum = 4
const kCount = 5
const kScalars = 6

const days = new Float64Array(kDays)

/**
 * By how much series are higher or lower on this day of the week than at the same time of other days. It has to prove itself: nothing
 * is said before each block was foretold once, in the third week, and then only the share by which the day of the week was less wrong than the
 * hour alone. One block of memory, as `SeriesBank`; values are logarithms.
 */
export class SeriesWeeks {
  readonly #scalars: Float32Array
  readonly #blocks: Uint8Array

  /** In the memory of `block` from `offset` on, a multiple of 4; zeros are nothing known. */
  constructor(series: number, block: ArrayBuffer, offset: number) {
    this.#scalars = new Float32Array(block, offset, series * kScalars)
    this.#blocks = new Uint8Array(block, offset + 4 * series * kScalars, series * kBlocks)
  }

  static bytes(series: number): number {
    return series * (4 * kScalars + kBlocks)
  }

  /** Whether it can be what samples have left. */
  get isSound(): boolean {
    for (let at = 0; at < this.#scalars.length; at += kScalars) {
      const own = this.#scalars.subarray(at, at + kScalars)
      const block = own[kOpenBlock]!
      if (!own.every((one) => one >= 0 && one <= kMost) || !Number.isInteger(block) || block >= kBlocks) return false
    }
    return true
  }

  /** What there is more on this day of the week, at `seconds` since some midnight, always the same one. */
  more(series: number, seconds: number): number {
    if (!this.#isKnown(series)) return 0
    const share = this.#share(series)
    if (!(share > 0)) return 0
    const block = blockAt(seconds)
    const more = this.#ofDay(series, block) - this.#ofHours(series, block)
    return Number.isNaN(more) ? 0 : share * more
  }

  /** The next sample; true when it has just turned out that days of the week differ: errors before were of something else. */
  update(series: number, value: number, seconds: number): boolean {
    const wasKnown = this.#isKnown(series)
    const own = this.#scalars
    const at = series * kScalars
    const block = blockAt(seconds)
    if (block !== own[at + kOpenBlock]!) {
      if (own[at + kCount]! >= kLeastSamples)
        this.#end(series, own[at + kOpenBlock]!, own[at + kSum]! / own[at + kCount]!)
      own[at + kOpenBlock] = block
      own[at + kSum] = 0
      own[at + kCount] = 0
    }
    own[at + kSum]! += value
    own[at + kCount]! += 1
    return !wasKnown && this.#isKnown(series) && this.#share(series) >= kLeastShare
  }

  /** Each block was foretold once. */
  #isKnown(series: number): boolean {
    return this.#scalars[series * kScalars + kForetold]! >= kBlocks
  }

  /** How much less wrong the day of the week is than the hour alone, in (0, 1]. */
  #share(series: number): number {
    const at = series * kScalars
    return Math.max(1 - this.#scalars[at + kOffByWeek]! / this.#scalars[at + kOffByDay]!, 0)
  }

  /** Whether the day of the week tells more than the hour is seen before it is learned. */
  #end(series: number, block: number, mean: number): void {
    const usual = this.#ofDay(series, block)
    const ofHours = this.#ofHours(series, block)
    if (Number.isNaN(usual)) this.#set(series, block, mean)
    if (Number.isNaN(usual + ofHours)) return
    const own = this.#scalars
    const at = series * kScalars
    const count = ++own[at + kForetold]!
    own[at + kOffByDay]! += (Math.abs(mean - ofHours) - own[at + kOffByDay]!) / Math.min(count, kMemory)
    own[at + kOffByWeek]! += (Math.abs(mean - usual) - own[at + kOffByWeek]!) / Math.min(count, kMemory)
    const most = Math.max(own[at + kOffByWeek]!, 1 / kSteps)
    if (count > kBlocks) this.#set(series, block, usual + Math.min(Math.max(kLearn * (mean - usual), -most), most))
    // Of two weeks only what both had is kept: where one of them was odd, the other says so.
    else if ((usual - ofHours) * (mean - ofHours) <= 0) this.#set(series, block, ofHours)
    else if (Math.abs(mean - ofHours) < Math.abs(usual - ofHours)) this.#set(series, block, mean)
  }

  /** What is usual in the block, of its day; NaN where nothing is known. */
  #ofDay(series: number, block: number): number {
    const steps = this.#blocks[series * kBlocks + block]!
    return steps === 0 ? Number.NaN : (steps - 1) / kSteps
  }

  /** The same of any day, the median over them, in which neither an odd day shows nor a weekend; NaN where few are known. */
  #ofHours(series: number, block: number): number {
    let known = 0
    for (let other = block % kDayBlocks; other < kBlocks; other += kDayBlocks) {
      const usual = this.#ofDay(series, other)
      if (!Number.isNaN(usual)) days[known++] = usual
    }
    if (known < kLeastDays) return Number.NaN
    days.subarray(0, known).sort()
    return (days[(known - 1) >> 1]! + days[known >> 1]!) / 2
  }

  #set(series: number, block: number, value: number): void {
    this.#blocks[series * kBlocks + block] = Math.min(Math.max(Math.round(value * kSteps), 0) + 1, kMostSteps)
  }
}

function blockAt(seconds: number): number {
  const week = kDays * kDaySeconds
  const ofWeek = seconds - Math.floor(seconds / week) * week
  return Math.min(Math.floor((ofWeek / week) * kBlocks), kBlocks - 1)
}
