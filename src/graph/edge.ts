import type { Consumer } from '../component/component.js'
import { type Batch, countItems } from '../data/batch.js'

/**
 * Items that crossed into or out of one component.
 *
 * What a caller offers is in flight until it is answered. `ok` and `permanent` settle it: the callee has taken it, or
 * has given it up and counted the drop. `retryable` leaves it with the caller, so it has not crossed.
 */
export class EdgeCount {
  #settled = 0
  #inFlight = 0
  readonly #onSettled: ((items: number) => void) | undefined

  constructor(onSettled?: (items: number) => void) {
    this.#onSettled = onSettled
  }

  /** Settled and in flight: what the other side has or had. */
  get items(): number {
    return this.#settled + this.#inFlight
  }

  /** The same consumer, with everything offered to it counted here. */
  counting(next: Consumer): Consumer {
    return {
      consume: async (batch: Batch) => {
        const items = countItems(batch)
        this.#inFlight += items
        try {
          const outcome = await next.consume(batch)
          if (outcome.kind !== 'retryable') {
            this.#settled += items
            this.#onSettled?.(items)
          }
          return outcome
        } finally {
          this.#inFlight -= items
        }
      },
    }
  }
}
