import type { Attributes } from '../../data/attributes.js'
import type { Metric } from '../../data/metric.js'

/** What one component counted since the agent started. */
export interface Totals {
  readonly kind: string
  /** Its id, and for a processor its pipeline, as the metrics have them. */
  readonly attributes: Attributes
  /** By reason. */
  readonly errors: Map<string, number>
  readonly lost: Map<string, number>
  /** Its status is ok. */
  healthy: boolean
}

const counter =
  /^unitscope_(receiver|processor|exporter|extension)_.+_(errors_total|events_dropped_total|collector_healthy)$/
/** Dropped because the configuration says so: no loss. */
const meant = new Set(['filtered', 'sampled', 'rate_limit'])

/** Errors and lost items of each component, from the agent's own metrics. */
export function totalsOf(metrics: readonly Metric[]): ReadonlyMap<string, Totals> {
  const byComponent = new Map<string, Totals>()
  for (const { name, points } of metrics) {
    const [, kind, what] = counter.exec(name) ?? []
    if (kind === undefined) continue
    for (const point of points) {
      if (!('value' in point)) continue
      const { reason, signal: _, ...attributes } = point.attributes
      const key = `${kind} ${Object.values(attributes).join('@')}`
      const totals = byComponent.get(key) ?? { kind, attributes, errors: new Map(), lost: new Map(), healthy: true }
      byComponent.set(key, totals)
      if (what === 'collector_healthy') totals.healthy = point.value === 1
      else if (what === 'errors_total') totals.errors.set(String(reason), Number(point.value))
      else if (!meant.has(String(reason))) {
        // A point for each signal.
        totals.lost.set(String(reason), (totals.lost.get(String(reason)) ?? 0) + Number(point.value))
      }
    }
  }
  return byComponent
}
