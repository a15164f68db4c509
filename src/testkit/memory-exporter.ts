import type { Component, Consumer, Host } from '../component/component.js'
import { type Outcome, ok } from '../component/outcome.js'
import { type Batch, concatBatches, countItems } from '../data/batch.js'
import type { RawEvent } from '../data/event.js'
import type { Metric } from '../data/metric.js'
import type { Span } from '../data/span.js'

/** Keeps all it is given. `respond` decides each answer; what is not answered `ok` is not kept. */
export class MemoryExporter implements Component, Consumer {
  readonly batches: Batch[] = []
  /** Calls of consume, whatever the answer. */
  calls = 0
  respond: (batch: Batch, call: number) => Outcome | Promise<Outcome> = () => ok

  async start(_host: Host): Promise<void> {}
  async shutdown(): Promise<void> {}

  async consume(batch: Batch): Promise<Outcome> {
    const outcome = await this.respond(batch, this.calls++)
    if (outcome.kind === 'ok') this.batches.push(batch)
    return outcome
  }

  get events(): readonly RawEvent[] {
    return concatBatches(this.batches).events
  }
  get metrics(): readonly Metric[] {
    return concatBatches(this.batches).metrics
  }
  get spans(): readonly Span[] {
    return concatBatches(this.batches).spans
  }
  get items(): number {
    return this.batches.reduce((sum, batch) => sum + countItems(batch), 0)
  }
}
