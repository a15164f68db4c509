import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Attributes, AttributeValue } from '../../../../src/data/attributes.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { Metric } from '../../../../src/data/metric.js'
import type { Resource } from '../../../../src/data/resource.js'
import { joinRequests, OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import { spanKind, statusCode } from '../../../../src/lib/otlp/enums.js'
import { events, metrics, numberPoints, spans } from '../../../support/otlp-sink/arbitrary.js'
import { anyValue, attributesOf, type Decoded, decodeRequest } from '../../../support/otlp-sink/decode.js'

const severityWords: Readonly<Record<number, string>> = {
  5: 'DEBUG',
  9: 'INFO',
  10: 'INFO2',
  13: 'WARN',
  17: 'ERROR',
  18: 'ERROR2',
  19: 'ERROR3',
  21: 'FATAL',
}

// Everything is read back with protobufjs from test/support/otlp-sink/otlp.proto: no code is shared with the encoder.

const encoder = new OtlpEncoder({ name: 'unitscope', version: '9.9.9' })

describe('what another protobuf implementation reads equals what was written', () => {
  test('events', () => {
    fc.assert(
      fc.property(events, (list) => {
        const read = flat(
          list.length,
          encode('logs', batchOf({ events: list })),
          'resource_logs',
          'scope_logs',
          'log_records',
        )
        const inOrder = byResource(list)
        for (const [index, { record, resource: res, scope }] of read.entries()) {
          const event = inOrder[index]!
          expect(scope).toMatchObject({ name: 'unitscope', version: '9.9.9' })
          expect(attributesOf(res.attributes)).toEqual(asRead(event.resource.attributes))
          expect(record.time_unix_nano ?? '0').toBe(String(event.timeUnixNano))
          expect(record.observed_time_unix_nano ?? '0').toBe(String(event.observedTimeUnixNano))
          expect(record.event_name ?? '').toBe(wellFormed(event.name))
          expect(record.severity_number).toBe(event.severity)
          expect(record.severity_text).toBe(severityWords[event.severity])
          expect(anyValue(record.body)).toBe(wellFormed(event.body))
          expect(attributesOf(record.attributes)).toEqual(asRead(event.attributes))
          expect(record.trace_id).toBe(event.traceId)
          expect(record.span_id).toBe(event.spanId)
        }
      }),
    )
  })

  test('metrics, exemplars included, and again with other times', () => {
    fc.assert(
      fc.property(metrics, fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), (first, now) => {
        const again = first.map((metric): Metric => {
          if (metric.type !== 'gauge' && metric.type !== 'sum') return metric
          const start = metric.startTimeUnixNano === undefined ? {} : { startTimeUnixNano: now - 1n }
          return { ...metric, timeUnixNano: now, ...start }
        })
        check(first)
        check(again)
        check(again.toReversed())
      }),
    )
    function check(list: Metric[]): void {
      const read = flat(
        list.length,
        encode('metrics', batchOf({ metrics: list })),
        'resource_metrics',
        'scope_metrics',
        'metrics',
      )
      const inOrder = byResource(list)
      for (const [index, { record, resource: res }] of read.entries()) {
        const metric = inOrder[index]!
        expect(attributesOf(res.attributes)).toEqual(asRead(metric.resource.attributes))
        expect([record.name ?? '', record.description ?? '', record.unit ?? '']).toEqual(
          [metric.name, metric.description, metric.unit].map(wellFormed),
        )
        const data = record[metric.type]
        const ofAll: { timeUnixNano?: bigint; startTimeUnixNano?: bigint } =
          metric.type === 'gauge' || metric.type === 'sum' ? metric : {}
        if (metric.type !== 'gauge') expect(data.aggregation_temporality).toBe(2)
        if (metric.type === 'sum') expect(data.is_monotonic ?? false).toBe(metric.monotonic)
        expect(data.data_points).toHaveLength(metric.points.length)
        for (const [at, point] of metric.points.entries()) {
          const got = data.data_points[at]
          expect(attributesOf(got.attributes)).toEqual(asRead(point.attributes))
          expect(got.time_unix_nano ?? '0').toBe(String(point.timeUnixNano ?? ofAll.timeUnixNano ?? 0n))
          expect(got.start_time_unix_nano ?? '0').toBe(String(point.startTimeUnixNano ?? ofAll.startTimeUnixNano ?? 0n))
          if ('bounds' in point) {
            expect(got.count ?? '0').toBe(String(point.count))
            expect(got.sum).toBe(point.sum)
            expect(got.explicit_bounds).toEqual(point.bounds)
            expect(got.bucket_counts).toEqual(point.bucketCounts.map(String))
          } else if ('valueType' in metric && metric.valueType === 'int') expect(got.as_int).toBe(String(point.value))
          else expect(got.as_double).toBe(point.value)
          expect(got.exemplars).toHaveLength(point.exemplars?.length ?? 0)
          for (const [n, wanted] of (point.exemplars ?? []).entries()) {
            const seen = got.exemplars[n]
            expect(seen.time_unix_nano ?? '0').toBe(String(wanted.timeUnixNano))
            expect(seen.trace_id).toBe(wanted.traceId)
            expect(seen.span_id).toBe(wanted.spanId)
            expect(Number(seen.as_double ?? seen.as_int) + 0).toBe(Number(wanted.value) + 0)
            expect(attributesOf(seen.filtered_attributes)).toEqual(asRead(wanted.attributes ?? {}))
          }
        }
      }
    }
  })

  test('points that many metrics share are written as if each had its own', () => {
    const nano = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
    const shared = numberPoints.map((points) => Object.freeze(points))
    const uses = fc.array(
      fc.record({
        which: fc.nat(),
        name: fc.constantFrom('a', 'b'),
        type: fc.constantFrom('gauge' as const, 'sum' as const),
        valueType: fc.constantFrom('int' as const, 'double' as const),
        monotonic: fc.boolean(),
        times: fc.record({ startTimeUnixNano: nano, timeUnixNano: nano }, { requiredKeys: ['timeUnixNano'] }),
      }),
      { minLength: 2, maxLength: 12 },
    )
    fc.assert(
      fc.property(fc.array(shared, { minLength: 1, maxLength: 3 }), uses, (lists, told) => {
        const written = (own: boolean) => {
          const list = told.map(({ which, name, type, valueType, monotonic, times }): Metric => {
            const points = lists[which % lists.length]!
            const head = {
              name,
              unit: '1',
              description: 'd',
              resource: { key: 'a', attributes: {} },
              ...times,
              valueType,
            }
            const used = { ...head, points: own ? [...points] : points }
            return type === 'gauge' ? { ...used, type } : { ...used, type, monotonic }
          })
          return Buffer.concat(encoder.encode(batchOf({ metrics: list }))[0]!.chunks)
        }
        expect(written(false)).toEqual(written(true))
      }),
    )
  })

  test('spans', () => {
    fc.assert(
      fc.property(spans, (list) => {
        const read = flat(
          list.length,
          encode('traces', batchOf({ spans: list })),
          'resource_spans',
          'scope_spans',
          'spans',
        )
        const inOrder = byResource(list)
        for (const [index, { record }] of read.entries()) {
          const span = inOrder[index]!
          expect([record.trace_id, record.span_id, record.parent_span_id]).toEqual([
            span.traceId,
            span.spanId,
            span.parentSpanId,
          ])
          expect(record.name ?? '').toBe(wellFormed(span.name))
          expect(record.kind).toBe(spanKind[span.kind])
          expect(record.start_time_unix_nano ?? '0').toBe(String(span.startTimeUnixNano))
          expect(record.end_time_unix_nano ?? '0').toBe(String(span.endTimeUnixNano))
          expect(attributesOf(record.attributes)).toEqual(asRead(span.attributes))
          expect(record.status.code ?? 0).toBe(statusCode[span.status.code])
          expect(record.status.message ?? '').toBe(wellFormed(span.status.message ?? ''))
          expect(
            record.events.map((e: Decoded) => [e.time_unix_nano ?? '0', e.name ?? '', attributesOf(e.attributes)]),
          ).toEqual(span.events.map((e) => [String(e.timeUnixNano), wellFormed(e.name), asRead(e.attributes)]))
          expect(record.links.map((l: Decoded) => [l.trace_id, l.span_id, attributesOf(l.attributes)])).toEqual(
            span.links.map((l) => [l.traceId, l.spanId, asRead(l.attributes)]),
          )
        }
      }),
    )
  })
})

