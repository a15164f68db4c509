/**
 * Room for so many connections. When all is taken, who has had nothing under way for the longest makes room: who sends a
 * header a byte a minute, or nothing, keeps nobody out. While all are busy, the new one is refused.
 */
export class Places<T extends object> {
  readonly #max: number
  readonly #end: (connection: T) => void
  /** How much each has under way. */
  readonly #busy = new Map<T, number>()
  /** In the order in which they became idle. */
  readonly #idle = new Set<T>()

  /** @param end - ends a connection that makes room */
  constructor(max: number, end: (connection: T) => void) {
    this.#max = max
    this.#end = end
  }

  get size(): number {
    return this.#busy.size
  }

  /** @returns false when it finds no place */
  enter(connection: T): boolean {
    if (this.#busy.size >= this.#max) {
      const [longest] = this.#idle
      if (longest === undefined) return false
      this.leave(longest)
      this.#end(longest)
    }
    this.#busy.set(connection, 0)
    this.#idle.add(connection)
    return true
  }

  leave(connection: T): void {
    this.#busy.delete(connection)
    this.#idle.delete(connection)
  }

  /** Something is under way on it, until `ended`. */
  begun(connection: T): void {
    const count = this.#busy.get(connection)
    if (count === undefined) return
    this.#busy.set(connection, count + 1)
    this.#idle.delete(connection)
  }

  ended(connection: T): void {
    const count = this.#busy.get(connection)
    if (count === undefined) return
    this.#busy.set(connection, count - 1)
    if (count === 1) this.#idle.add(connection)
  }

  all(): Iterable<T> {
    return this.#busy.keys()
  }
}
