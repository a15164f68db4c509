import type { ComponentId } from '../component/id.js'
import type { ComponentTelemetry, Tracer } from '../component/telemetry.js'
import { DurationHistogram } from './duration-histogram.js'

/** Reasons kept apart for each component. They are words from the code, so more is a bug; it must not become a leak. */
const kMaxReasons = 64
const overflowReason = 'other'

export interface ExtraCounter {
  readonly name: string
  readonly description: string
  value: number
}

export interface ExtraGauge {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly read: () => number
}

/**
 * A component's numbers as plain fields: counting costs an addition whether or not anybody reads.
 */
export class ComponentCounters implements ComponentTelemetry {
  readonly id: ComponentId
  /** Set where one id has several instances: a processor has one in each pipeline. */
  readonly pipeline: string | undefined
  processedItems = 0
  producedItems = 0
  readonly dropsByReason = new Map<string, number>()
  readonly errorsByReason = new Map<string, number>()
  readonly counters: ExtraCounter[] = []
  readonly gauges: ExtraGauge[] = []
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

  processed(items: number): void {
    this.processedItems += items
  }

  produced(items: number): void {
    this.producedItems += items
  }

  dropped(items: number, reason: string): void {
    if (items > 0) addTo(this.dropsByReason, reason, items)
  }

  error(reason: string): void {
    addTo(this.errorsByReason, reason, 1)
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

  gauge(name: string, description: string, unit: string, read: () => number): void {
    const at = this.gauges.findIndex((g) => g.name === name)
    if (at >= 0) this.gauges.splice(at, 1)
    this.gauges.push({ name, description, unit, read })
  }
}

function addTo(map: Map<string, number>, reason: string, add: number): void {
  const key = map.has(reason) || map.size < kMaxReasons ? reason : overflowReason
  map.set(key, (map.get(key) ?? 0) + add)
}