test('records of one resource stand in one group, whatever their order', () => {
  const a: Resource = { key: 'a', attributes: { 'service.name': 'a.service' } }
  const b: Resource = { key: 'b', attributes: { 'service.name': 'b.service' } }
  const event = (res: Resource): RawEvent => ({
    timeUnixNano: 1n,
    observedTimeUnixNano: 2n,
    name: 'x',
    severity: 9,
    body: '',
    attributes: {},
    resource: res,
  })
  const message = encode('logs', batchOf({ events: [event(a), event(b), event(a)] }))
  expect(message.resource_logs.map((g: Decoded) => g.scope_logs[0].log_records.length)).toEqual([2, 1])
})

test('an integer beyond int64 goes as exact text, and a fraction in an int metric as double', () => {
  const res: Resource = { key: 'a', attributes: { big: 2n ** 63n, huge: 1e300 } }
  const metric: Metric = {
    type: 'gauge',
    valueType: 'int',
    name: 'm',
    unit: '1',
    description: '',
    resource: res,
    points: [{ attributes: {}, timeUnixNano: 1n, value: 0.5 }],
  }
  const message = encode('metrics', batchOf({ metrics: [metric] }))
  expect(attributesOf(message.resource_metrics[0].resource.attributes)).toEqual({
    big: '9223372036854775808',
    huge: 1e300,
  })
  expect(message.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].as_double).toBe(0.5)
})

