import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Batch, emptyBatch as nothing } from '../../../../src/data/batch.js'
import { OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import { otlpJsonLines } from '../../../../src/lib/otlp/json.js'
import { sampleEvent } from '../../../../src/testkit/sample.js'
import { decodeRequest } from '../../../support/otlp-sink/decode.js'
import { smallMachine, spanId, traceId, unitOf } from '../../exporters/prometheus/fixture.js'

const scope = { name: 'unitscope', version: '9.9.9' }

test('OTLP/JSON says the same as the protobuf form, field by field', () => {
  const t0 = 1_795_176_271_000_000_001n
  const batch: Batch = {
    ...smallMachine(t0),
    spans: [
      {
        traceId,
        spanId,
        parentSpanId: spanId,
        name: 'run',
        kind: 'internal',
        startTimeUnixNano: t0,
        endTimeUnixNano: t0 + 1n,
        attributes: { s: 'text', b: true, i: -5, big: 2n ** 62n, d: 1.5, a: ['x', 'y'] },
        events: [{ timeUnixNano: t0, name: 'ready', attributes: { k: 'v' } }],
        links: [{ traceId, spanId, attributes: {} }],
        status: { code: 'error', message: 'exit-code' },
        resource: unitOf('a.service'),
      },
    ],
  }
  const binary = new OtlpEncoder(scope)
    .encode(batch)
    .map(({ signal, chunks }) => camel(decodeRequest(signal, Buffer.concat(chunks))))
  const json = otlpJsonLines(batch, scope).map((line) => camel(JSON.parse(line)))
  expect(json).toHaveLength(3)
  expect(json).toEqual(binary)
})

test('numbers JSON does not have are strings', () => {
  const point = (value: number) => ({ attributes: {}, timeUnixNano: 1n, value })
  const [line] = otlpJsonLines(
    {
      events: [],
      spans: [],
      metrics: [
        {
          type: 'gauge',
          valueType: 'double',
          name: 'm',
          unit: '1',
          description: '',
          resource: unitOf('a.service'),
          points: [point(Number.NaN), point(Number.POSITIVE_INFINITY), point(Number.NEGATIVE_INFINITY)],
        },
      ],
    },
    scope,
  )
  const points = JSON.parse(line!).resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints
  expect(points.map((p: { asDouble: unknown }) => p.asDouble)).toEqual(['NaN', 'Infinity', '-Infinity'])
})

/** camelCase keys; defaults and empty lists, which either form may leave out, removed. */
function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const empty = inner === '' || inner === 0 || inner === false || (Array.isArray(inner) && inner.length === 0)
    return empty ? [] : [[key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), camel(inner)]]
  })
  return Object.fromEntries(entries)
}

test('whatever text there is, a request is one line and says it again', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  const value = fc.oneof(text, fc.boolean(), fc.double(), fc.maxSafeInteger(), fc.array(text, { maxLength: 3 }))
  const attributes = fc.dictionary(text, value, { maxKeys: 4, noNullPrototype: true })
  fc.assert(
    fc.property(text, text, attributes, attributes, fc.boolean(), (name, body, own, shared, frozen) => {
      const resource = { key: 'r', attributes: frozen ? Object.freeze(shared) : shared }
      const event = sampleEvent({ name, body, attributes: own, resource: frozen ? Object.freeze(resource) : resource })
      const [line, ...more] = otlpJsonLines({ ...nothing, events: [event, event] }, scope)
      expect(more).toEqual([])
      expect(line).not.toContain('\n')
      const [group] = JSON.parse(line!).resourceLogs
      expect(keysOf(group.resource.attributes)).toEqual(Object.keys(shared))
      const [first, second] = group.scopeLogs[0].logRecords
      expect(first).toMatchObject({ body: { stringValue: body } })
      expect(first.eventName).toBe(name === '' ? undefined : name)
      expect(keysOf(first.attributes)).toEqual(Object.keys(own))
      for (const { key, value: said } of first.attributes)
        if (typeof own[key] === 'string') expect(said).toEqual({ stringValue: own[key] })
      expect(second).toEqual(first)
    }),
  )
})

function keysOf(attributes: readonly { readonly key: string }[]): readonly string[] {
  return attributes.map(({ key }) => key)
}
