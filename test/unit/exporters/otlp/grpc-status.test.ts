import { describe, expect, test } from 'vitest'
import { sendResultOf } from '../../../../src/exporters/otlp/grpc-status.js'
import { tellable } from '../../../../src/exporters/otlp/tellable.js'
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

test('of two secrets that begin alike, nothing of the longer one is told, in whatever order they are configured', () => {
  const secrets = ['tenant-1', 'tenant-1-key-9876']
  for (const known of [secrets, secrets.toReversed()])
    expect(tellable('no tenant-1-key-9876 for tenant-1', known)).toBe('no [REDACTED] for [REDACTED]')
})
