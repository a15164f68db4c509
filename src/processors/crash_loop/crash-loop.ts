import type { Consumer, Processor, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import { type Batch, batchOf } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import { Outbox } from '../../lib/handover/outbox.js'
import type { Timer } from '../../util/clock.js'
import type { Config } from './config.js'
import { CrashLoopDetector } from './detector.js'

export function createCrashLoop(settings: Settings, config: Config, next: Consumer): Processor {
  return new CrashLoop(settings, config, next)
}

/** Passes every batch on as it is; what it finds goes out behind it, in batches of its own. */
class CrashLoop implements Processor {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #detector: CrashLoopDetector
  readonly #outbox: Outbox
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined
  #stopped = false

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#next = next
    this.#outbox = new Outbox(settings, next)
    const countEvicted = settings.telemetry.counter('units_evicted', 'Units forgotten because of max_units.')
    const limits = {
      threshold: config.threshold,
      windowMs: config.window,
      recoveryMs: config.recovery ?? config.window,
      maxUnits: config.max_units,
    }
    this.#detector = new CrashLoopDetector(limits, () => countEvicted(1))
    settings.telemetry.gauge('units_looping', 'Units in a crash loop.', '{unit}', () => this.#detector.openLoops)
  }

  async start(): Promise<void> {}

  /** Loops still open are not reported as ended: they go on, unwatched. */
  async shutdown(): Promise<void> {
    this.#stopped = true
    this.#timer?.timer.cancel()
    this.#timer = undefined
    await this.#outbox.close()
  }

  consume(batch: Batch): Promise<Outcome> {
    const found = this.#observe(batch.events)
    const outcome = this.#next.consume(batch)
    // After the batch, so that the evidence comes before the conclusion.
    if (found !== undefined) this.#outbox.push(batchOf({ events: found }))
    return outcome
  }

  #observe(events: readonly RawEvent[]): readonly RawEvent[] | undefined {
    if (events.length === 0) return undefined
    const nowMs = this.#settings.clock.monotonicMs()
    let found: RawEvent[] | undefined
    for (const event of events) {
      const made = this.#detector.observe(event, nowMs)
      if (made.length === 0) continue
      found ??= []
      found.push(...made)
    }
    this.#armTimer(nowMs)
    return found
  }

  #armTimer(nowMs: number): void {
    const dueMs = this.#detector.nextDueMs
    if (dueMs === undefined || this.#stopped) return
    // An earlier timer may stand: it finds nothing due and arms the next, which is cheaper than one per crash.
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return
    this.#timer?.timer.cancel()
    this.#timer = { dueMs, timer: this.#settings.clock.after(Math.max(dueMs - nowMs, 0), () => this.#expire()) }
  }

  #expire(): void {
    this.#timer = undefined
    const { clock } = this.#settings
    const nowMs = clock.monotonicMs()
    this.#outbox.push(batchOf({ events: this.#detector.expire(nowMs, clock.unixNano()) }))
    this.#armTimer(nowMs)
  }
}
