import type { Attributes, EncodedFields } from './attributes.js'
import type { Resource } from './resource.js'

/** A sample that links a number to the trace it was taken in. */
export interface Exemplar {
  readonly timeUnixNano: bigint
  readonly value: number | bigint
  /** Absent only in what other programs sent. */
  readonly traceId?: string
  readonly spanId?: string
  readonly attributes?: Attributes
}

export interface NumberPoint {
  readonly attributes: Attributes
  /** Start of the cumulative count; left out for gauges, and where it is the metric's. */
  readonly startTimeUnixNano?: bigint
  /** Left out where it is the metric's. */
  readonly timeUnixNano?: bigint
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
  readonly min?: number
  readonly max?: number
  readonly exemplars?: readonly Exemplar[]
}

interface MetricHead {
  /** OTel semantic-convention name, e.g. `systemd.unit.state`. */
  readonly name: string
  /** UCUM unit: `s`, `By`, `1`, `{restart}`. */
  readonly unit: string
  readonly description: string
  readonly resource: Resource
  /** Fields of OTLP's Metric that have no place here (metadata). */
  readonly rest?: EncodedFields
}

/**
 * Numbers. Points need no times of their own where all were measured at once: then what has not changed is the same points again, and those of
 * many resources that say the same may be one frozen list, which exporters write once (decision 0323).
 */
interface Numbers extends MetricHead {
  /** How numbers go on the wire. */
  readonly valueType: 'int' | 'double'
  /** Of the points that have none of their own. */
  readonly timeUnixNano?: bigint
  /** Likewise. */
  readonly startTimeUnixNano?: bigint
  readonly points: readonly NumberPoint[]
}

export interface Gauge extends Numbers {
  readonly type: 'gauge'
}

/** Always cumulative: a reader that missed a point loses resolution, never a count. */
export interface Sum extends Numbers {
  readonly type: 'sum'
  readonly monotonic: boolean
}

/** Always cumulative. */
export interface Histogram extends MetricHead {
  readonly type: 'histogram'
  readonly points: readonly HistogramPoint[]
  // Its points have their own.
  readonly timeUnixNano?: undefined
}

/**
 * What other programs send and nothing here reads: delta temporality, exponential histograms, summaries, points without a
 * value. Passed on point by point as it came; attributes can be edited, and who cannot show it counts it as dropped.
 */
export interface EncodedMetric extends MetricHead {
  readonly type: 'encoded'
  /** As the fields of OTLP's Metric are called. */
  readonly kind: EncodedKind
  /** Beside the points: temporality, whether it is monotonic. */
  readonly data: EncodedFields
  readonly points: readonly EncodedPoint[]
}
export type EncodedKind = 'gauge' | 'sum' | 'histogram' | 'exponential_histogram' | 'summary'

export interface EncodedPoint {
  readonly attributes: Attributes
  /** All others. */
  readonly fields: EncodedFields
  // Of other points; so that who looks for them in any point finds none here.
  readonly timeUnixNano?: undefined
  readonly startTimeUnixNano?: undefined
  readonly value?: undefined
  readonly exemplars?: undefined
}

export type Metric = Gauge | Sum | Histogram | EncodedMetric

/** When a point of a metric was measured; 0 where another program has not said. */
export function timeOf(metric: Gauge | Sum | Histogram, point: NumberPoint | HistogramPoint): bigint {
  return point.timeUnixNano ?? metric.timeUnixNano ?? 0n
}

/** When the count of a point began; undefined for a gauge. */
export function startTimeOf(metric: Gauge | Sum, point: NumberPoint): bigint | undefined {
  return point.startTimeUnixNano ?? metric.startTimeUnixNano
}
