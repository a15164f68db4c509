import { expect, test } from 'vitest'
import { batchOf, countItems } from '../../../../src/data/batch.js'
import { byMetadata } from '../../../../src/lib/otlp/by-metadata.js'
import { joinRequests, OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import { storedRequests } from '../../../../src/lib/otlp/stored.js'
import { sampleBatch, sampleEvent, sampleSpan } from '../../../../src/testkit/sample.js'

const resourceOf = (tenant?: string) => ({
  key: `of ${tenant}`,
  attributes: {},
  origin: {
    ...{ scope: '', resource: '', resourceRecords: '', scopeRecords: '' },
    ...(tenant === undefined ? {} : { metadata: { 'x-scope-orgid': tenant } }),
  },
})

test('records of each tenant go together, each once; what is nobody’s stays as it is', () => {
  const own = sampleBatch(9)
  expect(byMetadata(own)).toEqual([{ metadata: undefined, batch: own }])
  expect(byMetadata(own)[0]!.batch).toBe(own)
  const spans = ['a', 'b', undefined, 'a'].map((tenant) =>
    sampleSpan({ resource: resourceOf(tenant), name: String(tenant) }),
  )
  const events = [sampleEvent({ resource: resourceOf('b') }), sampleEvent()]
  const parts = byMetadata(batchOf({ spans, events }))
  expect(
    parts.map(({ metadata, batch }) => [
      metadata?.['x-scope-orgid'],
      batch.spans.map(({ name }) => name),
      batch.events.length,
    ]),
  ).toEqual([
    ['b', ['b'], 1],
    [undefined, ['undefined'], 1],
    ['a', ['a', 'a'], 0],
  ])
  expect(parts.reduce((sum, { batch }) => sum + countItems(batch), 0)).toBe(6)
})

test('a tenant’s request comes back from a disk as that tenant’s', () => {
  const metadata = { 'x-scope-orgid': 'blue', 'x-team': 'a “b”' }
  const [request] = new OtlpEncoder({ name: 'unitscope', version: '1' }).encode(batchOf({ spans: [sampleSpan()] }))
  const whole = joinRequests([
    { ...request!, metadata },
    { ...request!, metadata },
  ])
  const { kind, items, chunks, byteLength } = storedRequests.entryOf(whole)
  const body = Buffer.concat(chunks)
  expect([kind, body.length]).toEqual([19, byteLength])
  const back = storedRequests.parcelOf({ kind, items, body })
  expect(back).toMatchObject({ metadata, items: 2, signal: 'traces' })
  expect(Buffer.concat(back!.chunks).equals(Buffer.concat(whole.chunks))).toBe(true)
  for (let length = 0; length < 10; length++)
    expect(storedRequests.parcelOf({ kind, items, body: body.subarray(0, length) })).toBeUndefined()
  expect(storedRequests.parcelOf({ kind: 16, items: 1, body })).toBeUndefined()
})
