/** What a detector knows per unit: bounded, the unit heard of longest ago is forgotten first. */
export class UnitTable<T> {
  readonly #max: number
  readonly #onEvicted: (value: T) => void
  readonly #isKept: (value: T) => boolean
  readonly #byKey = new Map<string, T>()

  /**
   * @param onEvicted - counts it
   * @param isKept - what should be forgotten only when nothing else is left: a pattern that is open
   */
  constructor(max: number, onEvicted: (value: T) => void, isKept: (value: T) => boolean = () => false) {
    this.#max = max
    this.#isKept = isKept
    this.#onEvicted = onEvicted
  }

  get size(): number {
    return this.#byKey.size
  }

  /** Least recently heard of first. */
  values(): IterableIterator<T> {
    return this.#byKey.values()
  }

  entries(): IterableIterator<[string, T]> {
    return this.#byKey.entries()
  }

  /** Those of now, however many come, go and change places meanwhile; who is gone when it is his turn is left out. */
  *snapshot(): Generator<[string, T], void, undefined> {
    for (const entry of [...this.#byKey]) if (this.#byKey.get(entry[0]) === entry[1]) yield entry
  }

  /** Without a change of order. */
  peek(key: string): T | undefined {
    return this.#byKey.get(key)
  }

  get(key: string): T | undefined {
    const value = this.#byKey.get(key)
    if (value === undefined) return undefined
    this.#byKey.delete(key)
    this.#byKey.set(key, value)
    return value
  }

  set(key: string, value: T): void {
    this.#byKey.delete(key)
    this.#byKey.set(key, value)
    if (this.#byKey.size > this.#max) this.#evict()
  }

  delete(key: string): void {
    this.#byKey.delete(key)
  }

  #evict(): void {
    let chosen: string | undefined
    for (const [key, value] of this.#byKey) {
      chosen ??= key
      if (this.#isKept(value)) continue
      chosen = key
      break
    }
    if (chosen === undefined) return
    const value = this.#byKey.get(chosen)!
    this.#byKey.delete(chosen)
    this.#onEvicted(value)
  }
}
