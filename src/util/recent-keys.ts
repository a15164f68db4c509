/** Keys seen of late; past `max` the oldest is forgotten. */
export class RecentKeys {
  readonly #max: number
  readonly #keys = new Set<string>()
  /** The same in the order in which they came, from `#oldest` on. A Set's own order is slow to ask: it walks over all that was deleted. */
  readonly #inOrder: string[] = []
  #oldest = 0

  constructor(max: number) {
    this.#max = max
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  /** Whether it was not there. */
  add(key: string): boolean {
    if (this.#keys.has(key)) return false
    this.#keys.add(key)
    if (this.#inOrder.length < this.#max) {
      this.#inOrder.push(key)
      return true
    }
    this.#keys.delete(this.#inOrder[this.#oldest]!)
    this.#inOrder[this.#oldest] = key
    this.#oldest = (this.#oldest + 1) % this.#max
    return true
  }
}
