import type { Consumer, Settings } from '../../component/component.js'
import { type Batch, batchOf, countItems } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import { sleep } from '../../util/clock.js'
import { nextCollectionPart, pointsIn } from './collection-part.js'

/** About 20 MB of events: some seconds of the worst storm, so that a short refusal downstream costs nothing. */
export const kMaxPendingEvents = 10_000

/** Wait before a refused batch is offered again, where `next` named no time; doubles up to the limit. */
const kFirstRetryMs = 100
const kMaxRetryMs = 5000

/**
 * Between a source that cannot wait and a pipeline that may refuse. Events and metrics wait apart, so neither takes the
 * other's room or turn; of each kind one batch is under way at a time, in order, offered until taken.
 *
 * Events cannot be asked for again: up to `kMaxPendingEvents` wait, and of what finds no room the newest is dropped, as
 * `backpressure`. Of metrics the collection under way and the newest one wait, which replaces one that waited before it,
 * `superseded`: counters only grow, so it costs resolution. A collection is as large as the units followed.
 */
export class PendingItems {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #stopping = new AbortController()
  #waitingEvents: RawEvent[] = []
  #waitingMetrics: readonly Metric[] = []
  /** Waiting or under way. */
  #events = 0
  #points = 0
  #sendingEvents: Promise<void> | undefined
  #sendingMetrics: Promise<void> | undefined

  constructor(settings: Settings, next: Consumer) {
    this.#settings = settings
    this.#next = next
    const held = (): number => this.#events + this.#points
    settings.telemetry.gauge('pending_items', 'Items that wait for the pipeline.', '{item}', held)
  }

  /** Takes events over; never waits. */
  pushEvents(events: readonly RawEvent[]): void {
    if (events.length === 0) return
    const { telemetry } = this.#settings
    telemetry.processed(events.length)
    const taken = events.slice(0, kMaxPendingEvents - this.#events)
    if (taken.length < events.length) telemetry.dropped(events.length - taken.length, 'backpressure')
    if (taken.length === 0) return
    for (const event of taken) this.#waitingEvents.push(event)
    this.#events += taken.length
    this.#sendingEvents ??= this.#sendEvents()
  }

  /** Takes a whole collection over; never waits. */
  pushMetrics(metrics: readonly Metric[]): void {
    const { telemetry } = this.#settings
    const points = pointsIn(metrics)
    const replaced = pointsIn(this.#waitingMetrics)
    telemetry.processed(points)
    if (replaced > 0) telemetry.dropped(replaced, 'superseded')
    this.#waitingMetrics = metrics
    this.#points += points - replaced
    this.#sendingMetrics ??= this.#sendMetrics()
  }

  /** Offers what is left once more, counts what is refused as `shutdown`, and returns when nothing is under way. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#sendingEvents, this.#sendingMetrics])
  }

  async #sendEvents(): Promise<void> {
    while (this.#waitingEvents.length > 0) {
      const events = this.#waitingEvents
      this.#waitingEvents = []
      await this.#deliver(batchOf({ events }))
      this.#events -= events.length
    }
    this.#sendingEvents = undefined
  }

  /** A collection that was begun is told to its end: else units late in it would never have their turn in a slow pipeline. */
  async #sendMetrics(): Promise<void> {
    while (this.#waitingMetrics.length > 0) {
      const collection = this.#waitingMetrics
      this.#waitingMetrics = []
      for (let at = 0; at < collection.length; ) {
        const metrics = nextCollectionPart(collection, at)
        await this.#deliver(batchOf({ metrics }))
        this.#points -= pointsIn(metrics)
        at += metrics.length
        // A pipeline that never waits (prometheus) would otherwise take 65,536 units in one turn of the event loop.
        if (at < collection.length) await new Promise((resolve) => setImmediate(resolve))
      }
    }
    this.#sendingMetrics = undefined
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
