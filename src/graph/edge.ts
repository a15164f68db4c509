import type { Consumer } from '../component/component.js'
import type { Outcome } from '../component/outcome.js'
import { type Items, itemsOf } from '../data/batch.js'
import { Tally } from '../data/tally.js'

/**
 * Items that crossed into or out of one component.
 *
 * What a caller offers is in flight until it is answered. `ok` and `permanent` settle it: the callee has taken it, or
 * has given it up and counted the drop. `retryable` leaves it with the caller, so it has not crossed.
 */
export class EdgeCount {
  readonly settled = new Tally()
  readonly #inFlight = new Tally()
  readonly #told: Tally | undefined

  /** @param told - where the component's own counters tell what was settled */
  constructor(told?: Tally) {
    this.#told = told
  }

  /** Settled and in flight: what the other side has or had. */
  get items(): Items {
    return Tally.of(this.settled).add(this.#inFlight)
  }

  offered(items: Items): void {
    this.#inFlight.add(items)
  }

  /** Each offer is answered once; undefined: by an exception. */
  answered(items: Items, outcome: Outcome | undefined): void {
    this.#inFlight.subtract(items)
    if (outcome === undefined || outcome.kind === 'retryable') return
    this.settled.add(items)
    this.#told?.add(items)
  }

  /** The same consumer, with everything offered to it counted here. */
  counting(next: Consumer): Consumer {
    return {
      // At every border of every batch: a function that is not `async` makes half the garbage.
      consume: (batch) => {
        const items = itemsOf(batch)
        this.offered(items)
        return next.consume(batch).then(
          (outcome) => {
            this.answered(items, outcome)
            return outcome
          },
          (error: unknown) => {
            this.answered(items, undefined)
            throw error
          },
        )
      },
    }
  }
}
