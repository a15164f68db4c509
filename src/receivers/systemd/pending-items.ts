import { setMaxListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Consumer, Settings } from '../../component/component.js'
import { type Batch, batchOf, countItems, itemsOf } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import { PointsUnderWay } from '../../lib/delivery/points-under-way.js'
import { sleep } from '../../util/clock.js'

/** About 20 MB of events: some seconds of the worst storm, so that a short refusal downstream costs nothing. */
export const kMaxPendingEvents = 10_000

/** Wait before a refused batch is offered again, where `next` named no time; doubles up to the limit. */
const kFirstRetryMs = 100
const kMaxRetryMs = 5000

/**
 * Batches of events under way at once; what comes while so many are goes together in the next. A `batch` behind this answers
 * after its `timeout`: if one event had to wait for the answer to the one before, it would wait that long twice.
 */
const kMaxBatchesUnderWay = 16

/**
 * Between a source that cannot wait and a pipeline that may refuse. Events and metrics wait apart, so neither takes the
 * other's room or turn; each batch is offered until taken.
 *
 * Events cannot be asked for again: up to `kMaxPendingEvents` wait, in order, and of what finds no room the newest is
 * dropped, as `backpressure`. Once a batch was refused no other is begun until it is taken; those that were under way behind
 * it may be taken before it. Metrics wait for nobody: a collection is made part by part, as the pipeline takes it, and the
 * next one is left out while that lasts. Counters only grow, so it costs resolution.
 */
export class PendingItems {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #stopping = new AbortController()
  #waitingEvents: RawEvent[] = []
  /** Waiting or under way. */
  #events = 0
  readonly #sendingEvents = new Set<Promise<void>>()
  /** Batches of events that were refused and will be offered again. */
  #refused = 0
  readonly #underWay = new PointsUnderWay()
  #collecting: Promise<void> | undefined

  constructor(settings: Settings, next: Consumer) {
    this.#settings = settings
    this.#next = next
    // Each batch and part of a collection under way may wait to be offered again; from 11 on Node warns of a leak.
    setMaxListeners(0, this.#stopping.signal)
    const held = (): number => this.#events + this.#underWay.points
    settings.telemetry.gauge('pending_items', 'Items that wait for the pipeline.', '{item}', held)
  }

  /** Takes events over; never waits. */
  pushEvents(events: readonly RawEvent[]): void {
    if (events.length === 0) return
    const { telemetry } = this.#settings
    telemetry.processed({ logs: events.length })
    const taken = events.slice(0, kMaxPendingEvents - this.#events)
    if (taken.length < events.length) telemetry.dropped({ logs: events.length - taken.length }, 'backpressure')
    if (taken.length === 0) return
    for (const event of taken) this.#waitingEvents.push(event)
    this.#events += taken.length
    this.#sendEvents()
  }

  /** Sends a collection, unless one is under way still; never waits. */
  collect(parts: Iterable<readonly Metric[]>): void {
    if (this.#collecting === undefined) this.#collecting = this.#sendMetrics(parts)
    else this.#settings.telemetry.error('interval_skipped')
  }

  /** Offers what is left once more, counts what is refused as `shutdown`, and returns when nothing is under way. */
  async close(): Promise<void> {
    this.#stopping.abort()
    while (this.#sendingEvents.size > 0) await Promise.all(this.#sendingEvents)
    await this.#collecting
  }

  #sendEvents(): void {
    if (this.#waitingEvents.length === 0 || this.#refused > 0) return
    if (this.#sendingEvents.size >= kMaxBatchesUnderWay) return
    const events = this.#waitingEvents
    this.#waitingEvents = []
    const sending = this.#sendBatch(events).then(() => {
      this.#sendingEvents.delete(sending)
      this.#sendEvents()
    })
    this.#sendingEvents.add(sending)
  }

  async #sendBatch(events: readonly RawEvent[]): Promise<void> {
    let refused = false
    await this.#deliver(batchOf({ events }), () => {
      if (!refused) this.#refused++
      refused = true
    })
    if (refused) this.#refused--
    this.#events -= events.length
  }

  /**
   * A collection that was begun is told to its end: else units late in it would never have their turn in a slow pipeline.
   * One part in a turn of the event loop: a pipeline that never waits (prometheus) would else take 65,536 units in one.
   */
  async #sendMetrics(parts: Iterable<readonly Metric[]>): Promise<void> {
    for (const metrics of parts) {
      const batch = batchOf({ metrics })
      const points = countItems(batch)
      this.#settings.telemetry.processed({ metrics: points })
      await this.#underWay.add(points, this.#deliver(batch))
      await nextTurn()
      if (this.#stopping.signal.aborted) break
    }
    await this.#underWay.end()
    this.#collecting = undefined
  }

  async #deliver(batch: Batch, onRefused = (): void => {}): Promise<void> {
    const { clock, telemetry } = this.#settings
    for (let waitMs = kFirstRetryMs; ; waitMs = Math.min(waitMs * 2, kMaxRetryMs)) {
      const startMs = clock.monotonicMs()
      // The same object each time: a fan-out remembers by it who has taken it already.
      const outcome = await this.#next.consume(batch)
      telemetry.durationMs(clock.monotonicMs() - startMs)
      if (outcome.kind !== 'retryable') return // who refuses for good has counted it (decision 0060)
      if (this.#stopping.signal.aborted) {
        telemetry.dropped(itemsOf(batch), 'shutdown')
        return
      }
      onRefused()
      await sleep(clock, outcome.afterMs ?? waitMs, this.#stopping.signal)
    }
  }
}
