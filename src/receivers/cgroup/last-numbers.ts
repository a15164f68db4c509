import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Consumer, Settings } from '../../component/component.js'
import { batchOf, countItems } from '../../data/batch.js'
import type { Metric } from '../../data/metric.js'

/** Slices kept while the pipeline refuses them: of a thousand cgroups that ended, a few megabytes. */
const kMaxSlices = 64

/** Numbers that were refused. Of cgroups that ended they are kept, since no later pass replaces them; others are dropped. */
export class LastNumbers {
  readonly #settings: Settings
  readonly #slices: Metric[][] = []

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** To be offered again; dropped and counted where too much is kept already. */
  keep(slice: Metric[]): void {
    if (slice.length === 0) return
    if (this.#slices.length < kMaxSlices) this.#slices.push(slice)
    else this.drop(slice)
  }

  /** Offers what is kept, until it is refused again. */
  async offer(next: Consumer, stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const slice = this.#slices.shift()
      if (slice === undefined) return
      const outcome = await next.consume(batchOf({ metrics: slice }))
      if (outcome.kind === 'retryable') {
        this.#slices.unshift(slice)
        return
      }
      await nextTurn()
    }
  }

  giveUp(): void {
    for (const slice of this.#slices.splice(0)) this.drop(slice)
  }

  drop(metrics: Metric[]): void {
    const items = countItems(batchOf({ metrics }))
    if (items > 0) this.#settings.telemetry.dropped({ metrics: items }, 'backpressure')
  }
}
