import type { Consumer, Settings } from '../../component/component.js'
import { type Batch, concatBatches, countItems, itemsOf } from '../../data/batch.js'
import { sleep } from '../../util/clock.js'

/** Enough for a burst on a host with thousands of units; older items go out first, what finds no room is counted. */
const kMaxHeldItems = 8192

/** Wait before a refused batch is offered again, where `next` named no time; doubles up to the limit. */
const kFirstRetryMs = 500
const kMaxRetryMs = 30_000

/**
 * Sends what a processor makes by itself (pattern events, spans), which has no caller to go back to.
 *
 * One batch at a time, in order, retried until taken or shut down. Counts `produced`, and what it gives up: `outbox_full`,
 * `shutdown`. What `next` rejects for good, `next` has counted (decision 0060).
 */
export class Outbox {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #stopping = new AbortController()
  #queue: Batch[] = []
  #heldItems = 0
  #sending: Promise<void> | undefined

  constructor(settings: Settings, next: Consumer) {
    this.#settings = settings
    this.#next = next
    settings.telemetry.gauge('outbox_items', 'Items made here that wait to be sent.', '{item}', () => this.#heldItems)
  }

  /** Whether the lesser half is held. Otherwise what the next interval replaces is better not made: it would crowd out what is told once. */
  get isRoomy(): boolean {
    return this.#heldItems < kMaxHeldItems / 2
  }

  /** Takes items over. Never waits; nothing is taken after `close`. */
  push(batch: Batch): void {
    const items = countItems(batch)
    if (items === 0) return
    const { telemetry } = this.#settings
    telemetry.produced(itemsOf(batch))
    if (this.#stopping.signal.aborted) telemetry.dropped(itemsOf(batch), 'shutdown')
    else if (this.#heldItems + items > kMaxHeldItems) telemetry.dropped(itemsOf(batch), 'outbox_full')
    else {
      this.#queue.push(batch)
      this.#heldItems += items
      this.#sending ??= this.#send()
    }
  }

  /** Offers what is left once more, counts what is refused, and returns when nothing is under way. Safe twice. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#sending
  }

  async #send(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = concatBatches(this.#queue)
      this.#queue = []
      await this.#deliver(batch)
      this.#heldItems -= countItems(batch)
    }
    this.#sending = undefined
  }

  async #deliver(batch: Batch): Promise<void> {
    let outcome = await this.#next.consume(batch)
    for (let waitMs = kFirstRetryMs; outcome.kind === 'retryable'; waitMs = Math.min(waitMs * 2, kMaxRetryMs)) {
      if (this.#stopping.signal.aborted) {
        this.#settings.telemetry.dropped(itemsOf(batch), 'shutdown')
        return
      }
      await sleep(this.#settings.clock, outcome.afterMs ?? waitMs, this.#stopping.signal)
      outcome = await this.#next.consume(batch)
    }
  }
}
