import type { Consumer, Settings } from '../../component/component.js'
import { type Batch, batchOf, concatBatches, countItems } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import { sleep } from '../../util/clock.js'

/** About 20 MB of events: some seconds of the worst storm, so that a short refusal downstream costs nothing. */
export const kMaxPendingItems = 10_000

/** Wait before a refused batch is offered again, where `next` named no time; doubles up to the limit. */
const kFirstRetryMs = 100
const kMaxRetryMs = 5000

/**
 * Between a source that cannot wait and a pipeline that may refuse. One batch at a time, in order, offered until taken.
 * Signals cannot be asked for again, so what finds no room is dropped (the newest) and counted as `backpressure`.
 */
export class PendingItems {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #stopping = new AbortController()
  #waiting: Batch[] = []
  #items = 0
  #sending: Promise<void> | undefined

  constructor(settings: Settings, next: Consumer) {
    this.#settings = settings
    this.#next = next
    settings.telemetry.gauge('pending_items', 'Items that wait for the pipeline.', '{item}', () => this.#items)
  }

  /** Takes items over; never waits. */
  push(batch: Batch): void {
    const { telemetry } = this.#settings
    const items = countItems(batch)
    if (items === 0) return
    telemetry.processed(items)
    const room = kMaxPendingItems - this.#items
    if (items <= room) {
      this.#add(batch, items)
      return
    }
    // Events are cut to fit; metrics are not split: the next collection repeats their values.
    const events = batch.events.slice(0, Math.max(room, 0))
    telemetry.dropped(items - events.length, 'backpressure')
    if (events.length > 0) this.#add(batchOf({ events }), events.length)
  }

  pushEvents(events: readonly RawEvent[]): void {
    if (events.length > 0) this.push(batchOf({ events }))
  }

  /** Offers what is left once more, counts what is refused as `shutdown`, and returns when nothing is under way. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#sending
  }

  #add(batch: Batch, items: number): void {
    this.#waiting.push(batch)
    this.#items += items
    this.#sending ??= this.#send()
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = concatBatches(this.#waiting)
      this.#waiting = []
      await this.#deliver(batch)
      this.#items -= countItems(batch)
    }
    this.#sending = undefined
  }

  async #deliver(batch: Batch): Promise<void> {
    const { clock, telemetry } = this.#settings
    for (let waitMs = kFirstRetryMs; ; waitMs = Math.min(waitMs * 2, kMaxRetryMs)) {
      const startMs = clock.monotonicMs()
      // The same object each time: a fan-out remembers by it who has taken it already.
      const outcome = await this.#next.consume(batch)
      telemetry.durationMs(clock.monotonicMs() - startMs)
      if (outcome.kind !== 'retryable') return // who refuses for good has counted it (decision 0060)
      if (this.#stopping.signal.aborted) {
        telemetry.dropped(countItems(batch), 'shutdown')
        return
      }
      await sleep(clock, outcome.afterMs ?? waitMs, this.#stopping.signal)
    }
  }
}
