import fc from 'fast-check'
import type { Signal } from '../../../../src/data/batch.js'

// Requests as any program may send them, in the form protobufjs takes: snake case, 64-bit numbers as decimal text.

const text = fc.string({ unit: 'binary', maxLength: 80 })
const nano = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)
const id = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).filter((one) => one.some((byte) => byte !== 0))
const u32 = fc.nat()
const number = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer().map((value) => value),
)
const int = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)

const { any: value } = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ string_value: text }),
    fc.record({ bool_value: fc.boolean() }),
    fc.record({ int_value: int }),
    fc.record({ double_value: number }),
    fc.record({ bytes_value: fc.uint8Array({ maxLength: 20 }) }),
    fc.constant({}),
    fc.record({ array_value: fc.record({ values: fc.array(tie('any'), { maxLength: 3 }) }) }),
    fc.record({
      kvlist_value: fc.record({ values: fc.array(fc.record({ key: text, value: tie('any') }), { maxLength: 3 }) }),
    }),
  ),
}))
export const attributes = fc.uniqueArray(
  fc.record({ key: text.filter((key) => key !== '' && key !== '__proto__'), value }),
  { maxLength: 5, selector: ({ key }) => key },
)
const some = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 1, maxLength: 3 })
const maybe = { requiredKeys: [] as never[] }

const resource = fc.record({
  attributes,
  dropped_attributes_count: u32,
  entity_refs: fc.array(fc.record({ schema_url: text, type: text, id_keys: fc.array(text) }), { maxLength: 1 }),
})
const scope = fc.record({ name: text, version: text, attributes, dropped_attributes_count: u32 })

function request(outer: string, inner: string, records: string, record: fc.Arbitrary<unknown>): fc.Arbitrary<object> {
  const scoped = fc.record({ scope, [records]: some(record), schema_url: text })
  return fc.record({ [outer]: some(fc.record({ resource, [inner]: some(scoped), schema_url: text })) })
}

const log = fc.record(
  {
    time_unix_nano: nano,
    observed_time_unix_nano: nano,
    severity_number: fc.integer({ min: 0, max: 24 }),
    severity_text: text,
    body: value,
    attributes,
    dropped_attributes_count: u32,
    flags: u32,
    trace_id: id(16),
    span_id: id(8),
    event_name: text,
  },
  maybe,
)

const span = fc.record(
  {
    trace_id: id(16),
    span_id: id(8),
    parent_span_id: id(8),
    trace_state: text,
    name: text,
    kind: fc.integer({ min: 0, max: 5 }),
    start_time_unix_nano: nano,
    end_time_unix_nano: nano,
    attributes,
    dropped_attributes_count: u32,
    events: fc.array(
      fc.record({ time_unix_nano: nano, name: text, attributes, dropped_attributes_count: u32 }, maybe),
      { maxLength: 2 },
    ),
    dropped_events_count: u32,
    links: fc.array(
      fc.record(
        { trace_id: id(16), span_id: id(8), trace_state: text, attributes, dropped_attributes_count: u32, flags: u32 },
        { requiredKeys: ['trace_id', 'span_id'] },
      ),
      { maxLength: 2 },
    ),
    dropped_links_count: u32,
    status: fc.record({ message: text, code: fc.integer({ min: 0, max: 2 }) }, maybe),
    flags: u32,
  },
  { requiredKeys: ['trace_id', 'span_id'] },
)

const exemplarOf = (kind: 'as_int' | 'as_double') =>
  fc.record(
    {
      time_unix_nano: nano,
      span_id: id(8),
      trace_id: id(16),
      filtered_attributes: attributes,
      [kind]: kind === 'as_int' ? int : number,
    },
    { requiredKeys: [kind as 'as_int'] },
  )
const moment = { start_time_unix_nano: nano, time_unix_nano: nano, attributes }
const points = (kind: 'as_int' | 'as_double') =>
  some(
    fc.record(
      { ...moment, [kind]: kind === 'as_int' ? int : number, exemplars: fc.array(exemplarOf(kind), { maxLength: 2 }) },
      { requiredKeys: [kind as 'attributes'] },
    ),
  )
/** What no record has a place for: a flag says that there is no value. */
const valueless = some(fc.record({ ...moment, flags: fc.constant(1) }, { requiredKeys: ['flags'] }))
const numbers = fc.oneof(points('as_int'), points('as_double'), valueless)
const temporality = fc.integer({ min: 0, max: 2 })
const histograms = some(
  fc
    .tuple(
      fc.uniqueArray(fc.double({ noNaN: true }), { maxLength: 4 }),
      fc.record(
        {
          ...moment,
          count: nano,
          sum: number,
          min: number,
          max: number,
          flags: fc.constantFrom(0, 1),
          exemplars: fc.array(exemplarOf('as_double'), { maxLength: 1 }),
        },
        maybe,
      ),
      fc.array(nano, { minLength: 5, maxLength: 5 }),
    )
    .map(([bounds, point, counts]) => ({
      ...point,
      explicit_bounds: [...bounds].sort((a, b) => a - b),
      bucket_counts: counts.slice(0, bounds.length + 1),
    })),
)
const buckets = fc.record({ offset: fc.integer(), bucket_counts: fc.array(nano, { maxLength: 4 }) })
const exponential = some(
  fc.record(
    {
      ...moment,
      ...{ count: nano, sum: number, scale: fc.integer({ min: -10, max: 20 }), zero_count: nano, flags: u32 },
      ...{ positive: buckets, negative: buckets, min: number, max: number, zero_threshold: number },
      exemplars: fc.array(exemplarOf('as_double'), { maxLength: 1 }),
    },
    maybe,
  ),
)
const summaries = some(
  fc.record(
    {
      ...{ ...moment, count: nano, sum: number, flags: u32 },
      quantile_values: fc.array(fc.record({ quantile: number, value: number }), { maxLength: 3 }),
    },
    maybe,
  ),
)
const head = { name: text, description: text, unit: text, metadata: attributes }
const metric = fc.oneof(
  fc.record({ ...head, gauge: fc.record({ data_points: numbers }) }),
  fc.record({
    ...head,
    sum: fc.record({ data_points: numbers, aggregation_temporality: temporality, is_monotonic: fc.boolean() }),
  }),
  fc.record({ ...head, histogram: fc.record({ data_points: histograms, aggregation_temporality: temporality }) }),
  fc.record({
    ...head,
    exponential_histogram: fc.record({ data_points: exponential, aggregation_temporality: temporality }),
  }),
  fc.record({ ...head, summary: fc.record({ data_points: summaries }) }),
)

export const anyRequest: Readonly<Record<Signal, fc.Arbitrary<object>>> = {
  logs: request('resource_logs', 'scope_logs', 'log_records', log),
  traces: request('resource_spans', 'scope_spans', 'spans', span),
  metrics: request('resource_metrics', 'scope_metrics', 'metrics', metric),
}
