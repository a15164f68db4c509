import type { Consumer, Host, Receiver } from '../component/component.js'
import type { Outcome } from '../component/outcome.js'
import { type Batch, countItems, itemsOf } from '../data/batch.js'
import { Tally } from '../data/tally.js'

/** A receiver that a test drives by hand, and that remembers what became of everything it sent. */
export class MockReceiver implements Receiver {
  readonly #next: Consumer
  /** Items by final answer; `refused` counts offers answered `retryable` (their items are still here). */
  readonly items = { accepted: 0, rejected: 0, refused: 0 }
  /** Of those that were accepted or rejected, by signal. */
  readonly settled = new Tally()
  state: 'new' | 'started' | 'stopped' = 'new'

  constructor(next: Consumer) {
    this.#next = next
  }

  async start(_host: Host): Promise<void> {
    this.state = 'started'
  }

  async shutdown(): Promise<void> {
    this.state = 'stopped'
  }

  /** Offers the batch once. */
  async emit(batch: Batch): Promise<Outcome> {
    const outcome = await this.#next.consume(batch)
    const items = countItems(batch)
    if (outcome.kind === 'ok') this.items.accepted += items
    else if (outcome.kind === 'permanent') this.items.rejected += items
    else this.items.refused += items
    if (outcome.kind !== 'retryable') this.settled.add(itemsOf(batch))
    return outcome
  }

  /** Offers the batch again while the answer is `retryable`, at most `attempts` times; the last answer. */
  async emitUntilTaken(batch: Batch, attempts = 10): Promise<Outcome> {
    let outcome = await this.emit(batch)
    for (let attempt = 1; attempt < attempts && outcome.kind === 'retryable'; attempt++)
      outcome = await this.emit(batch)
    return outcome
  }
}