test('a batch that grows the buffer many times over arrives whole', () => {
  const res: Resource = { key: 'a', attributes: {} }
  const bodies = Array.from({ length: 3000 }, (_, i) => `${i}:${'ä'.repeat(i % 400)}`)
  const list = bodies.map(
    (body): RawEvent => ({
      timeUnixNano: 1n,
      observedTimeUnixNano: 2n,
      name: 'x',
      severity: 9,
      body,
      attributes: {},
      resource: res,
    }),
  )
  const message = encode('logs', batchOf({ events: list }))
  expect(message.resource_logs[0].scope_logs[0].log_records.map((r: Decoded) => r.body.string_value)).toEqual(bodies)
})

function encode(signal: 'logs' | 'metrics' | 'traces', batch: Parameters<OtlpEncoder['encode']>[0]): Decoded {
  const requests = encoder.encode(batch)
  const request = requests.find((r) => r.signal === signal)
  // By now resources, heads and attributes that last are known.
  const bytes = Buffer.concat(request?.chunks ?? [])
  const again = encoder.encode(batch).find((r) => r.signal === signal)
  // toEqual() looks at bytes one by one: 11 s of CPU for this file, and 3 s so.
  expect(Buffer.concat(again?.chunks ?? []).equals(bytes)).toBe(true)
  return decodeRequest(signal, bytes)
}

function flat(count: number, message: Decoded, outer: string, middle: string, inner: string) {
  const list = (message[outer] as Decoded[]).flatMap((group) =>
    group[middle].flatMap((scope: Decoded) =>
      scope[inner].map((record: Decoded) => ({ record, resource: group.resource, scope: scope.scope })),
    ),
  ) as { record: Decoded; resource: Decoded; scope: Decoded }[]
  expect(list).toHaveLength(count)
  return list
}

/** Every generated resource is its own object, so order within groups is the input's. */
function byResource<T extends { readonly resource: Resource }>(list: readonly T[]): T[] {
  const order = [...new Set(list.map((r) => r.resource))]
  return order.flatMap((res) => list.filter((r) => r.resource === res))
}

function asRead(given: Attributes): Record<string, unknown> {
  const entries = Object.entries(given).map(([key, v]) => [wellFormed(key), valueAsRead(v)] as const)
  return Object.fromEntries(entries)
}

function valueAsRead(v: AttributeValue): unknown {
  if (typeof v === 'string') return wellFormed(v)
  if (Array.isArray(v)) return v.map(wellFormed)
  if (typeof v !== 'number') return v
  return Number.isInteger(v) && v >= -(2 ** 63) && v < 2 ** 63 ? BigInt(v) : v
}

function wellFormed(s: string): string {
  return Buffer.from(s, 'utf8').toString('utf8')
}

test('requests joined are one request: another implementation reads all records of all of them, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(events, metrics, spans), { minLength: 1, maxLength: 4 }), (parts) => {
      const requests = parts.map(([e, m, s]) => encoder.encode(batchOf({ events: e, metrics: m, spans: s })))
      for (const [signal, groups] of [
        ['logs', 'resource_logs'],
        ['metrics', 'resource_metrics'],
        ['traces', 'resource_spans'],
      ] as const) {
        const apart = requests.flat().filter((request) => request.signal === signal)
        if (apart.length === 0) continue
        const joined = joinRequests(apart)
        expect(joined.items).toBe(apart.reduce((sum, { items }) => sum + items, 0))
        expect(joined.byteLength).toBe(Buffer.concat(joined.chunks).byteLength)
        const read = decodeRequest(signal, Buffer.concat(joined.chunks))
        expect(read[groups]).toEqual(
          apart.flatMap(({ chunks }) => decodeRequest(signal, Buffer.concat(chunks))[groups]),
        )
      }
    }),
    { numRuns: 50 },
  )
})
