import { isCount, type ReadTimes, type SavedTimes } from '../storage/saved-values.js'
import { isAmount, need } from './saved.js'

/** Windows kept of each width. */
export const kWindows = 32
/** Widths, in the narrowest: each is a whole number of the one before. From a minute: 1 min to 24 h, so 32 min to 32 days. */
const kPerLevel = [1, 5, 15, 60, 240, 1440] as const
export const kLevels = kPerLevel.length

/** How a pyramid is kept. */
export interface SavedPyramid {
  /** Of the narrowest windows, milliseconds. */
  readonly widthMs: number
  /** Of the first window, and of the one that is open; null before the first value. */
  readonly numbers: readonly [first: number, current: number] | null
  /** When the latter began. */
  readonly currentUsec: number | null
  /** All numbers, base64. */
  readonly values: string
}

/** Where what is kept of each level stands among the numbers: its ended windows first, then these. */
const kOpen = kLevels * kWindows
const kPeaks = kOpen + kLevels
const kPeaksBefore = kPeaks + kLevels
const kNumbers = kPeaksBefore + kLevels
/** Of windows of a second, in 34,000 years. */
const kMaxNumber = 2 ** 40
/** Of all numbers, base64. */
const kTextLength = 4 * Math.ceil((kNumbers * Float32Array.BYTES_PER_ELEMENT) / 3)

/**
 * The least value in each of the last 32 windows of six widths: minutes to weeks of a series in 1 KB, whatever its rate. A window
 * of one width is made of those of the width before, so a value costs one comparison until a window ends.
 *
 * What garbage collectors and request handlers take and give back leaves no trace in minima; what is never given back does.
 * Numbers are kept in single precision, 64 bytes in a gibibyte, and in one array: a typed array of its own costs 200 bytes.
 */
export class MinimaPyramid {
  readonly #widthMs: number
  /** Ended windows, each at its number modulo 32; then by level the least and the greatest value of the open window, and the greatest before. */
  readonly #values = new Float32Array(kNumbers).fill(Number.NaN)
  /** Numbers of narrowest windows, their start over the width: of the first, and of the one that is open. */
  #first = Number.NaN
  #current = Number.NaN
  /** When window 0 began: 1970, unless what was kept comes from a time by another clock. */
  #originMs = 0

  /** @param widthMs - of the narrowest windows */
  constructor(widthMs: number) {
    this.#widthMs = widthMs
  }

  widthMs(level: number): number {
    return this.#widthMs * kPerLevel[level]!
  }

  /** When the newest window of `level` that has ended did so. */
  endMs(level: number): number {
    return this.#originMs + this.#number(level) * this.widthMs(level)
  }

