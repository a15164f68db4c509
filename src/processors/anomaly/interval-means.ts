import { quantities } from './quantities.js'

const kLast = 0
const kLastAt = 1
const kSum = 2
const kWeight = 3
const kWords = 4

/** Means of a unit's readings over the interval under way, one of each quantity; rates per second of those that only grow. */
export class IntervalMeans {
  /** A list of doubles is half as large as a typed array of this length. */
  readonly #words: number[] = new Array<number>(quantities.length * kWords).fill(Number.NaN)

  constructor() {
    this.restart()
  }

  /** A reading at `atMs`; one that was there before (a batch that is offered again) does not count twice. */
  add(quantity: number, value: number, atMs: number): void {
    // A number that is none would be in the sum until the interval ends.
    if (!Number.isFinite(value)) return
    const words = this.#words
    const at = quantity * kWords
    if (!(atMs > words[at + kLastAt]!)) return
    if (quantities[quantity]!.isRate) {
      const grown = value - words[at + kLast]!
      // Less than before: it counts from nothing again. NaN: it is the first.
      if (grown >= 0) {
        words[at + kSum]! += grown
        words[at + kWeight]! += (atMs - words[at + kLastAt]!) / 1000
      }
    } else {
      words[at + kSum]! += value
      words[at + kWeight]! += 1
    }
    words[at + kLast] = value
    words[at + kLastAt] = atMs
  }

  /** NaN where nothing was read. */
  mean(quantity: number): number {
    return this.#words[quantity * kWords + kSum]! / this.#words[quantity * kWords + kWeight]!
  }

  /** The last reading as it was; NaN before any. */
  last(quantity: number): number {
    return this.#words[quantity * kWords + kLast]!
  }

  /** The next interval begins. */
  clear(): void {
    for (let at = 0; at < this.#words.length; at += kWords) {
      this.#words[at + kSum] = 0
      this.#words[at + kWeight] = 0
    }
  }

  /** Nothing that was read says anything of what comes: another run. */
  restart(): void {
    for (let at = 0; at < this.#words.length; at += kWords) {
      this.#words[at + kLast] = Number.NaN
      this.#words[at + kLastAt] = Number.NEGATIVE_INFINITY
    }
    this.clear()
  }

  /** One quantity is read in another way from now on. */
  forget(quantity: number): void {
    this.#words[quantity * kWords + kSum] = 0
    this.#words[quantity * kWords + kWeight] = 0
    this.#words[quantity * kWords + kLast] = Number.NaN
    this.#words[quantity * kWords + kLastAt] = Number.NEGATIVE_INFINITY
  }
}
