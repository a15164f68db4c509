import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Batch, batchOf, concatBatches } from '../../../../src/data/batch.js'
import { bodyOf, joinRequests, OtlpEncoder, type RequestEncoder } from '../../../../src/lib/otlp/encode.js'
import { JsonEncoder } from '../../../../src/lib/otlp/encode-json.js'
import { sampleBatch, sampleEvent } from '../../../../src/testkit/sample.js'
import { events, metrics, spans } from '../../../support/otlp-sink/arbitrary.js'
import { completeLine, completeRecords } from '../../../support/otlp-sink/complete.js'

const scope = { name: 'unitscope', version: '9.9.9' }
const proto = new OtlpEncoder(scope)
const json = new JsonEncoder(scope)

/** Each batch encoded by itself, those of one signal joined, as a server gets them. */
function requests(encoder: RequestEncoder, batches: readonly Batch[]) {
  const encoded = batches.flatMap((batch) => encoder.encode(batch))
  return (['logs', 'metrics', 'traces'] as const).flatMap((signal) => {
    const own = encoded.filter((request) => request.signal === signal)
    if (own.length === 0) return []
    const request = joinRequests(own)
    return [{ signal, items: request.items, byteLength: request.byteLength, body: Buffer.concat(bodyOf(request)) }]
  })
}

/** JSON has no sign of zero. */
function unsigned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unsigned)
  if (typeof value === 'number') return value + 0
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unsigned(inner)]))
}

test('JSON and protobuf say the same in every field, and joined as well; another implementation reads both', () => {
  const batch = fc.record({ events, metrics, spans }).map(batchOf)
  fc.assert(
    fc.property(fc.array(batch, { minLength: 1, maxLength: 3 }), (batches) => {
      const binary = requests(proto, batches)
      const text = requests(json, batches)
      expect(text.map(({ signal, items }) => [signal, items])).toEqual(
        binary.map(({ signal, items }) => [signal, items]),
      )
      for (const [index, { signal, body }] of binary.entries()) {
        const line = completeLine(text[index]!.body.toString('utf8'))
        expect(line.signal).toBe(signal)
        expect(unsigned(line.records)).toEqual(unsigned(completeRecords(signal, body)))
      }
    }),
  )
})

test('a queue counts the bytes that wait, but for the few around all of them', () => {
  for (const { byteLength, body } of requests(json, [sampleBatch(9), sampleBatch(9)]))
    expect(body.length - byteLength).toBeLessThanOrEqual(22)
})

test('half of a surrogate pair is U+FFFD in both; what only looks like one stays', () => {
  const batch = batchOf({ events: [sampleEvent({ body: 'a\ud800b \\ud800 \\\\ud800 \ud83d\ude00' })] })
  const [{ body } = { body: Buffer.alloc(0) }] = requests(json, [batch])
  const [{ body: binary } = { body: Buffer.alloc(0) }] = requests(proto, [batch])
  const read = completeLine(body.toString('utf8')).records[0]!.record.body
  expect(read).toEqual({ string_value: 'a\ufffdb \\ud800 \\\\ud800 \u{1f600}' })
  expect(read).toEqual(completeRecords('logs', binary)[0]!.record.body)
})

test('ids are hex, 64-bit integers text, enums numbers: as OTLP/JSON has them, not as protobuf’s own JSON', () => {
  const [{ body } = { body: Buffer.alloc(0) }] = requests(json, [
    batchOf({ spans: concatBatches([sampleBatch(3)]).spans }),
  ])
  const span = JSON.parse(body.toString('utf8')).resourceSpans[0].scopeSpans[0].spans[0]
  expect(span).toMatchObject({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    kind: 1,
    startTimeUnixNano: '1700000000000000000',
    attributes: [
      { key: 'index', value: { intValue: '0' } },
      { key: 'tag', value: { stringValue: 'a' } },
    ],
  })
})
