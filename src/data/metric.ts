import type { Attributes } from './attributes.js'
import type { Resource } from './resource.js'

/** A sample that links a number to the trace it was taken in. */
export interface Exemplar {
  readonly timeUnixNano: bigint
  readonly value: number
  readonly traceId: string
  readonly spanId?: string
  readonly attributes?: Attributes
}

export interface NumberPoint {
  readonly attributes: Attributes
  /** Start of the cumulative count; left out for gauges. */
  readonly startTimeUnixNano?: bigint
  readonly timeUnixNano: bigint
  /** bigint where a counter may pass 2^53. */
  readonly value: number | bigint
  readonly exemplars?: readonly Exemplar[]
}

export interface HistogramPoint {
  readonly attributes: Attributes
  readonly startTimeUnixNano: bigint
  readonly timeUnixNano: bigint
  readonly count: number
  readonly sum: number
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: readonly number[]
  /** Per bucket, not cumulative; one longer than `bounds`. */
  readonly bucketCounts: readonly number[]
  readonly exemplars?: readonly Exemplar[]
}

interface MetricHead {
  /** OTel semantic-convention name, e.g. `systemd.unit.state`. */
  readonly name: string
  /** UCUM unit: `s`, `By`, `1`, `{restart}`. */
  readonly unit: string
  readonly description: string
  readonly resource: Resource
}

export interface Gauge extends MetricHead {
  readonly type: 'gauge'
  /** How numbers go on the wire. */
  readonly valueType: 'int' | 'double'
  readonly points: readonly NumberPoint[]
}

/** Always cumulative: a reader that missed a point loses resolution, never a count. */
export interface Sum extends MetricHead {
  readonly type: 'sum'
  readonly valueType: 'int' | 'double'
  readonly monotonic: boolean
  readonly points: readonly NumberPoint[]
}

/** Always cumulative. */
export interface Histogram extends MetricHead {
  readonly type: 'histogram'
  readonly points: readonly HistogramPoint[]
}

export type Metric = Gauge | Sum | Histogram
