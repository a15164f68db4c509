/** Windows kept of each width. */
export const kWindows = 32
/** Each width holds so many of the one before. From a minute: 1 min, 5 min, 15 min, 1 h, 4 h, 24 h; so 32 min to 32 days. */
const kSteps = [5, 3, 4, 4, 6] as const
export const kLevels = kSteps.length + 1
const kPerLevel = [1, 5, 15, 60, 240, 1440] as const

/** How a pyramid is kept: the minima of all levels, and what is open. */
export interface SavedPyramid {
  readonly minima: string
  readonly open: readonly (number | null)[]
  readonly numbers: readonly number[]
  readonly counts: readonly number[]
}

/**
 * The least value in each of the last 32 windows of six widths: minutes to weeks of a series in 1 KB, whatever its rate. A window
 * of one width is made of those of the width before, so a value costs one comparison until a window ends.
 *
 * What garbage collectors and request handlers take and give back leaves no trace in minima; what is never given back does.
 * Numbers are kept in single precision: 64 bytes in a gibibyte.
 */
export class MinimaPyramid {
  readonly #widthMs: number
  readonly #minima = new Float32Array(kLevels * kWindows).fill(Number.NaN)
  /** Least value so far of the window that is open, by level. */
  readonly #open = new Float64Array(kLevels).fill(Number.NaN)
  /** Number of the window that is open: its start over the width. */
  readonly #numbers = new Float64Array(kLevels).fill(Number.NaN)
  /** Greatest value so far of that window, and of the one before. */
  readonly #peaks = new Float64Array(kLevels).fill(Number.NEGATIVE_INFINITY)
  readonly #peaksBefore = new Float64Array(kLevels).fill(Number.NEGATIVE_INFINITY)
  /** Windows that have ended since the beginning, at most 32; those without a value count. */
  readonly #counts = new Uint8Array(kLevels)

  /** @param widthMs - of the narrowest windows */
  constructor(widthMs: number) {
    this.#widthMs = widthMs
  }

  widthMs(level: number): number {
    return this.#widthMs * kPerLevel[level]!
  }

  /** When the newest window of `level` that has ended did so. */
  endMs(level: number): number {
    return this.#numbers[level]! * this.widthMs(level)
  }

