import type { Attributes, AttributeValue } from '../../../src/data/attributes.js'
import type { Batch, Signal } from '../../../src/data/batch.js'
import type { RawEvent } from '../../../src/data/event.js'
import type { Exemplar, Gauge, HistogramPoint, Metric, NumberPoint, Sum } from '../../../src/data/metric.js'
import type { Resource } from '../../../src/data/resource.js'
import type { Span } from '../../../src/data/span.js'
import { agentScope } from '../../../src/lib/otlp/scope.js'
import type { Complete } from './complete.js'
import type { Decoded } from './decode.js'

// What a server must see of our records, field by field, as the data model of OTLP has it (logs/data-model.md,
// metrics/data-model.md, trace/api.md of the OpenTelemetry specification). Written beside the encoders, not with them.

export function expectedRecords(signal: Signal, batch: Batch): readonly Complete[] {
  switch (signal) {
    case 'logs':
      return batch.events.map((event) => under(event.resource, log(event)))
    case 'metrics':
      return batch.metrics.map((metric) => under(metric.resource, metricOf(metric)))
    case 'traces':
      return batch.spans.map((one) => under(one.resource, span(one)))
  }
}

function under(resource: Resource, record: Decoded): Complete {
  return {
    resource: { attributes: typed(resource.attributes), dropped_attributes_count: 0, entity_refs: [] },
    scope: { ...agentScope(), attributes: {}, dropped_attributes_count: 0 },
    record,
  }
}

// SeverityText of the log data model, "Displaying severity".
const severityWords: Readonly<Partial<Record<RawEvent['severity'], string>>> = {
  5: 'DEBUG',
  9: 'INFO',
  10: 'INFO2',
  13: 'WARN',
  17: 'ERROR',
  18: 'ERROR2',
  19: 'ERROR3',
  21: 'FATAL',
}

function log(event: RawEvent): Decoded {
  return {
    time_unix_nano: String(event.timeUnixNano),
    observed_time_unix_nano: String(event.observedTimeUnixNano),
    severity_number: event.severity,
    severity_text: severityWords[event.severity],
    event_name: event.name,
    body: { string_value: event.body },
    attributes: typed(event.attributes),
    dropped_attributes_count: 0,
    flags: 0,
    trace_id: event.traceId ?? '',
    span_id: event.spanId ?? '',
  }
}

function metricOf(metric: Metric): Decoded {
  const { name, description, unit } = metric
  const head = { name, description, unit, metadata: [] }
  const cumulative = { aggregation_temporality: 2 }
  switch (metric.type) {
    case 'gauge':
      return { ...head, gauge: { data_points: metric.points.map((point) => numberPoint(point, metric)) } }
    case 'sum': {
      const data_points = metric.points.map((point) => numberPoint(point, metric))
      return { ...head, sum: { data_points, ...cumulative, is_monotonic: metric.monotonic } }
    }
    case 'histogram':
      return { ...head, histogram: { data_points: metric.points.map(histogramPoint), ...cumulative } }
  }
}

function numberPoint(point: NumberPoint, { valueType, startTimeUnixNano, timeUnixNano }: Gauge | Sum): Decoded {
  return {
    start_time_unix_nano: String(point.startTimeUnixNano ?? startTimeUnixNano ?? 0n),
    time_unix_nano: String(point.timeUnixNano ?? timeUnixNano ?? 0n),
    ...numberOf(point.value, valueType),
    exemplars: (point.exemplars ?? []).map((exemplar) => exemplarOf(exemplar, valueType)),
    attributes: typed(point.attributes),
    flags: 0,
  }
}

function histogramPoint(point: HistogramPoint): Decoded {
  return {
    start_time_unix_nano: String(point.startTimeUnixNano),
    time_unix_nano: String(point.timeUnixNano),
    count: String(point.count),
    sum: point.sum,
    bucket_counts: point.bucketCounts.map(String),
    explicit_bounds: [...point.bounds],
    exemplars: (point.exemplars ?? []).map((exemplar) => exemplarOf(exemplar, 'double')),
    attributes: typed(point.attributes),
    flags: 0,
  }
}

function exemplarOf(exemplar: Exemplar, valueType: 'int' | 'double'): Decoded {
  return {
    time_unix_nano: String(exemplar.timeUnixNano),
    ...numberOf(exemplar.value, valueType),
    span_id: exemplar.spanId ?? '',
    trace_id: exemplar.traceId,
    filtered_attributes: typed(exemplar.attributes ?? {}),
  }
}

function numberOf(value: number | bigint, valueType: 'int' | 'double'): Decoded {
  return valueType === 'int' ? { as_int: String(value) } : { as_double: Number(value) }
}

function span(one: Span): Decoded {
  const dropped_attributes_count = 0
  return {
    trace_id: one.traceId,
    span_id: one.spanId,
    trace_state: '',
    parent_span_id: one.parentSpanId ?? '',
    name: one.name,
    kind: { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 }[one.kind],
    start_time_unix_nano: String(one.startTimeUnixNano),
    end_time_unix_nano: String(one.endTimeUnixNano),
    attributes: typed(one.attributes),
    dropped_attributes_count,
    events: one.events.map(({ timeUnixNano, name, attributes }) => ({
      time_unix_nano: String(timeUnixNano),
      name,
      attributes: typed(attributes),
      dropped_attributes_count,
    })),
    dropped_events_count: 0,
    links: one.links.map(({ traceId, spanId, attributes }) => ({
      trace_id: traceId,
      span_id: spanId,
      trace_state: '',
      attributes: typed(attributes),
      dropped_attributes_count,
      flags: 0,
    })),
    dropped_links_count: 0,
    status: { code: { unset: 0, ok: 1, error: 2 }[one.status.code], message: one.status.message ?? '' },
    flags: 0,
  }
}

/** Integers as bigint, as int_value comes back: 1 and 1.0 are two things to a backend. */
function typed(attributes: Attributes): Record<string, unknown> {
  const valueAsRead = (value: AttributeValue): unknown =>
    typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, valueAsRead(value)]))
}
