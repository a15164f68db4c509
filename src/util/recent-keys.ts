/** Keys seen of late; past `max` the oldest is forgotten. */
export class RecentKeys {
  readonly #max: number
  /** Oldest first. */
  readonly #keys = new Set<string>()

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
    if (this.#keys.size <= this.#max) return true
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest)
      break
    }
    return true
  }
}
