import { describe, expect, test } from 'vitest'
import { sendResultOf } from '../../../../src/exporters/otlp/grpc-status.js'
import type { GrpcStatus } from '../../../../src/lib/grpc/status.js'

describe('what is done after a status', () => {
  const cases: readonly [GrpcStatus, object][] = [
    [
      { name: 'UNAVAILABLE', details: 'later' },
      { kind: 'retryable', reason: 'UNAVAILABLE: later' },
    ],
    [
      { name: 'INTERNAL', details: 'no' },
      { kind: 'permanent', reason: 'INTERNAL: no', anyRequest: false },
    ],
    [
      { name: 'INTERNAL', details: 'cut', cut: true },
      { kind: 'retryable', reason: 'INTERNAL: cut' },
    ],
    [
      { name: 'UNAUTHENTICATED', details: 'a\r\nb' },
      { kind: 'permanent', reason: 'UNAUTHENTICATED: a b', anyRequest: true },
    ],
    [
      { name: 'RESOURCE_EXHAUSTED', details: 'x', statusDetails: Buffer.from([255]) },
      { kind: 'permanent', reason: 'RESOURCE_EXHAUSTED: x', anyRequest: false },
    ],
  ]
  for (const [status, wanted] of cases)
    test(`${status.name}: ${status.details}${status.cut ? ', cut' : ''}`, () =>
      expect(sendResultOf(status, [])).toEqual(wanted))
})
