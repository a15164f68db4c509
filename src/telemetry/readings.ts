import type { Attributes } from '../data/attributes.js'
import type { ComponentCounters } from './component-counters.js'
import { metricPrefix } from './metric-name.js'

/** One number of a component at this moment, named as it is exported. */
export interface Reading {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly unit: string
  readonly description: string
  readonly value: number
  readonly attributes: Attributes
}

/** Which instance a number belongs to: two ids may share a metric name once their punctuation is gone. */
export function instanceAttributes({ id, pipeline }: ComponentCounters): Record<string, string> {
  return { 'unitscope.component': id.id, ...(pipeline === undefined ? {} : { 'unitscope.pipeline': pipeline }) }
}

/** All numbers of a component but its durations. A gauge that throws or is not finite is left out, never zero. */
export function readingsOf(counters: ComponentCounters): readonly Reading[] {
  const prefix = metricPrefix(counters.id)
  const attributes = instanceAttributes(counters)
  const counter = (name: string, unit: string, description: string, value: number, more = {}): Reading => ({
    name: `${prefix}_${name}_total`,
    type: 'counter',
    unit,
    description,
    value,
    attributes: { ...attributes, ...more },
  })
  const gauge = (name: string, unit: string, description: string, value: number): Reading => ({
    name: `${prefix}_${name}`,
    type: 'gauge',
    unit,
    description,
    value,
    attributes,
  })
  return [
    counter('events_processed', '{item}', 'Items handled.', counters.processedItems),
    counter('events_produced', '{item}', 'Items made here that did not come in.', counters.producedItems),
    ...[...counters.dropsByReason].map(([reason, n]) =>
      counter('events_dropped', '{item}', 'Items given up, by reason.', n, { reason }),
    ),
    ...[...counters.errorsByReason].map(([reason, n]) =>
      counter('errors', '{error}', 'Errors, by reason.', n, { reason }),
    ),
    // No unit: a unit of 1 would make it a ratio in Prometheus, `_collector_healthy_ratio`.
    gauge('collector_healthy', '', '1 while the component works as configured, else 0.', counters.healthy ? 1 : 0),
    ...counters.counters.map((c) => counter(c.name, '1', c.description, c.value)),
    ...counters.gauges.flatMap((g) => {
      const value = safely(g.read)
      return value === undefined ? [] : [gauge(g.name, g.unit, g.description, value)]
    }),
  ]
}

/** The value, or undefined where there is none: a gauge that throws must not cost whoever asks for all of them. */
export function safely(read: () => number): number | undefined {
  try {
    const value = read()
    return Number.isFinite(value) ? value : undefined
  } catch {
    return undefined
  }
}
