import { expect, test } from 'vitest'
import { batchOf, signals } from '../../../src/data/batch.js'
import { OtlpEncoder } from '../../../src/lib/otlp/encode.js'
import { otlpJsonLines } from '../../../src/lib/otlp/json.js'
import { agentScope } from '../../../src/lib/otlp/scope.js'
import { sampleBatch, sampleEvent } from '../../../src/testkit/sample.js'
import { completeLine, completeRecords, sortedRecords } from '../../support/otlp-sink/complete.js'
import { expectedRecords } from '../../support/otlp-sink/expected.js'

// The comparison that the end-to-end tests of OTLP rest on must itself be able to fail.

const encoder = new OtlpEncoder(agentScope())
const batch = sampleBatch()

test('a sample batch is equal in protobuf, in JSON and in the data model', () => {
  const requests = encoder.encode(batch)
  expect(requests.map((request) => request.signal)).toEqual(signals)
  for (const { signal, chunks } of requests) {
    const expected = sortedRecords(expectedRecords(signal, batch))
    expect(expected.length).toBeGreaterThan(0)
    expect(sortedRecords(completeRecords(signal, Buffer.concat(chunks)))).toEqual(expected)
  }
  for (const line of otlpJsonLines(batch, agentScope())) {
    const { signal, records } = completeLine(line)
    expect(sortedRecords(records)).toEqual(sortedRecords(expectedRecords(signal, batch)))
  }
})

test('a field the definitions do not have is an error, not overlooked', () => {
  const [logs] = encoder.encode(batchOf({ events: [sampleEvent({ name: 'x' })] }))
  const unknownField = Buffer.from([0xfa, 0x01, 0x02, 0x68, 0x69]) // field 31, two bytes
  expect(() => completeRecords('logs', Buffer.concat([...logs!.chunks, unknownField]))).toThrow(
    'logs has 1 unknown field',
  )
  const nested = Buffer.from([0x0a, 0x05, ...unknownField]) // in a ResourceLogs
  expect(() => completeRecords('logs', nested)).toThrow('logs.resource_logs.0 has 1 unknown field')
})

test('an integer that arrives as a double is a difference', () => {
  const sent = batchOf({ events: [sampleEvent({ name: 'x', attributes: { n: 3 } })] })
  const [one] = completeRecords('logs', Buffer.concat(encoder.encode(sent)[0]!.chunks))
  expect(one!.record.attributes).toEqual({ n: 3n })
  expect(one!.record.attributes).not.toEqual({ n: 3 })
})
