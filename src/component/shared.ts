/** Names one thing that components of an agent share, and makes it when the first of them asks. */
export interface SharedKey<T> {
  readonly name: string
  make(): T
}

/**
 * What components of one agent know together, without knowing each other: one writes, others read. For knowledge that
 * must be held once per agent and that is no stream of records (the graph of units). Both sides import the key from `lib/`.
 */
export class Shared {
  readonly #held = new Map<string, unknown>()

  get<T>(key: SharedKey<T>): T {
    let held = this.#held.get(key.name)
    if (held === undefined) {
      held = key.make()
      this.#held.set(key.name, held)
    }
    // Names are given once, beside the type: see the keys in lib/.
    return held as T
  }
}
