import type { Consumer, Processor, Settings } from '../../component/component.js'
import { type Outcome, ok, retryable } from '../../component/outcome.js'
import type { OperationSpan } from '../../component/telemetry.js'
import { type Batch, concatBatches, countItems, itemsOf } from '../../data/batch.js'
import { sleep, type Timer } from '../../util/clock.js'
import type { Config } from './config.js'
import { splitBatch } from './split.js'

/** Wait before a refused batch is offered again, where `next` named no time. */
const kDefaultRetryMs = 1000

/** Why a batch is sent: it is full, its oldest item has waited long enough, or an answer came and more had gathered. */
type Trigger = 'size' | 'timeout' | 'answer' | 'shutdown'

/** A caller's batch and the promise it waits on. */
interface Entry {
  readonly batch: Batch
  readonly items: number
  readonly settle: (outcome: Outcome) => void
  /** `next` has thrown, which is a bug: it goes to whoever waits. */
  readonly fail: (bug: unknown) => void
}

export function createBatch(settings: Settings, config: Config, next: Consumer): Processor {
  return new BatchProcessor(settings, config, next)
}

/**
 * `consume` resolves when the batch that carries the caller's items has been answered, with that answer. So nothing that
 * is still here was ever acknowledged.
 *
 *     consume ──> #waiting ──room──> #pending ──size or timeout──> one batch at a time, in order ──> next
 *
 * While a batch is on the way no timer runs: what has gathered meanwhile goes as soon as the answer is there.
 */
class BatchProcessor implements Processor {
  readonly #settings: Settings
  readonly #config: Config
  readonly #next: Consumer
  readonly #maxItems: number
  readonly #stopping = new AbortController()
  /** Offers that found no room, oldest first. */
  readonly #waiting: Entry[] = []
  /** Accepted, not yet on the way. */
  readonly #pending: Entry[] = []
  #pendingItems = 0
  /** Accepted and not yet answered: pending or on the way. */
  #heldItems = 0
  #timer: Timer | undefined
  #isFlushing = false
  #sending: Promise<void> | undefined

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#config = config
    this.#next = next
    this.#maxItems = config.send_batch_max_size === 0 ? Number.POSITIVE_INFINITY : config.send_batch_max_size
    settings.telemetry.gauge('held_items', 'Items that wait or are on the way.', '{item}', () => this.#heldItems)
  }

  async start(): Promise<void> {}

  async shutdown(): Promise<void> {
    this.#stopping.abort()
    for (const entry of this.#waiting.splice(0)) entry.settle(retryable('shutting down'))
    this.#flush('shutdown')
    await this.#sending
  }

  consume(batch: Batch): Promise<Outcome> {
    if (this.#stopping.signal.aborted) return Promise.resolve(retryable('shutting down'))
    const items = countItems(batch)
    if (items === 0) return Promise.resolve(ok)
    return new Promise((settle, fail) => {
      this.#waiting.push({ batch, items, settle, fail })
      this.#admit()
      const full = this.#pendingItems >= this.#config.send_batch_size || this.#waiting.length > 0
      if (full) this.#flush('size')
      else if (this.#config.timeout === 0) this.#flushAfterThis()
      else if (this.#sending === undefined)
        this.#timer ??= this.#settings.clock.after(this.#config.timeout, () => this.#flush('timeout'))
    })
  }

  /** Lets offers in while there is room. One larger than the whole limit is let in alone, or it would wait for ever. */
  #admit(): void {
    let entry = this.#waiting[0]
    while (entry !== undefined) {
      if (this.#heldItems > 0 && this.#heldItems + entry.items > this.#config.max_held_items) return
      this.#waiting.shift()
      this.#pending.push(entry)
      this.#pendingItems += entry.items
      this.#heldItems += entry.items
      entry = this.#waiting[0]
    }
  }

  /**
   * Once all that runs now has ended: what processors before this one make of a batch (spans, findings) comes right behind it, and each pass through
   * the exporters costs the same for one item as for a few.
   */
  #flushAfterThis(): void {
    if (this.#isFlushing || this.#sending !== undefined) return
    this.#isFlushing = true
    queueMicrotask(() => {
      this.#isFlushing = false
      this.#flush('timeout')
    })
  }

  #flush(trigger: Trigger): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#sending === undefined && this.#pending.length > 0) this.#sending = this.#sendPending(trigger)
  }

  async #sendPending(first: Trigger): Promise<void> {
    for (let trigger = first; this.#pending.length > 0; trigger = 'answer') {
      const group = this.#takeGroup()
      try {
        const outcome = await this.#send(group, trigger)
        for (const entry of group) entry.settle(outcome)
      } catch (bug) {
        for (const entry of group) entry.fail(bug)
      }
      for (const entry of group) this.#heldItems -= entry.items
      this.#admit()
    }
    this.#sending = undefined
  }

  /** Whole offers up to the size limit, so that each has one answer; an offer above the limit comes alone. */
  #takeGroup(): readonly Entry[] {
    let count = 0
    let items = 0
    for (const entry of this.#pending) {
      if (count > 0 && items + entry.items > this.#maxItems) break
      items += entry.items
      count++
    }
    this.#pendingItems -= items
    return this.#pending.splice(0, count)
  }

  async #send(group: readonly Entry[], trigger: Trigger): Promise<Outcome> {
    const batch = concatBatches(group.map((entry) => entry.batch))
    const parts = splitBatch(batch, this.#maxItems)
    const span = this.#settings.telemetry.tracer?.begin('internal', '', batch.spans.length > 0)
    const answer = await this.#sendParts(parts, span)
    span?.end(
      {
        'unitscope.batch.items': countItems(batch),
        'unitscope.batch.offers': group.length,
        'unitscope.batch.parts': parts.length,
        'unitscope.batch.trigger': trigger,
        'unitscope.batch.outcome': answer.kind,
      },
      answer.kind === 'ok' ? undefined : answer.reason,
    )
    return answer
  }

  async #sendParts(parts: readonly Batch[], span: OperationSpan | undefined): Promise<Outcome> {
    let taken = 0
    let answer: Outcome | undefined
    for (const part of parts) {
      let outcome = await this.#next.consume(part)
      // The same object again, not back to the callers: they would offer it in other company, and a fan-out further on
      // could not tell which of its routes have it already (decision 0061).
      while (outcome.kind === 'retryable' && !this.#stopping.signal.aborted) {
        span?.event('refused', { reason: outcome.reason })
        await sleep(this.#settings.clock, outcome.afterMs ?? kDefaultRetryMs, this.#stopping.signal)
        outcome = await this.#next.consume(part)
      }
      if (outcome.kind === 'retryable') {
        if (taken === 0) return outcome
        this.#settings.telemetry.dropped(itemsOf(part), 'shutdown')
      }
      taken++
      // Who rejected a part has counted it (decision 0060), so an offer is rejected only if all of it was.
      if (answer?.kind !== 'ok') answer = outcome.kind === 'retryable' ? ok : outcome
    }
    return answer ?? ok
  }
}
