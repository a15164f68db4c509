import type { SeverityNumber } from '../../data/event.js'
import type { Span, SpanKind } from '../../data/span.js'

// Numbers of opentelemetry-proto 1.x enums.

/** SeverityText: the short names of the data model's severity ranges. */
export const severityText: Readonly<Record<SeverityNumber, string>> = {
  5: 'DEBUG',
  9: 'INFO',
  10: 'INFO2',
  13: 'WARN',
  17: 'ERROR',
  18: 'ERROR2',
  19: 'ERROR3',
  21: 'FATAL',
}

export const spanKind: Readonly<Record<SpanKind, number>> = {
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
}

export const statusCode: Readonly<Record<Span['status']['code'], number>> = { unset: 0, ok: 1, error: 2 }

/** AGGREGATION_TEMPORALITY_CUMULATIVE: all our sums and histograms. */
export const kCumulative = 2

const kMinInt64 = -(2n ** 63n)
const kMaxInt64 = 2n ** 63n - 1n

/** Whether OTLP's int64 can carry it; a number must be an integer, too. */
export function isInt64(value: number | bigint): boolean {
  if (typeof value === 'bigint') return value >= kMinInt64 && value <= kMaxInt64
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63
}
