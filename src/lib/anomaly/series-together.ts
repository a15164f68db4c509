import { isHistogram, kHistogramHead, surpriseOf } from './surprise-histogram.js'

/** How fast a weight follows what is wrong about a prediction: half of it in some 70 samples, a working day of 5 minutes. */
const kLearn = 0.01
/** Added to the squares by which a step is divided: where next to nothing moves, nothing is learned. */
const kStill = 0.05
/** Samples over which what is left unexplained is averaged: one alone is noise. */
const kRun = 3
/** Memory, in samples, of how far predictions usually are off: two days of 5 minutes. */
const kMemory = 576
/** Least of it: of series that hardly move, a hair's breadth is no contradiction. */
const kLeastError = 0.02
/** Weights follow an error by no more than this many usual ones, so that what goes wrong does not become the rule at once. */
const kMaxError = 4

/** What a float counts so far: no weight or error of logarithms is larger. */
const kMost = 2 ** 24

/** Of a series: how far it is off lately, how far it usually is, and behind them a weight for each series (its own is not used). */
const kRunError = 0
const kUsualError = 1
const kWeights = 2

/**
 * Whether series of one unit go with each other as they did: each is predicted by the others, of the same moment, by weights that follow
 * with every sample (normalised least mean squares, Widrow and Hoff 1960). Work that is done without CPU, CPU that is used without
 * work: each series may be within its own habits, and they contradict each other all the same.
 *
 * All is known as deviations from each series' level. One block of memory, as `SeriesBank`; half a microsecond a sample of five.
 */
export class SeriesTogether {
  readonly #series: number
  readonly #bins: number
  /** [ samples | words of the first series | ... of the next | ... ] */
  readonly #words: Float32Array
  readonly #histogram: Uint16Array
  readonly #expected: Float64Array
  #surprise = 0
  readonly #off: Float64Array
  #most = 0

  /** In the memory of `block` from `offset` on, a multiple of 4; zeros are nothing known. */
  constructor(series: number, bins: number, block: ArrayBuffer, offset: number) {
    this.#series = series
    this.#bins = bins
    const words = wordsOf(series)
    this.#words = new Float32Array(block, offset, words)
    this.#histogram = new Uint16Array(block, offset + 4 * words, kHistogramHead + bins)
    this.#expected = new Float64Array(series)
    this.#off = new Float64Array(series)
  }

  static bytes(series: number, bins: number): number {
    return 4 * wordsOf(series) + 2 * (kHistogramHead + bins)
  }

  /** Whether it can be what samples have left. */
  get isSound(): boolean {
    return this.#words.every((word) => Math.abs(word) <= kMost) && isHistogram(this.#histogram, 0, this.#bins)
  }

  /** -log₁₀ of how rare it is that a series is so far from what the others say. */
  get surprise(): number {
    return this.#surprise
  }

  /** Whether the series contradicts the others as much as any, or half as much: of two that do not go together, both do. */
  isApart(series: number): boolean {
    return this.#off[series]! > 0 && this.#off[series]! >= this.#most / 2
  }

  /** What the others said of its deviation, before it was known. */
  expected(series: number): number {
    return this.#expected[series]!
  }

  /** Another thing is measured now: how series go together is taken to stay. */
  relearn(): void {
    for (let series = 0; series < this.#series; series++) this.#words[this.#own(series) + kRunError] = 0
  }

  /** The next sample: how far each series is from its level; NaN where it was not read. */
  update(deviations: Float64Array): void {
    const words = this.#words
    const count = ++words[0]!
    let squares = 0
    for (let n = 0; n < this.#series; n++) if (!Number.isNaN(deviations[n]!)) squares += deviations[n]! ** 2
    this.#most = 0
    for (let n = 0; n < this.#series; n++) {
      const own = this.#own(n)
      const expected = this.#predict(n, deviations)
      this.#expected[n] = expected
      const error = deviations[n]! - expected
      this.#off[n] = 0
      if (Number.isNaN(error)) continue
      const usual = words[own + kUsualError]!
      words[own + kRunError]! += (error - words[own + kRunError]!) / kRun
      const off = Math.abs(words[own + kRunError]!) / (usual + kLeastError)
      this.#off[n] = usual > 0 ? off : 0
      this.#most = Math.max(this.#most, this.#off[n]!)
      const step = usual > 0 ? Math.min(Math.max(error, -kMaxError * usual), kMaxError * usual) : error
      this.#learn(n, deviations, (kLearn * step) / (squares - deviations[n]! ** 2 + kStill))
      words[own + kUsualError]! += (Math.abs(error) - usual) / Math.min(count, kMemory)
    }
    this.#surprise = surpriseOf(this.#histogram, 0, this.#bins, this.#most)
  }

  #predict(series: number, deviations: Float64Array): number {
    const at = this.#own(series) + kWeights
    let sum = 0
    for (let n = 0; n < this.#series; n++)
      if (n !== series && !Number.isNaN(deviations[n]!)) sum += this.#words[at + n]! * deviations[n]!
    return sum
  }

  #learn(series: number, deviations: Float64Array, step: number): void {
    const at = this.#own(series) + kWeights
    for (let n = 0; n < this.#series; n++)
      if (n !== series && !Number.isNaN(deviations[n]!)) this.#words[at + n]! += step * deviations[n]!
  }

  #own(series: number): number {
    return 1 + series * (kWeights + this.#series)
  }
}

function wordsOf(series: number): number {
  return 1 + series * (kWeights + series)
}
