import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { signals } from '../../../../src/data/batch.js'
import { OtlpDecoder } from '../../../../src/lib/otlp/decode.js'
import { OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import { otlpJsonLines } from '../../../../src/lib/otlp/json.js'
import { jsonToProtobuf } from '../../../../src/lib/otlp/json-request.js'
import { decodeWhole, encodeRequest } from '../../../support/otlp-sink/decode.js'
import { anyRequest } from './any-request.js'

const decoder = new OtlpDecoder()
const scope = { name: 'unitscope', version: '1' }
const encoder = new OtlpEncoder(scope)

test.each(signals)('%s written as JSON and read again are the same records', (signal) => {
  fc.assert(
    fc.property(anyRequest[signal], (request) => {
      const first = decoder.decode(signal, encodeRequest(signal, request))
      if (!('batch' in first)) throw new Error(first.reason)
      const [line] = otlpJsonLines(first.batch, scope)
      const protobuf = jsonToProtobuf(signal, line!)
      if ('reason' in protobuf) throw new Error(protobuf.reason)
      const again = decoder.decode(signal, protobuf)
      if (!('batch' in again)) throw new Error(again.reason)
      const said = (batch: typeof first.batch) => decodeWhole(signal, Buffer.concat(encoder.encode(batch)[0]!.chunks))
      expect(said(again.batch)).toEqual(said(first.batch))
    }),
    { numRuns: 100 },
  )
})

describe('JSON as people write it', () => {
  const log = (record: string): string => `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${record}]}]}]}`
  const read = (json: string) => {
    const protobuf = jsonToProtobuf('logs', json)
    if ('reason' in protobuf) return protobuf
    const decoded = decoder.decode('logs', protobuf)
    return 'batch' in decoded ? decoded.batch.events[0] : decoded
  }

  test('a time of 19 digits without quotes is exact', () => {
    expect(read(log('{"timeUnixNano":1795176271000000123}'))).toMatchObject({
      timeUnixNano: 1_795_176_271_000_000_123n,
    })
    expect(read(log('{"body":{"intValue":-9223372036854775808}}'))).toMatchObject({ body: '"-9223372036854775808"' })
  })

  test('names as in the .proto, unknown ones and null are no trouble', () => {
    expect(read(log('{"time_unix_nano":"5","later":{"a":[1]},"body":null,"trace_id":""}'))).toMatchObject({
      timeUnixNano: 5n,
    })
  })

  for (const [json, reason] of [
    ['{', /JSON/],
    ['[]', /no object/],
    ['{"resourceLogs":{}}', /resourceLogs is no list/],
    [log('{"timeUnixNano":1.5}'), /timeUnixNano is no integer/],
    [log('{"timeUnixNano":1e30}'), /timeUnixNano is no integer/],
    [log('{"timeUnixNano":"-1"}'), /timeUnixNano is out of range/],
    [log('{"timeUnixNano":"18446744073709551616"}'), /out of range/],
    [log('{"body":"text"}'), /body is no object/],
    [log('{"traceId":"xyz"}'), /traceId is not in hex/],
    [log('{"spanId":"1"}'), /spanId is not in hex, two digits a byte/],
    [log('{"body":{"bytesValue":"%"}}'), /bytesValue is not in base64/],
    [log('{"body":{"doubleValue":"1x"}}'), /doubleValue is no number/],
    [log('{"severityNumber":"SEVERITY_NUMBER_INFO"}'), /severityNumber is no integer/],
  ] as const)
    test(`${json} is refused: ${reason}`, () => {
      expect(read(json)).toMatchObject({ reason: expect.stringMatching(reason) })
    })

  test('any text is JSON or is not, and nothing worse', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const result = jsonToProtobuf('traces', text)
        expect('reason' in result || result instanceof Uint8Array).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})
