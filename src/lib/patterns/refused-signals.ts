import type { RawEvent } from '../../data/event.js'
import { attr } from '../systemd/names.js'
import { signalKind } from './unit-signal.js'

/** Signals of batches that were refused, and will be offered again. */
const kMaxRefused = 16_384

/** The upstream keeps what was refused, and offers it again, as the same records or as others made of them: looked at it was. */
export class RefusedSignals {
  /** Oldest first. */
  readonly #known = new Set<string>()

  add(events: readonly RawEvent[]): void {
    for (const event of events) {
      if (signalKind(event) === undefined) continue
      if (this.#known.size >= kMaxRefused) this.#forgetOldest()
      this.#known.add(signature(event))
    }
  }

  /** Whether this is one that comes again; it will not a second time. */
  takes(event: RawEvent): boolean {
    return this.#known.size > 0 && this.#known.delete(signature(event))
  }

  #forgetOldest(): void {
    for (const oldest of this.#known) {
      this.#known.delete(oldest)
      return
    }
  }
}

function signature(event: RawEvent): string {
  return `${event.resource.key} ${String(event.attributes[attr.unit])} ${event.name} ${event.timeUnixNano}`
}
