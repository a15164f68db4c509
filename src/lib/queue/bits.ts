/** A set of small whole numbers, a bit for each: of the records of a segment, which are settled. */
export class Bits {
  #words = new Uint32Array(16)
  #size = 0

  /** How many are in it. */
  get size(): number {
    return this.#size
  }

  has(index: number): boolean {
    return ((this.#words[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0
  }

  /** @returns false when it was there already */
  add(index: number): boolean {
    if (this.has(index)) return false
    const word = index >>> 5
    if (word >= this.#words.length) {
      const larger = new Uint32Array(Math.max(this.#words.length * 2, word + 1))
      larger.set(this.#words)
      this.#words = larger
    }
    this.#words[word] = this.#words[word]! | (1 << (index & 31))
    this.#size++
    return true
  }
}
