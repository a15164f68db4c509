import type { Concern } from '../component/concern.js'
import type { ComponentId } from '../component/id.js'
import type { ComponentTelemetry, Tracer } from '../component/telemetry.js'
import type { Items } from '../data/batch.js'
import { Tally } from '../data/tally.js'
import { DurationHistogram } from './duration-histogram.js'

/** Reasons kept apart for each component. They are words from the code, so more is a bug; it must not become a leak. */
const kMaxReasons = 64
const overflowReason = 'other'

export interface ExtraCounter {
  readonly name: string
  readonly description: string
  value: number
}

/** Items that cross a border of the component, counted by the graph: `items_in`, `items_out`. */
export interface Crossing {
  readonly name: string
  readonly description: string
  readonly items: Tally
}

export interface ExtraGauge {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly read: () => number | Items
}

/**
 * A component's numbers as plain fields: counting costs an addition whether or not anybody reads.
 */
export class ComponentCounters implements ComponentTelemetry {
  readonly id: ComponentId
  /** Set where one id has several instances: a processor has one in each pipeline. */
  readonly pipeline: string | undefined
  readonly processedItems = new Tally()
  readonly producedItems = new Tally()
  readonly dropsByReason = new Map<string, Tally>()
  readonly errorsByReason = new Map<string, number>()
  readonly crossings: Crossing[] = []
  readonly counters: ExtraCounter[] = []
  readonly gauges: ExtraGauge[] = []
  readConcerns: () => Iterable<Concern> = () => []
  /** 1 while the component works as configured. */
  healthy = false
  readonly durations = new DurationHistogram()
  tracer: Tracer | undefined = undefined
  /** The agent's own spans pass through here, among others or alone, as the configuration has it. */
  passesSelfTraces = false

  constructor(id: ComponentId, pipeline?: string) {
    this.id = id
    this.pipeline = pipeline
  }

  processed(items: Items): void {
    this.processedItems.add(items)
  }

  produced(items: Items): void {
    this.producedItems.add(items)
  }

  dropped(items: Items, reason: string): void {
    const tally = Tally.of(items)
    if (tally.total === 0) return
    const key = keyOf(this.dropsByReason, reason)
    this.dropsByReason.set(key, (this.dropsByReason.get(key) ?? new Tally()).add(tally))
  }

  /** The same tally for the same name. */
  crossing(name: string, description: string): Tally {
    let crossing = this.crossings.find((one) => one.name === name)
    if (crossing === undefined) {
      crossing = { name, description, items: new Tally() }
      this.crossings.push(crossing)
    }
    return crossing.items
  }

  error(reason: string): void {
    const key = keyOf(this.errorsByReason, reason)
    this.errorsByReason.set(key, (this.errorsByReason.get(key) ?? 0) + 1)
  }

  durationMs(ms: number): void {
    this.durations.record(ms)
  }

  counter(name: string, description: string): (add: number) => void {
    let counter = this.counters.find((c) => c.name === name)
    if (counter === undefined) {
      counter = { name, description, value: 0 }
      this.counters.push(counter)
    }
    const found = counter
    return (add) => {
      found.value += add
    }
  }

  gauge(name: string, description: string, unit: string, read: () => number | Items): void {
    const at = this.gauges.findIndex((g) => g.name === name)
    if (at >= 0) this.gauges.splice(at, 1)
    this.gauges.push({ name, description, unit, read })
  }

  concerns(read: () => Iterable<Concern>): void {
    this.readConcerns = read
  }
}

function keyOf(map: ReadonlyMap<string, unknown>, reason: string): string {
  return map.has(reason) || map.size < kMaxReasons ? reason : overflowReason
}