  /** Levels of which a window has ended with this value, the narrowest first: `n` means levels 0 to n - 1. */
  add(atMs: number, value: number): number {
    const number = this.#numberAt(atMs)
    if (number === this.#current) {
      const values = this.#values
      if (value < values[kOpen]!) values[kOpen] = value
      if (value > values[kPeaks]!) values[kPeaks] = value
      return 0
    }
    if (number < this.#current) {
      // A little late, and told already; or kept by an agent whose clock was ahead.
      if (this.isAheadOf(atMs)) this.#begin(atMs, value)
      return 0
    }
    if (Number.isNaN(this.#current)) {
      this.#begin(atMs, value)
      return 0
    }
    const ended = this.#end(number)
    this.#current = number
    this.#values[kOpen] = value
    this.#values[kPeaks] = value
    return ended
  }

  /** What is kept is of a time that lies more than 32 of the narrowest windows ahead: of an agent whose clock did. */
  isAheadOf(atMs: number): boolean {
    return this.#current - this.#numberAt(atMs) > kWindows
  }

  clear(): void {
    this.#values.fill(Number.NaN)
    this.#first = Number.NaN
    this.#current = Number.NaN
    // Of a clock that was far ahead it may lie after now: windows would have numbers below 0.
    this.#originMs = 0
  }

  /** Copies the newest `most` windows of a level, oldest first: their numbers from 0 into `x`, their minima into `y`; returns how many have one. */
  read(level: number, most: number, x: Float64Array, y: Float64Array): number {
    const count = Math.min(this.count(level), most)
    const newest = this.#number(level) - 1
    let length = 0
    for (let back = count - 1; back >= 0; back--) {
      const value = this.#minimum(level, newest - back)
      if (Number.isNaN(value)) continue
      x[length] = count - 1 - back
      y[length++] = value
    }
    return length
  }

  /** Windows of a level that have ended, those without a value too; 32 at most. */
  count(level: number): number {
    if (Number.isNaN(this.#first)) return 0
    return Math.min(this.#number(level) - Math.floor(this.#first / kPerLevel[level]!), kWindows)
  }

  /** Greatest minimum of all windows, of `level` and wider, that ended at or before `beforeMs`; -Infinity without any. */
  highest(level: number, beforeMs: number): number {
    let highest = Number.NEGATIVE_INFINITY
    for (let at = level; at < kLevels; at++) {
      const width = this.widthMs(at)
      const newest = this.#number(at) - 1
      const until = beforeMs - this.#originMs
      for (let back = this.count(at) - 1; back >= 0 && (newest - back + 1) * width <= until; back--) {
        const value = this.#minimum(at, newest - back)
        if (value > highest) highest = value
      }
    }
    return highest
  }

  /** Greatest value of the newest window of a level that has ended, and since; -Infinity without any. */
  peak(level: number): number {
    const before = this.#values[kPeaksBefore + level]!
    let peak = Number.isNaN(before) ? Number.NEGATIVE_INFINITY : before
    // Open windows lie within each other, the wider one without what the narrower has.
    for (let at = 0; at <= level; at++) {
      const value = this.#values[kPeaks + at]!
      if (value > peak) peak = value
    }
    return peak
  }

  save(times: SavedTimes): SavedPyramid {
    const { buffer, byteOffset, byteLength } = this.#values
    const isEmpty = Number.isNaN(this.#first)
    return {
      widthMs: this.#widthMs,
      numbers: isEmpty ? null : [this.#first, this.#current],
      currentUsec: isEmpty ? null : times.usec(this.#originMs + this.#current * this.#widthMs),
      values: Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
    }
  }

  /**
   * Windows of another width, as the configuration had it then, are of no use: nothing is restored of them.
   *
   * @returns whether there is anything now
   * @throws Error where it is not of the form that `save` gives
   */
  restore({ widthMs, numbers, currentUsec, values }: SavedPyramid, times: ReadTimes): boolean {
    this.clear()
    need(isCount(widthMs) && typeof values === 'string' && values.length === kTextLength, 'windows')
    if (numbers === null) return false
    const [first, current] = numbers
    need(numbers.length === 2 && isCount(first) && isCount(current) && first <= current, 'windows')
    need(current <= kMaxNumber && currentUsec !== null, 'windows')
    const bytes = Buffer.from(values, 'base64')
    need(bytes.length === this.#values.byteLength, 'windows')
    const read = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    need(
      read.every((value) => Number.isNaN(value) || isAmount(value)),
      'minima',
    )
    const currentMs = times.ms(currentUsec!)
    if (widthMs !== this.#widthMs) return false
    this.#values.set(read)
    this.#first = first
    this.#current = current
    this.#originMs = currentMs - current * widthMs
    return true
  }

  #numberAt(atMs: number): number {
    return Math.floor((atMs - this.#originMs) / this.#widthMs)
  }

  /** Of the window of a level that is open. */
  #number(level: number): number {
    return Math.floor(this.#current / kPerLevel[level]!)
  }

  #minimum(level: number, number: number): number {
    return this.#values[level * kWindows + (number % kWindows)]!
  }

  #begin(atMs: number, value: number): void {
    this.clear()
    const number = this.#numberAt(atMs)
    this.#first = number
    this.#current = number
    this.#values[kOpen] = value
    this.#values[kPeaks] = value
  }

  #end(number: number): number {
    const values = this.#values
    for (let level = 0; level < kLevels; level++) {
      const next = Math.floor(number / kPerLevel[level]!)
      const current = this.#number(level)
      if (next === current) return level
      const value = values[kOpen + level]!
      const peak = values[kPeaks + level]!
      values[level * kWindows + (current % kWindows)] = value
      // Nothing was measured in windows that were skipped; 32 of them and nothing older is left.
      for (let skipped = Math.max(current + 1, next - kWindows); skipped < next; skipped++)
        values[level * kWindows + (skipped % kWindows)] = Number.NaN
      values[kOpen + level] = Number.NaN
      values[kPeaks + level] = Number.NaN
      values[kPeaksBefore + level] = peak
      const wider = level + 1
      if (wider === kLevels) break
      if (!(values[kOpen + wider]! <= value)) values[kOpen + wider] = value
      if (!(values[kPeaks + wider]! >= peak)) values[kPeaks + wider] = peak
    }
    return kLevels
  }
}
