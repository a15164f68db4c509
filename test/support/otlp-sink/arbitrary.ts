import fc from 'fast-check'
import type { Attributes, AttributeValue } from '../../../src/data/attributes.js'
import type { RawEvent } from '../../../src/data/event.js'
import type { Exemplar, Metric } from '../../../src/data/metric.js'
import type { Resource } from '../../../src/data/resource.js'
import type { Span } from '../../../src/data/span.js'

// Records with whatever may be in them, for properties of encoders.

const text = fc.string({ unit: 'binary', maxLength: 300 })
const nano = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const traceId = fc.stringMatching(/^[0-9a-f]{32}$/)
const spanId = fc.stringMatching(/^[0-9a-f]{16}$/)
const value: fc.Arbitrary<AttributeValue> = fc.oneof(
  text,
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.array(text, { maxLength: 3 }),
)
// What is frozen is encoded once and kept, so both kinds must read the same.
const maybeFrozen = <T extends object>(each: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.tuple(each, fc.boolean()).map(([content, frozen]) => (frozen ? Object.freeze(content) : content))
const attributes: fc.Arbitrary<Attributes> = maybeFrozen(
  fc.dictionary(text, value, { maxKeys: 6, noNullPrototype: true }),
)
const resource: fc.Arbitrary<Resource> = maybeFrozen(fc.record({ key: text, attributes }))

export const events: fc.Arbitrary<RawEvent[]> = fc.array(
  fc.record(
    {
      timeUnixNano: nano,
      observedTimeUnixNano: nano,
      name: text,
      severity: fc.constantFrom(5 as const, 9 as const, 13 as const, 17 as const),
      body: text,
      attributes,
      traceId,
      spanId,
      resource,
    },
    { requiredKeys: ['timeUnixNano', 'observedTimeUnixNano', 'name', 'severity', 'body', 'attributes', 'resource'] },
  ),
  { maxLength: 5 },
)

const exemplar: fc.Arbitrary<Exemplar> = fc.record(
  { timeUnixNano: nano, value: fc.double({ noNaN: true }), traceId, spanId, attributes },
  { requiredKeys: ['timeUnixNano', 'value', 'traceId'] },
)
const head = { name: text, unit: text, description: text, resource }
const intValue = fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
const pointsOf = (of: fc.Arbitrary<number | bigint>) =>
  maybeFrozen(
    fc.array(
      fc.record(
        {
          attributes,
          startTimeUnixNano: nano,
          timeUnixNano: nano,
          value: of,
          exemplars: fc.array(exemplar, { maxLength: 2 }),
        },
        { requiredKeys: ['attributes', 'value'] },
      ),
      { minLength: 1, maxLength: 3 },
    ),
  )
/** Without times of their own. */
export const numberPoints = fc.array(
  fc.record(
    { attributes, value: intValue, exemplars: fc.array(exemplar, { maxLength: 1 }) },
    { requiredKeys: ['attributes', 'value'] },
  ),
  { maxLength: 10 },
)
/** Of points that have none; where there are no others, the points may be those of an earlier metric. */
const times = { startTimeUnixNano: nano, timeUnixNano: nano }
const numberKeys = ['name', 'unit', 'description', 'resource', 'type', 'valueType', 'points'] as const
const histogramPoints = fc.array(
  fc
    .tuple(
      fc.array(fc.double({ noNaN: true }), { maxLength: 5 }),
      fc.record(
        {
          attributes,
          startTimeUnixNano: nano,
          timeUnixNano: nano,
          count: fc.nat(),
          sum: fc.double({ noNaN: true }),
          exemplars: fc.array(exemplar, { maxLength: 2 }),
        },
        { requiredKeys: ['attributes', 'startTimeUnixNano', 'timeUnixNano', 'count', 'sum'] },
      ),
      fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
    )
    .map(([bounds, point, counts]) => ({ ...point, bounds, bucketCounts: counts.slice(0, bounds.length + 1) })),
  { minLength: 1, maxLength: 2 },
)
export const metrics: fc.Arbitrary<Metric[]> = fc.array(
  fc.oneof(
    fc.record(
      {
        ...head,
        ...times,
        type: fc.constant('gauge' as const),
        valueType: fc.constant('int' as const),
        points: pointsOf(intValue),
      },
      { requiredKeys: [...numberKeys] },
    ),
    fc.record(
      {
        ...head,
        ...times,
        type: fc.constant('gauge' as const),
        valueType: fc.constant('double' as const),
        points: pointsOf(fc.double({ noNaN: true })),
      },
      { requiredKeys: [...numberKeys] },
    ),
    fc.record(
      {
        ...head,
        ...times,
        type: fc.constant('sum' as const),
        valueType: fc.constant('int' as const),
        monotonic: fc.boolean(),
        points: pointsOf(intValue),
      },
      { requiredKeys: [...numberKeys, 'monotonic'] },
    ),
    fc.record({ ...head, type: fc.constant('histogram' as const), points: histogramPoints }),
  ),
  { maxLength: 4 },
)

export const spans: fc.Arbitrary<Span[]> = fc.array(
  fc.record(
    {
      traceId,
      spanId,
      parentSpanId: spanId,
      name: text,
      kind: fc.constantFrom(
        'internal' as const,
        'server' as const,
        'client' as const,
        'producer' as const,
        'consumer' as const,
      ),
      startTimeUnixNano: nano,
      endTimeUnixNano: nano,
      attributes,
      events: fc.array(fc.record({ timeUnixNano: nano, name: text, attributes }), { maxLength: 2 }),
      links: fc.array(fc.record({ traceId, spanId, attributes }), { maxLength: 2 }),
      status: fc.record(
        { code: fc.constantFrom('unset' as const, 'ok' as const, 'error' as const), message: text },
        { requiredKeys: ['code'] },
      ),
      resource,
    },
    {
      requiredKeys: [
        'traceId',
        'spanId',
        'name',
        'kind',
        'startTimeUnixNano',
        'endTimeUnixNano',
        'attributes',
        'events',
        'links',
        'status',
        'resource',
      ],
    },
  ),
  { maxLength: 4 },
)
