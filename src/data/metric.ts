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
