import type { Consumer } from '../component/component.js'
import { type Outcome, ok, worstOf } from '../component/outcome.js'
import { type Batch, type Items, isEmpty, itemsOf, type Signal, selectSignals, signals } from '../data/batch.js'

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
  onUnrouted: (items: Items) => void,
  meant: Iterable<Signal> = signals,
  onUsed: (items: Items) => void = () => {},
): Consumer {
  const unfinished = new WeakMap<Batch, Unfinished>()
  const untaken = new Set([...meant].filter((signal) => !routes.some((route) => route.signals.has(signal))))
  const used = new Set(
    [...meant].filter(
      (signal) => !untaken.has(signal) && !routes.some((route) => (route.carried ?? route.signals).has(signal)),
    ),
  )

  const firstOffer = (batch: Batch): Unfinished => {
    if (untaken.size > 0) onUnrouted(itemsOf(selectSignals(batch, untaken)))
    if (used.size > 0) onUsed(itemsOf(selectSignals(batch, used)))
    const remaining: Delivery[] = []
    for (const { consumer, signals: taken } of routes) {
      const part = selectSignals(batch, taken)
      if (!isEmpty(part)) remaining.push({ consumer, batch: part })
    }
    return { remaining, settled: ok }
  }

  const offer = async (batch: Batch): Promise<Outcome> => {
    const before = unfinished.get(batch)
    const { remaining, settled } = before ?? firstOffer(batch)
    const outcomes = await Promise.all(remaining.map((delivery) => delivery.consumer.consume(delivery.batch)))
    if (before === undefined && outcomes.every(isOk)) return ok
    const left = remaining.filter((_, at) => outcomes[at]!.kind === 'retryable')
    if (left.length === 0) {
      if (before !== undefined) unfinished.delete(batch)
      return worstOf([settled, ...outcomes])
    }
    const answered = outcomes.filter((outcome) => outcome.kind !== 'retryable')
    unfinished.set(batch, { remaining: left, settled: worstOf([settled, ...answered]) })
    return worstOf(outcomes)
  }

  const [only] = routes
  if (only === undefined || routes.length > 1 || untaken.size > 0 || used.size > 0) return { consume: offer }
  // Most often there is one way, for all that comes: then there is nothing to remember, and the batch goes on as it is.
  const goesOn = (batch: Batch) => selectSignals(batch, only.signals) === batch && !isEmpty(batch)
  return { consume: (batch) => (goesOn(batch) ? only.consumer.consume(batch) : offer(batch)) }
}

function isOk({ kind }: Outcome): boolean {
  return kind === 'ok'
}
