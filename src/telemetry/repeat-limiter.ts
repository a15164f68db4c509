import type { Clock, Timer } from '../util/clock.js'

/** A line is identical to another when level, component and message are; its fields may differ. */
export interface Repeated {
  readonly key: string
  /** Lines held back since the last summary. */
  readonly held: number
}

export interface RepeatLimits {
  /** Lines of one key that pass in each interval. */
  readonly burst: number
  readonly intervalMs: number
}

/** Ten show a pattern; a minute is short enough that an operator watching sees the summary come. */
export const defaultRepeatLimits: RepeatLimits = { burst: 10, intervalMs: 60_000 }

/** Keys remembered in one interval. Messages are constant texts, a few hundred in the whole agent; more is a bug, and passes. */
const kMaxKeys = 1024

/**
 * Lets the first lines of each key pass and counts the rest. At the end of each interval the count is handed to
 * `summarise`, and the next lines pass again. Its timer runs only while something is remembered.
 */
export class RepeatLimiter {
  readonly #seen = new Map<string, number>()
  readonly #clock: Clock
  readonly #limits: RepeatLimits
  readonly #summarise: (repeated: Repeated) => void
  #timer: Timer | undefined

  constructor(clock: Clock, limits: RepeatLimits, summarise: (repeated: Repeated) => void) {
    this.#clock = clock
    this.#limits = limits
    this.#summarise = summarise
  }

  /** Whether this line is to be written. */
  admit(key: string): boolean {
    const seen = this.#seen.get(key) ?? 0
    if (seen === 0 && this.#seen.size >= kMaxKeys) return true
    this.#seen.set(key, seen + 1)
    this.#timer ??= this.#clock.after(this.#limits.intervalMs, () => this.flush())
    return seen < this.#limits.burst
  }

  /** Hands over all counts now and starts a new interval with the next line. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const seen = [...this.#seen]
    this.#seen.clear()
    for (const [key, count] of seen) {
      if (count > this.#limits.burst) this.#summarise({ key, held: count - this.#limits.burst })
    }
  }
}
