import type { EncodedMetric, Metric } from '../../data/metric.js'
import { assertNever } from '../../util/assert-never.js'
import { bucketBound } from './exposition.js'
import type { Family } from './family.js'
import { prometheusName } from './names.js'

/** A metric that Prometheus has a type for. */
export type ShownMetric = Exclude<Metric, EncodedMetric>

/** A metric without its points. */
export interface MetricHead {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  /** A gauge that OpenTelemetry calls a Sum: its unit `1` does not mean a ratio. */
  readonly isSum: boolean
}

/** A metric under Prometheus' name, and what its values are multiplied by. */
export interface SpelledMetric {
  readonly family: Family
  readonly scale: number
}

/** What the info series of a resource and the counter of events are called. */
export const targetInfo: Family = {
  name: 'target',
  type: 'info',
  help: 'What is known of each observed entity; join it by the labels they share',
}
export const eventCounter: Family = {
  name: 'unitscope_events',
  type: 'counter',
  help: 'Events seen since the agent started, by name and unit',
}

/** Prometheus wants seconds; promtool refuses anything finer. */
const secondsPer: Readonly<Record<string, number>> = { ms: 1e-3, us: 1e-6, ns: 1e-9 }

/** An OpenTelemetry metric as Prometheus spells it. */
export function spellMetric(head: MetricHead): SpelledMetric {
  const scale = secondsPer[head.unit]
  const kind = head.type === 'counter' ? 'counter' : head.type === 'gauge' && !head.isSum ? 'gauge' : 'other'
  const { name, unit } =
    scale === undefined
      ? prometheusName(head.name, head.unit, kind)
      : prometheusName(head.name.replace(/[._](ms|us|ns|milliseconds|microseconds|nanoseconds)$/, ''), 's', kind)
  return {
    family: { name, type: head.type, help: head.description || head.name, ...(unit === '' ? {} : { unit }) },
    scale: scale ?? 1,
  }
}

export function typeOfMetric(metric: ShownMetric): MetricHead['type'] {
  switch (metric.type) {
    case 'gauge':
      return 'gauge'
    case 'sum':
      return metric.monotonic ? 'counter' : 'gauge'
    case 'histogram':
      return 'histogram'
    default:
      return assertNever(metric)
  }
}

export function headOfMetric(metric: ShownMetric): MetricHead {
  const { name, unit, description } = metric
  return { name, unit, description, type: typeOfMetric(metric), isSum: metric.type === 'sum' }
}

/** The label `le` of a bucket. 5 ms is 0.005 s, not 0.005000000000000001: a bound is a label, so its digits matter. */
export function bucketLe(bound: number, scale: number): string {
  const seconds = bound * scale
  return bucketBound(Number.isFinite(seconds) ? Number(seconds.toPrecision(12)) : seconds)
}
