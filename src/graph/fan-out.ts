import type { Consumer } from '../component/component.js'
import { type Outcome, ok, worstOf } from '../component/outcome.js'
import { type Batch, countItems, isEmpty, type Signal, selectSignals, signals } from '../data/batch.js'

/** One way out of a fan-out: a consumer and the signals it is given. */
export interface Route {
  readonly signals: ReadonlySet<Signal>
  /** Those of them that it delivers; of the others it only makes such: spans of events, findings of metrics. All, if left out. */
  readonly carried?: ReadonlySet<Signal>
  readonly consumer: Consumer
}

interface Delivery {
  readonly consumer: Consumer
  readonly batch: Batch
}

/** A batch some routes have settled and others have not: what remains, and the worst of what was answered. */
interface Unfinished {
  readonly remaining: readonly Delivery[]
  readonly settled: Outcome
}

/**
 * Offers each batch to every route at once, waits for all, and answers the worst outcome.
 *
 *     offer 1:  A ok   B retryable  ->  retryable
 *     offer 2:  -      B ok         ->  ok          A is not asked again
 *
 * When the caller offers the same batch object again after `retryable`, only the routes that had not settled it are
 * asked, so a retry duplicates nothing here. The memory hangs on the batch and goes with it. A component in between
 * that makes a new batch for each offer hides the identity; delivery is then at least once.
 *
 * @param onUnrouted - told how many items of a batch no route takes, of the signals that are meant to go somewhere
 * @param onUsed - told how many items of a batch are taken, but delivered by no route
 */
export function fanOut(
  routes: readonly Route[],
  onUnrouted: (items: number) => void,
  meant: Iterable<Signal> = signals,
  onUsed: (items: number) => void = () => {},
): Consumer {
  const unfinished = new WeakMap<Batch, Unfinished>()
  const untaken = new Set([...meant].filter((signal) => !routes.some((route) => route.signals.has(signal))))
  const used = new Set(
    [...meant].filter(
      (signal) => !untaken.has(signal) && !routes.some((route) => (route.carried ?? route.signals).has(signal)),
    ),
  )

  const firstOffer = (batch: Batch): Unfinished => {
    if (untaken.size > 0) onUnrouted(countItems(selectSignals(batch, untaken)))
    if (used.size > 0) onUsed(countItems(selectSignals(batch, used)))
    const remaining = routes
      .map((route) => ({ consumer: route.consumer, batch: selectSignals(batch, route.signals) }))
      .filter((delivery) => !isEmpty(delivery.batch))
    return { remaining, settled: ok }
  }

  return {
    async consume(batch) {
      const offer = unfinished.get(batch) ?? firstOffer(batch)
      const outcomes = await Promise.all(offer.remaining.map((delivery) => delivery.consumer.consume(delivery.batch)))
      const settled = worstOf([offer.settled, ...outcomes.filter((outcome) => outcome.kind !== 'retryable')])
      const remaining = offer.remaining.filter((_, at) => outcomes[at]?.kind === 'retryable')
      if (remaining.length === 0) {
        unfinished.delete(batch)
        return settled
      }
      unfinished.set(batch, { remaining, settled })
      return worstOf(outcomes)
    },
  }
}
