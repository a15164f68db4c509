import { expect, test } from 'vitest'
import { OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import { JsonEncoder } from '../../../../src/lib/otlp/encode-json.js'
import { storedRequests } from '../../../../src/lib/otlp/stored.js'
import { sampleBatch } from '../../../../src/testkit/sample.js'

test('a request comes back from a disk as what it was, in either encoding; numbers on disks stay', () => {
  const scope = { name: 'unitscope', version: '9.9.9' }
  const batch = sampleBatch(9)
  const requests = [...new OtlpEncoder(scope).encode(batch), ...new JsonEncoder(scope).encode(batch)]
  const entries = requests.map(storedRequests.entryOf)
  expect(entries.map(({ kind }) => kind)).toEqual([1, 2, 3, 4, 5, 6])
  for (const [index, { kind, items, chunks }] of entries.entries()) {
    const body = Buffer.concat(chunks)
    expect(storedRequests.parcelOf({ kind, items, body })).toEqual({ ...requests[index]!, chunks: [body] })
  }
  expect(storedRequests.parcelOf({ kind: 7, items: 1, body: Buffer.alloc(1) })).toBeUndefined()
})
