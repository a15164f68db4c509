import { type Attributes, type AttributeValue, EncodedValue } from '../../data/attributes.js'
import type { Batch, Signal } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import {
  type EncodedKind,
  type Exemplar,
  type Gauge,
  type HistogramPoint,
  type Metric,
  type NumberPoint,
  type Sum,
  startTimeOf,
  timeOf,
} from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import type { Span } from '../../data/span.js'
import { assertNever } from '../../util/assert-never.js'
import { isInt64, kCumulative, severityText, spanKind, statusCode } from './enums.js'
import { groupByResource } from './group.js'
import { doubleJson as double, fieldsJson, type Json } from './message-json.js'
import type { MessageName } from './messages.js'
import type { Scope } from './scope.js'

// OTLP/JSON (opentelemetry-proto, "JSON Protobuf Encoding"): lowerCamelCase, ids in hex, 64-bit integers as strings,
// enums as numbers. NaN and the infinities are strings, as protobuf's JSON mapping has them.

/** Name of the one field of an Export*ServiceRequest. */
export const requestField = { logs: 'resourceLogs', metrics: 'resourceMetrics', traces: 'resourceSpans' } as const

/** One line per signal that has records, each an Export*ServiceRequest as the Collector's file exporter writes them. */
export function otlpJsonLines(batch: Batch, scope: Scope): readonly string[] {
  return jsonGroups(batch, scope).map(({ signal, groups }) => jsonText({ [requestField[signal]]: groups }))
}

/**
 * As text. Half of a surrogate pair is U+FFFD, as in protobuf: what JSON.stringify makes of it (`\\ud800`) strict servers
 * refuse, with all that comes beside it.
 */
export function jsonText(value: Json): string {
  const text = JSON.stringify(value)
  if (!text.includes('\\ud')) return text
  return text.replace(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, (found) => (found === '\\\\' ? found : '\ufffd'))
}

/** What stands in the field of each request: records by resource, of each signal that has some. */
export function jsonGroups(batch: Batch, scope: Scope): readonly { signal: Signal; groups: readonly Json[] }[] {
  const found: { signal: Signal; groups: readonly Json[] }[] = []
  if (batch.events.length > 0)
    found.push({ signal: 'logs', groups: grouped(batch.events, 'scopeLogs', 'logRecords', scope, logRecord) })
  if (batch.metrics.length > 0)
    found.push({ signal: 'metrics', groups: grouped(batch.metrics, 'scopeMetrics', 'metrics', scope, metricOf) })
  if (batch.spans.length > 0)
    found.push({ signal: 'traces', groups: grouped(batch.spans, 'scopeSpans', 'spans', scope, spanOf) })
  return found
}

function grouped<T extends { readonly resource: Resource }>(
  records: readonly T[],
  scopeKey: string,
  recordKey: string,
  scope: Scope,
  convert: (record: T) => Json,
): readonly Json[] {
  return Array.from(groupByResource(records), ([resource, group]) => {
    const { origin } = resource
    return {
      resource: { attributes: keyValues(resource.attributes), ...fieldsJson('Resource', origin?.resource) },
      ...fieldsJson('ResourceSpans', origin?.resourceRecords), // of all signals the same: a schema URL
      [scopeKey]: [
        {
          scope:
            origin === undefined
              ? { name: scope.name, version: scope.version }
              : fieldsJson('InstrumentationScope', origin.scope),
          ...fieldsJson('ScopeSpans', origin?.scopeRecords),
          [recordKey]: group.map(convert),
        },
      ],
    }
  })
}

function logRecord(event: RawEvent): Json {
  return {
    timeUnixNano: String(event.timeUnixNano),
    observedTimeUnixNano: String(event.observedTimeUnixNano),
    severityNumber: event.severity,
    severityText: event.severityText ?? severityText[event.severity],
    ...(event.name === '' ? {} : { eventName: event.name }),
    body: anyValue(event.encodedBody ?? event.body),
    attributes: keyValues(event.attributes),
    ...(event.traceId === undefined ? {} : { traceId: event.traceId }),
    ...(event.spanId === undefined ? {} : { spanId: event.spanId }),
    ...fieldsJson('LogRecord', event.rest),
  }
}

