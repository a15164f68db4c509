import type { Consumer } from '../component/component.js'
import type { Outcome } from '../component/outcome.js'
import { type Batch, countItems, type Signal } from '../data/batch.js'

/**
 * Items that crossed into or out of one component.
 *
 * What a caller offers is in flight until it is answered. `ok` and `permanent` settle it: the callee has taken it, or
 * has given it up and counted the drop. `retryable` leaves it with the caller, so it has not crossed.
 */
export class EdgeCount {
  #settled = 0
  #inFlight = 0
  readonly #bySignal = { logs: 0, metrics: 0, traces: 0 }
  readonly #onSettled: ((items: number) => void) | undefined

  constructor(onSettled?: (items: number) => void) {
    this.#onSettled = onSettled
  }

  /** Settled and in flight: what the other side has or had. */
  get items(): number {
    return this.#settled + this.#inFlight
  }

  /** What was settled, by signal. */
  get signals(): Readonly<Record<Signal, number>> {
    return { ...this.#bySignal }
  }

  offered(items: number): void {
    this.#inFlight += items
  }

  /** Each offer is answered once; undefined: by an exception. */
  answered(batch: Batch, items: number, outcome: Outcome | undefined): void {
    this.#inFlight -= items
    if (outcome === undefined || outcome.kind === 'retryable') return
    this.#settled += items
    const { events, spans } = batch
    this.#bySignal.logs += events.length
    this.#bySignal.traces += spans.length
    this.#bySignal.metrics += items - events.length - spans.length
    this.#onSettled?.(items)
  }

  /** The same consumer, with everything offered to it counted here. */
  counting(next: Consumer): Consumer {
    return {
      // At every border of every batch: a function that is not `async` makes half the garbage.
      consume: (batch) => {
        const items = countItems(batch)
        this.offered(items)
        return next.consume(batch).then(
          (outcome) => {
            this.answered(batch, items, outcome)
            return outcome
          },
          (error: unknown) => {
            this.answered(batch, items, undefined)
            throw error
          },
        )
      },
    }
  }
}
