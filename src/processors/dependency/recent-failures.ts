import type { FailureMode } from '../../lib/dependencies/propagation.js'
import type { Failure } from './failure.js'

/** The unit that a failure comes from at once. */
export interface Via {
  readonly unit: string
  /** What ties them, where it is no reliance on that unit, and so on no way that the graph finds. */
  readonly edge?: string
}

/** Where a failure comes from; `via` is undefined for one that comes from no other. */
export interface Origin {
  readonly root: string
  readonly via: Via | undefined
}

/** A failure that others may come from. */
export interface RecentFailure extends Origin {
  readonly mode: FailureMode
  readonly usec: number
}

interface Remembered extends RecentFailure {
  /** When it was up again. */
  recoveredUsec: number | undefined
}

/** What failed lately, and until when it was down. Time is that of the events: a recording played fast says the same. */
export class RecentFailures {
  readonly #windowUsec: number
  readonly #max: number
  readonly #onForgotten: () => void
  /** Failed longest ago first. */
  readonly #failures = new Map<string, Remembered>()

  constructor(windowMs: number, max: number, onForgotten: () => void) {
    this.#windowUsec = windowMs * 1000
    this.#max = max
    this.#onForgotten = onForgotten
  }

  get size(): number {
    return this.#failures.size
  }

  /** The last failure of a unit that was down by it at `usec`, unless that is longer ago than the window. */
  find(unit: string, usec: number): RecentFailure | undefined {
    const known = this.#failures.get(unit)
    if (known === undefined || known.usec > usec || usec - known.usec > this.#windowUsec) return undefined
    return known.recoveredUsec !== undefined && known.recoveredUsec <= usec ? undefined : known
  }

  /** Whether it failed by itself before `usec`, and is remembered for it, up again or not. */
  failedItself(unit: string, usec: number): boolean {
    const known = this.#failures.get(unit)
    return known !== undefined && known.root === unit && known.usec < usec
  }

  add({ unit, mode, usec }: Failure, { root, via }: Origin): void {
    const known = this.#failures.get(unit)
    // One failure is told by several events: the first says how it began.
    if (known?.root === root && known.recoveredUsec === undefined && usec - known.usec < this.#windowUsec) return
    this.#failures.delete(unit)
    this.#failures.set(unit, { mode, usec, root, via, recoveredUsec: undefined })
    this.#forgetOld(usec)
  }

  recovered(unit: string, usec: number): void {
    const known = this.#failures.get(unit)
    if (known !== undefined) known.recoveredUsec ??= usec
  }

  #forgetOld(nowUsec: number): void {
    for (const [unit, { usec }] of this.#failures) {
      const over = this.#failures.size > this.#max
      if (!over && nowUsec - usec <= this.#windowUsec) return
      this.#failures.delete(unit)
      if (over) this.#onForgotten()
    }
  }
}