function metricOf(metric: Metric): Json {
  const head = {
    name: metric.name,
    description: metric.description,
    unit: metric.unit,
    ...fieldsJson('Metric', metric.rest),
  }
  switch (metric.type) {
    case 'gauge':
      return { ...head, gauge: { dataPoints: metric.points.map((p) => numberPoint(metric, p)) } }
    case 'sum': {
      const dataPoints = metric.points.map((p) => numberPoint(metric, p))
      return { ...head, sum: { dataPoints, aggregationTemporality: kCumulative, isMonotonic: metric.monotonic } }
    }
    case 'histogram':
      return {
        ...head,
        histogram: { dataPoints: metric.points.map(histogramPoint), aggregationTemporality: kCumulative },
      }
    case 'encoded': {
      const { field, data, point } = encodedNames[metric.kind]
      const dataPoints = metric.points.map(({ attributes, fields }) => ({
        attributes: keyValues(attributes),
        ...fieldsJson(point, fields),
      }))
      return { ...head, [field]: { dataPoints, ...fieldsJson(data, metric.data) } }
    }
    default:
      return assertNever(metric)
  }
}

const encodedNames: Readonly<
  Record<EncodedKind, { readonly field: string; readonly data: MessageName; readonly point: MessageName }>
> = {
  gauge: { field: 'gauge', data: 'Gauge', point: 'NumberDataPoint' },
  sum: { field: 'sum', data: 'Sum', point: 'NumberDataPoint' },
  histogram: { field: 'histogram', data: 'Histogram', point: 'HistogramDataPoint' },
  exponential_histogram: {
    field: 'exponentialHistogram',
    data: 'ExponentialHistogram',
    point: 'ExponentialHistogramDataPoint',
  },
  summary: { field: 'summary', data: 'Summary', point: 'SummaryDataPoint' },
}

function numberPoint(metric: Gauge | Sum, point: NumberPoint): Json {
  const start = startTimeOf(metric, point)
  return {
    attributes: keyValues(point.attributes),
    ...(start === undefined ? {} : { startTimeUnixNano: String(start) }),
    timeUnixNano: String(timeOf(metric, point)),
    ...pointValue(point.value, metric.valueType),
    ...exemplars(point.exemplars, metric.valueType),
  }
}

function histogramPoint(point: HistogramPoint): Json {
  return {
    attributes: keyValues(point.attributes),
    startTimeUnixNano: String(point.startTimeUnixNano),
    timeUnixNano: String(point.timeUnixNano),
    count: String(point.count),
    sum: double(point.sum),
    bucketCounts: point.bucketCounts.map(String),
    explicitBounds: point.bounds.map(double),
    ...(point.min === undefined ? {} : { min: double(point.min) }),
    ...(point.max === undefined ? {} : { max: double(point.max) }),
    ...exemplars(point.exemplars, 'double'),
  }
}

function exemplars(
  list: readonly Exemplar[] | undefined,
  valueType: 'int' | 'double',
): { readonly [key: string]: Json } {
  if (list === undefined || list.length === 0) return {}
  return {
    exemplars: list.map((exemplar) => ({
      timeUnixNano: String(exemplar.timeUnixNano),
      ...pointValue(exemplar.value, valueType),
      ...(exemplar.traceId === undefined ? {} : { traceId: exemplar.traceId }),
      ...(exemplar.spanId === undefined ? {} : { spanId: exemplar.spanId }),
      ...(exemplar.attributes === undefined ? {} : { filteredAttributes: keyValues(exemplar.attributes) }),
    })),
  }
}

function pointValue(value: number | bigint, valueType: 'int' | 'double'): { readonly [key: string]: Json } {
  return valueType === 'int' && isInt64(value) ? { asInt: String(BigInt(value)) } : { asDouble: double(Number(value)) }
}

function spanOf(span: Span): Json {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: spanKind[span.kind],
    startTimeUnixNano: String(span.startTimeUnixNano),
    endTimeUnixNano: String(span.endTimeUnixNano),
    attributes: keyValues(span.attributes),
    events: span.events.map((event) => ({
      timeUnixNano: String(event.timeUnixNano),
      name: event.name,
      attributes: keyValues(event.attributes),
      ...fieldsJson('SpanEvent', event.rest),
    })),
    links: span.links.map((link) => ({
      traceId: link.traceId,
      spanId: link.spanId,
      attributes: keyValues(link.attributes),
      ...fieldsJson('SpanLink', link.rest),
    })),
    status: {
      code: statusCode[span.status.code],
      ...(span.status.message === undefined ? {} : { message: span.status.message }),
    },
    ...fieldsJson('Span', span.rest),
  }
}

function keyValues(attributes: Attributes): Json {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: AttributeValue): Json {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (value instanceof EncodedValue) return fieldsJson('AnyValue', value.fields)
  if (typeof value === 'object') return { arrayValue: { values: value.map(anyValue) } }
  if (isInt64(value)) return { intValue: String(BigInt(value)) }
  return typeof value === 'bigint' ? { stringValue: String(value) } : { doubleValue: double(value) }
}
