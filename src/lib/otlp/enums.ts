import type { SeverityNumber } from '../../data/event.js'
import type { EncodedKind } from '../../data/metric.js'
import type { Span, SpanKind } from '../../data/span.js'

// Numbers of opentelemetry-proto 1.x enums.

/** SeverityText: the short names of the data model's severity ranges. */
// biome-ignore format: a row for each range
export const severityText: Readonly<Record<SeverityNumber, string>> = {
  0: '',
  1: 'TRACE', 2: 'TRACE2', 3: 'TRACE3', 4: 'TRACE4',
  5: 'DEBUG', 6: 'DEBUG2', 7: 'DEBUG3', 8: 'DEBUG4',
  9: 'INFO', 10: 'INFO2', 11: 'INFO3', 12: 'INFO4',
  13: 'WARN', 14: 'WARN2', 15: 'WARN3', 16: 'WARN4',
  17: 'ERROR', 18: 'ERROR2', 19: 'ERROR3', 20: 'ERROR4',
  21: 'FATAL', 22: 'FATAL2', 23: 'FATAL3', 24: 'FATAL4',
}

export const spanKind: Readonly<Record<SpanKind, number>> = {
  unspecified: 0,
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
}

export const statusCode: Readonly<Record<Span['status']['code'], number>> = { unset: 0, ok: 1, error: 2 }

/** Of the metrics that are passed on as they came: the field of Metric, and that of the attributes in their points. */
export const encodedKinds: Readonly<Record<EncodedKind, { readonly field: number; readonly attributes: number }>> = {
  gauge: { field: 5, attributes: 7 },
  sum: { field: 7, attributes: 7 },
  histogram: { field: 9, attributes: 9 },
  exponential_histogram: { field: 10, attributes: 1 },
  summary: { field: 11, attributes: 7 },
}

/** AGGREGATION_TEMPORALITY_CUMULATIVE: all our sums and histograms. */
export const kCumulative = 2

const kMinInt64 = -(2n ** 63n)
const kMaxInt64 = 2n ** 63n - 1n

/** Whether OTLP's int64 can carry it; a number must be an integer, too. */
export function isInt64(value: number | bigint): boolean {
  if (typeof value === 'bigint') return value >= kMinInt64 && value <= kMaxInt64
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63
}
