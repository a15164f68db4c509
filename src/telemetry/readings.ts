import type { Attributes } from '../data/attributes.js'
import type { Items } from '../data/batch.js'
import { accountSignals, Tally } from '../data/tally.js'
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
  const gauge = (name: string, unit: string, description: string, value: number, more = {}): Reading => ({
    name: `${prefix}_${name}`,
    type: 'gauge',
    unit,
    description,
    value,
    attributes: { ...attributes, ...more },
  })
  const items = (name: string, description: string, tally: Items, more = {}): readonly Reading[] =>
    accountSignals.flatMap((signal) => {
      const value = tally[signal] ?? 0
      return value === 0 ? [] : [counter(name, '{item}', description, value, { ...more, signal })]
    })
  return [
    ...items('events_processed', 'Items handled.', counters.processedItems),
    // Of all signals: what an earlier process left is of an unknown one until it is read, and a counter must not go back.
    counter('events_produced', '{item}', 'Items made here that did not come in.', counters.producedItems.total),
    ...[...counters.dropsByReason].flatMap(([reason, tally]) =>
      items('events_dropped', 'Items given up, by reason.', tally, { reason }),
    ),
    ...counters.crossings.flatMap((c) => items(c.name, c.description, c.items)),
    ...[...counters.errorsByReason].map(([reason, n]) =>
      counter('errors', '{error}', 'Errors, by reason.', n, { reason }),
    ),
    // No unit: a unit of 1 would make it a ratio in Prometheus, `_collector_healthy_ratio`.
    gauge('collector_healthy', '', '1 while the component works as configured, else 0.', counters.healthy ? 1 : 0),
    ...counters.counters.map((c) => counter(c.name, '1', c.description, c.value)),
    ...counters.gauges.flatMap((g) => {
      const value = bySignal(g.read)
      if (value === undefined) return []
      if (typeof value === 'number') return [gauge(g.name, g.unit, g.description, value)]
      const told = accountSignals.filter((signal) => signal !== 'unknown' || value.unknown !== 0)
      return told.map((signal) => gauge(g.name, g.unit, g.description, value[signal], { signal }))
    }),
  ]
}

/** The value, or undefined where there is none: a gauge that throws must not cost whoever asks for all of them. */
export function bySignal(read: () => number | Items): number | Tally | undefined {
  try {
    const value = read()
    if (typeof value !== 'number') return Tally.of(value)
    return Number.isFinite(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The same, of all signals together. */
export function safely(read: () => number | Items): number | undefined {
  const value = bySignal(read)
  return typeof value === 'object' ? value.total : value
}
