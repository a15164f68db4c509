import type { Consumer, Host, Processor, Settings } from '../../component/component.js'
import { type Outcome, ok } from '../../component/outcome.js'
import { type Batch, isEmpty } from '../../data/batch.js'
import type { Timer } from '../../util/clock.js'
import type { Config } from './config.js'
import { Traces } from './traces.js'

/** A batch of which some traces are not decided on yet. */
interface Waiting {
  readonly dueMs: number
  readonly spans: number
  decide(): void
}

/**
 * Decides on whole traces. A batch waits until all of its traces are due, then goes on without the spans of those that are
 * left out; its caller waits as long, so that nothing is acknowledged that only this memory holds.
 */
export function createTailSampling(settings: Settings, config: Config, next: Consumer): Processor {
  return new TailSampling(settings, config, next)
}

class TailSampling implements Processor {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #maxHeldSpans: number
  readonly #traces: Traces
  readonly #decidedEarly: (add: number) => void
  /** In the order of their coming; not quite that of their being due, as a batch may be of older traces. */
  readonly #waiting = new Set<Waiting>()
  readonly #running = new Set<Promise<Outcome>>()
  /** What was made of batches that were refused: the same object is offered again, by which a fan-out knows it. */
  readonly #refused = new WeakMap<Batch, Batch>()
  #heldSpans = 0
  #timer: Timer | undefined
  #stopping = false

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#next = next
    this.#maxHeldSpans = config.max_held_spans
    this.#traces = new Traces({
      waitMs: config.decision_wait,
      slowNano: BigInt(config.slow) * 1_000_000n,
      share: config.sampled_percentage / 100,
      maxTraces: config.max_traces,
    })
    const { telemetry } = settings
    this.#decidedEarly = telemetry.counter('decided_early', 'Spans decided on before their time: too many waited.')
    telemetry.gauge('held_spans', 'Spans that wait for the rest of their traces.', '{span}', () => this.#heldSpans)
    telemetry.gauge('traces', 'Traces remembered.', '{trace}', () => this.#traces.size)
  }

  async start(host: Host): Promise<void> {
    host.report({ state: 'ok' })
  }

  consume(batch: Batch): Promise<Outcome> {
    if (batch.spans.length === 0) return this.#next.consume(batch)
    const running = this.#sample(batch).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return running
  }

  /** Decides on what waits by what is known, and waits until it has gone on. */
  async shutdown(): Promise<void> {
    this.#stopping = true
    for (const one of this.#waiting) one.decide()
    await Promise.allSettled(this.#running)
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #sample(batch: Batch): Promise<Outcome> {
    const sampled = this.#refused.get(batch) ?? (await this.#decided(batch))
    const left = batch.spans.length - sampled.spans.length
    const outcome = isEmpty(sampled) ? ok : await this.#next.consume(sampled)
    // Not before: a batch that is offered again is counted once (decision 0060).
    if (outcome.kind === 'retryable') this.#refused.set(batch, sampled)
    else if (left > 0) this.#settings.telemetry.dropped({ traces: left }, 'sampled')
    return outcome
  }

  async #decided(batch: Batch): Promise<Batch> {
    const nowMs = this.#settings.clock.monotonicMs()
    const { spans } = batch
    const traces = spans.map((span) => this.#traces.see(span, nowMs))
    // What is kept whatever comes need not wait.
    const dueMs = traces.reduce((latest, { kept, dueMs: due }) => (kept ? latest : Math.max(latest, due)), 0)
    if (dueMs > nowMs && !this.#stopping) await this.#wait(dueMs, spans.length)
    const kept = spans.filter((_, at) => traces[at]!.kept)
    return kept.length === spans.length ? batch : { events: batch.events, metrics: batch.metrics, spans: kept }
  }

  #wait(dueMs: number, spans: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        dueMs,
        spans,
        decide: () => {
          this.#waiting.delete(waiting)
          this.#heldSpans -= spans
          resolve()
        },
      }
      this.#waiting.add(waiting)
      this.#heldSpans += spans
      this.#makeRoom()
      this.#arm()
    })
  }

  #makeRoom(): void {
    for (const oldest of this.#waiting) {
      if (this.#heldSpans <= this.#maxHeldSpans) return
      oldest.decide()
      this.#decidedEarly(oldest.spans)
    }
  }

  /** One timer for all: for the oldest, which is due first or nearly so. */
  #arm(): void {
    if (this.#timer !== undefined) return
    const [oldest] = this.#waiting
    if (oldest === undefined) return
    const { clock } = this.#settings
    this.#timer = clock.after(Math.max(oldest.dueMs - clock.monotonicMs(), 1), () => {
      this.#timer = undefined
      const nowMs = clock.monotonicMs()
      for (const one of this.#waiting) if (one.dueMs <= nowMs) one.decide()
      this.#arm()
    })
  }
}
