const kMost = 6400
const kStep = 100

/**
 * NAB's baseline: how many deviations a value is from the mean, both those of the last 6,400 values, moved on by 100 at a time.
 * (NAB tells the tail of a normal distribution, which orders values the same and is 1 for all beyond eight deviations.)
 */
export class WindowedGaussian {
  static bytes = 8 * (kMost + kStep)
  #values = new Float64Array(kMost + kStep)
  #count = 0
  #mean = 0
  #squares = 0
  #deviation = 1

  /** @param {number} value */
  update(value) {
    const score = this.#count === 0 ? 0 : Math.abs(value - this.#mean) / this.#deviation
    this.#values[this.#count++] = value
    if (this.#count <= kMost) this.#add(value, this.#count)
    else if (this.#count === kMost + kStep) this.#moveOn()
    return score
  }

  #moveOn() {
    this.#values.copyWithin(0, kStep)
    this.#count = kMost
    this.#mean = 0
    this.#squares = 0
    for (let n = 0; n < kMost; n++) this.#add(this.#values[n], n + 1)
  }

  /** Welford 1962. */
  #add(value, count) {
    const from = value - this.#mean
    this.#mean += from / count
    this.#squares += from * (value - this.#mean)
    this.#deviation = Math.sqrt(this.#squares / count) || 1e-6
  }
}
