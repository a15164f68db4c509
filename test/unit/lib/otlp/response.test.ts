import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readPartialSuccess, readRetryDelayMs } from '../../../../src/lib/otlp/response.js'
import { encodeMessage } from '../../../support/otlp-sink/decode.js'

describe('partial success', () => {
  const cases: readonly [string, object, object | undefined][] = [
    ['an empty answer', {}, undefined],
    ['an empty partial success', { partial_success: {} }, undefined],
    ['rejected items', { partial_success: { rejected: 7 } }, { rejected: 7, message: '' }],
    ['a warning only', { partial_success: { error_message: 'old' } }, { rejected: 0, message: 'old' }],
    ['a negative count', { partial_success: { rejected: -3, error_message: 'x' } }, { rejected: 0, message: 'x' }],
    [
      'a page of text',
      { partial_success: { rejected: 1, error_message: 'x'.repeat(9999) } },
      { rejected: 1, message: 'x'.repeat(512) },
    ],
  ]
  for (const [name, answer, wanted] of cases)
    test(name, () => expect(readPartialSuccess(encodeMessage('ExportResponse', answer))).toEqual(wanted))
})

describe('retry info', () => {
  const cases: readonly [string, object | undefined, number | undefined][] = [
    ['seconds', { seconds: 7 }, 7000],
    ['fractions are rounded up', { seconds: 1, nanos: 500_001 }, 1001],
    ['a negative wait is none', { seconds: -5 }, 0],
    ['an absurd wait is cut to ten minutes', { seconds: 86_400 }, 600_000],
    ['no delay', undefined, 0],
  ]
  for (const [name, retry_delay, wanted] of cases)
    test(name, () => {
      const value = encodeMessage('RetryInfo', retry_delay === undefined ? {} : { retry_delay })
      const details = [{ type_url: 'type.googleapis.com/google.rpc.RetryInfo', value }]
      expect(readRetryDelayMs(encodeMessage('RpcStatus', { code: 8, details }))).toBe(wanted)
    })

  test('another detail is not retry info', () => {
    const details = [{ type_url: 'type.googleapis.com/google.rpc.QuotaFailure', value: new Uint8Array([10, 0]) }]
    expect(readRetryDelayMs(encodeMessage('RpcStatus', { code: 8, details }))).toBeUndefined()
  })
})

test('whatever bytes a server answers with, reading them ends without a throw', () => {
  const random = fc.uint8Array({ maxLength: 200 })
  // Random bytes rarely get past the first tag; damaged real answers do.
  const real = encodeMessage('RpcStatus', {
    code: 8,
    details: [
      {
        type_url: 'type.googleapis.com/google.rpc.RetryInfo',
        value: encodeMessage('RetryInfo', { retry_delay: { seconds: 7 } }),
      },
    ],
  })
  const damaged = fc
    .tuple(fc.nat({ max: real.length - 1 }), fc.nat({ max: 255 }), fc.nat({ max: real.length }))
    .map(([at, byte, length]) => {
      const copy = Uint8Array.from(real)
      copy[at] = byte
      return copy.subarray(0, length)
    })
  fc.assert(
    fc.property(fc.oneof(random, damaged), (bytes) => {
      readPartialSuccess(bytes)
      const ms = readRetryDelayMs(bytes)
      expect(ms === undefined || (ms >= 0 && ms <= 600_000)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})