  /** Levels of which a window has ended with this value, the narrowest first: `n` means levels 0 to n - 1. */
  add(atMs: number, value: number): number {
    const number = Math.floor(atMs / this.#widthMs)
    const current = this.#numbers[0]!
    if (number === current) {
      if (value < this.#open[0]!) this.#open[0] = value
      if (value > this.#peaks[0]!) this.#peaks[0] = value
      return 0
    }
    if (number < current) {
      // A little late, and told already; or kept by an agent whose clock was ahead.
      if (current - number > kWindows) {
        this.clear()
        this.#begin(number)
        this.#open[0] = value
        this.#peaks[0] = value
      }
      return 0
    }
    const ended = Number.isNaN(current) ? this.#begin(number) : this.#end(number)
    this.#open[0] = value
    this.#peaks[0] = value
    return ended
  }

  clear(): void {
    this.#minima.fill(Number.NaN)
    this.#open.fill(Number.NaN)
    this.#peaks.fill(Number.NEGATIVE_INFINITY)
    this.#peaksBefore.fill(Number.NEGATIVE_INFINITY)
    this.#numbers.fill(Number.NaN)
    this.#counts.fill(0)
  }

  /** Copies the newest `most` windows of a level, oldest first: their numbers from 0 into `x`, their minima into `y`; returns how many have one. */
  read(level: number, most: number, x: Float64Array, y: Float64Array): number {
    const count = Math.min(this.#counts[level]!, most)
    const newest = this.#numbers[level]! - 1
    let length = 0
    for (let back = count - 1; back >= 0; back--) {
      const value = this.#minima[level * kWindows + ((newest - back) % kWindows)]!
      if (Number.isNaN(value)) continue
      x[length] = count - 1 - back
      y[length++] = value
    }
    return length
  }

  /** Windows of a level that have ended, those without a value too. */
  count(level: number): number {
    return this.#counts[level]!
  }

  /** Greatest minimum of all windows, of `level` and wider, that ended at or before `beforeMs`; -Infinity without any. */
  highest(level: number, beforeMs: number): number {
    let highest = Number.NEGATIVE_INFINITY
    for (let at = level; at < kLevels; at++) {
      const width = this.widthMs(at)
      const newest = this.#numbers[at]! - 1
      for (let back = 0; back < this.#counts[at]!; back++) {
        if ((newest - back + 1) * width > beforeMs) continue
        const value = this.#minima[at * kWindows + ((newest - back) % kWindows)]!
        if (value > highest) highest = value
      }
    }
    return highest
  }

  /** Greatest value of the newest window of a level that has ended, and since. */
  peak(level: number): number {
    let peak = this.#peaksBefore[level]!
    // The windows that are open lie within each other, the wider one without the narrower.
    for (let at = 0; at <= level; at++) if (this.#peaks[at]! > peak) peak = this.#peaks[at]!
    return peak
  }

  /** Peaks are not kept: what comes next shows them. */
  save(): SavedPyramid {
    const { buffer, byteOffset, byteLength } = this.#minima
    return {
      minima: Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
      open: Array.from(this.#open, (value) => (Number.isNaN(value) ? null : value)),
      numbers: Array.from(this.#numbers, (value) => (Number.isNaN(value) ? -1 : value)),
      counts: Array.from(this.#counts),
    }
  }

  /** @throws Error where it is not of the form that `save` gives */
  restore({ minima, open, numbers, counts }: SavedPyramid): void {
    const bytes = Buffer.from(minima, 'base64')
    const sizes = [open.length, numbers.length, counts.length]
    if (bytes.length !== this.#minima.byteLength || sizes.some((size) => size !== kLevels))
      throw new Error('windows of another form')
    this.#minima.set(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)))
    for (let level = 0; level < kLevels; level++) {
      const [value, number, count] = [open[level]!, numbers[level]!, counts[level]!]
      const fits = Number.isInteger(number) && Number.isInteger(count) && count >= 0 && count <= kWindows
      if (!fits || !(value === null || Number.isFinite(value))) throw new Error('windows with numbers that cannot be')
      this.#open[level] = value ?? Number.NaN
      this.#numbers[level] = number < 0 ? Number.NaN : number
      this.#counts[level] = count
    }
  }

  #begin(number: number): number {
    for (let level = 0; level < kLevels; level++) this.#numbers[level] = Math.floor(number / kPerLevel[level]!)
    return 0
  }

  #end(number: number): number {
    for (let level = 0; level < kLevels; level++) {
      const next = Math.floor(number / kPerLevel[level]!)
      const current = this.#numbers[level]!
      if (next === current) return level
      const value = this.#open[level]!
      this.#push(level, current, value)
      // Nothing was measured in windows that were skipped; 32 of them and nothing older is left.
      for (let skipped = Math.max(current + 1, next - kWindows); skipped < next; skipped++)
        this.#push(level, skipped, Number.NaN)
      this.#numbers[level] = next
      this.#counts[level] = Math.min(this.#counts[level]! + (next - current), kWindows)
      this.#open[level] = Number.NaN
      const wider = level + 1
      if (wider < kLevels && !(this.#open[wider]! <= value)) this.#open[wider] = value
      const peak = this.#peaks[level]!
      if (wider < kLevels && peak > this.#peaks[wider]!) this.#peaks[wider] = peak
      this.#peaksBefore[level] = peak
      this.#peaks[level] = Number.NEGATIVE_INFINITY
    }
    return kLevels
  }

  #push(level: number, number: number, value: number): void {
    this.#minima[level * kWindows + (number % kWindows)] = value
  }
}
