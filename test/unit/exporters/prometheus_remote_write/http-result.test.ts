import { describe, expect, test } from 'vitest'
import { resultOf } from '../../../../src/exporters/prometheus_remote_write/http-result.js'
import type { WriteResult } from '../../../../src/exporters/prometheus_remote_write/write-in-order.js'

// Remote write 1.0, "Retries & Backoff".

const nowMs = Date.parse('2026-01-01T00:00:00Z')
const final = { kind: 'permanent', anyRequest: false, outOfOrder: false } as const

describe('what an answer means', () => {
  const cases: readonly [what: string, status: number, text: string, retryAfter: string | undefined, WriteResult][] = [
    ['taken', 204, '', undefined, { kind: 'delivered' }],
    ['taken, with a text', 200, 'ok', undefined, { kind: 'delivered' }],
    [
      'a sample that is not newer: this one is lost',
      400,
      'out of order sample\n',
      undefined,
      { ...final, reason: 'HTTP 400: out of order sample', outOfOrder: true },
    ],
    [
      'another value at a known time',
      400,
      'duplicate sample for timestamp',
      undefined,
      { ...final, reason: 'HTTP 400: duplicate sample for timestamp', outOfOrder: true },
    ],
    [
      'a sample that is too old for the server',
      400,
      'out of bounds',
      undefined,
      { ...final, reason: 'HTTP 400: out of bounds', outOfOrder: 'too_old' },
    ],
    ['what is no request at all', 400, 'snappy: corrupt', undefined, { ...final, reason: 'HTTP 400: snappy: corrupt' }],
    ['too large', 413, '', undefined, { ...final, reason: 'HTTP 413' }],
    ['a token that has expired', 401, '', undefined, { ...final, reason: 'HTTP 401', anyRequest: true }],
    [
      'a wrong path',
      404,
      '404 page not found',
      undefined,
      { ...final, reason: 'HTTP 404: 404 page not found', anyRequest: true },
    ],
    [
      'a redirect',
      302,
      '',
      undefined,
      { ...final, reason: 'HTTP 302 (a redirect; name the final URL in endpoint)', anyRequest: true },
    ],
    ['too much', 429, '', '7', { kind: 'retryable', reason: 'HTTP 429', afterMs: 7000, maybeTaken: false }],
    ['an error', 500, '', undefined, { kind: 'retryable', reason: 'HTTP 500', maybeTaken: true }],
    ['away', 503, '', ' 0 ', { kind: 'retryable', reason: 'HTTP 503', afterMs: 0, maybeTaken: true }],
    [
      'away until a date',
      503,
      '',
      'Thu, 01 Jan 2026 00:00:30 GMT',
      { kind: 'retryable', reason: 'HTTP 503', afterMs: 30_000, maybeTaken: true },
    ],
    [
      'away until a date that has passed',
      503,
      '',
      'Wed, 31 Dec 2025 00:00:00 GMT',
      { kind: 'retryable', reason: 'HTTP 503', afterMs: 0, maybeTaken: true },
    ],
    [
      'away for a year: ten minutes are enough',
      503,
      '',
      '31536000',
      { kind: 'retryable', reason: 'HTTP 503', afterMs: 600_000, maybeTaken: true },
    ],
    ['away, in no language', 503, '', 'soon', { kind: 'retryable', reason: 'HTTP 503', maybeTaken: true }],
  ]
  test.each(cases)('%s: %d', (_, status, text, retryAfter, expected) => {
    expect(resultOf({ status, text, retryAfter }, nowMs, [])).toEqual(expected)
  })
})

test('what a server says is told on one line, short, and without our secrets', () => {
  const text = `<html>\r\n\u001b[31mBearer abc123\u0000 is not known</html>${'x'.repeat(5000)}`
  const { reason } = resultOf({ status: 400, text, retryAfter: undefined }, nowMs, ['Bearer abc123', '']) as {
    reason: string
  }
  expect(reason).toContain('<html> [31m[REDACTED] is not known</html>')
  expect(reason.length).toBeLessThan(220)
})
