import type { Settings } from '../../component/component.js'
import type { RawEvent } from '../../data/event.js'
import { suppressedEvent } from '../../lib/systemd/source-event.js'
import type { Timer } from '../../util/clock.js'
import type { PendingItems } from './pending-items.js'
import { RateLimiter } from './rate-limiter.js'

/** How long after the first suppressed event a summary tells of all; then the next one begins. */
const kSummaryIntervalMs = 1000

/** Lets events on to the pipeline, as many as `max_events_per_second` allows, and tells of how many it did not. */
export class Admission {
  readonly #settings: Settings
  readonly #maxPerSecond: number
  readonly #pending: Pick<PendingItems, 'pushEvents'>
  readonly #limiter: RateLimiter
  /** Set while something was suppressed that no summary has told. */
  #summary: Timer | undefined

  constructor(settings: Settings, maxPerSecond: number, pending: Pick<PendingItems, 'pushEvents'>) {
    this.#settings = settings
    this.#maxPerSecond = maxPerSecond
    this.#pending = pending
    this.#limiter = new RateLimiter(maxPerSecond, settings.clock)
  }

  /** @param overMs - how long all this took to happen, where it is told at once */
  admit(events: readonly RawEvent[], overMs = 0): void {
    if (events.length === 0) return
    const { telemetry } = this.#settings
    const admitted = this.#limiter.admit(events.length, overMs)
    if (admitted === events.length) {
      this.#pending.pushEvents(events)
      return
    }
    const over = { logs: events.length - admitted }
    telemetry.processed(over)
    telemetry.dropped(over, 'rate_limit')
    this.#pending.pushEvents(events.slice(0, admitted))
    this.#summary ??= this.#settings.clock.after(kSummaryIntervalMs, () => this.summarise())
  }

  /** Tells now what the next summary would. */
  summarise(): void {
    this.#summary?.cancel()
    this.#summary = undefined
    const count = this.#limiter.takeSuppressed()
    if (count === 0) return
    const { resources, clock } = this.#settings
    this.#pending.pushEvents([suppressedEvent(resources, count, this.#maxPerSecond, clock.unixNano())])
  }
}
