import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { batchOf, countItems, isEmpty } from '../../../../src/data/batch.js'
import { check, schema } from '../../../../src/exporters/nats/config.js'
import { halvesOf } from '../../../../src/exporters/nats/halves.js'
import { resultOfError, unlessAborted } from '../../../../src/exporters/nats/publish-result.js'
import type { SendResult } from '../../../../src/lib/delivery/sender.js'
import { serversText } from '../../../../src/lib/nats/link.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { sampleBatch } from '../../../../src/testkit/sample.js'
import { gauge, host } from '../prometheus/fixture.js'

// The server itself is in test/e2e/nats.test.ts.

describe('a configuration that cannot work gets a complaint', () => {
  const credentials = (part: object) => ({ credentials: part })
  const cases: readonly [
    what: string,
    written: Record<string, unknown>,
    path: readonly (string | number)[],
    reason: string,
  ][] = [
    ['a port that is none', { servers: ['nats://host:port'] }, ['servers', 0], 'is not nats://'],
    ['a certificate without key', { tls: { cert_file: '/c.pem' } }, ['tls'], 'go together'],
    ['a user without password', credentials({ user: 'me' }), ['credentials'], 'go together'],
    ['two ways to log in', credentials({ token_file: '/t', nkey_file: '/n' }), ['credentials'], 'only one'],
    [
      'a window of nothing',
      { create_stream: { duplicate_window: '1ms' } },
      ['create_stream', 'duplicate_window'],
      'at least 1s',
    ],
    ['data that is gone first', { create_stream: { max_age: '1m' } }, ['create_stream', 'max_age'], 'duplicate_window'],
    ['tiny messages', { max_message_size: '1KiB' }, ['max_message_size'], 'from 16KiB'],
  ]
  test.each(cases)('%s', (_, written, path, reason) => {
    expect(check(createTestConfig(schema, written))).toMatchObject([{ path, reason: expect.stringContaining(reason) }])
  })

  test('the defaults get none', () => {
    expect(check(createTestConfig(schema))).toEqual([])
  })
})

describe('what a failed publishing means', () => {
  const cases: readonly [what: string, error: object, expected: Partial<SendResult>][] = [
    [
      'no answer',
      { name: 'TimeoutError', message: 'timeout' },
      { kind: 'retryable', reason: 'TimeoutError: timeout (nats://a:4222)' },
    ],
    ['nobody who keeps it', { name: 'NoRespondersError', message: 'no responders' }, { kind: 'retryable' }],
    [
      'a full stream',
      { name: 'JetStreamApiError', code: 10_077, message: 'maximum bytes exceeded' },
      { kind: 'retryable', reason: 'the stream is full; JetStreamApiError: maximum bytes exceeded (nats://a:4222)' },
    ],
    [
      'larger than the stream takes',
      { name: 'JetStreamApiError', code: 10_054, message: 'too large' },
      { kind: 'permanent' },
    ],
    [
      'larger than the server takes',
      { name: 'InvalidArgumentError', message: "'payload' max_payload" },
      { kind: 'permanent' },
    ],
  ]
  test.each(cases)('%s', (_, error, expected) => {
    expect(resultOfError(error, 'nats://a:4222')).toMatchObject(expected)
  })

  test('of many servers the first are named', () => {
    const named = (count: number) => serversText(Array.from({ length: count }, (_, n) => `nats://n${n}:4222`))
    expect(named(1)).toBe('nats://n0:4222')
    expect(named(3)).toBe('nats://n0:4222, nats://n1:4222, nats://n2:4222')
    expect(named(16)).toBe('nats://n0:4222, nats://n1:4222, nats://n2:4222 and 13 more')
  })
})

describe('a try that may be given up', () => {
  const down = { kind: 'retryable', reason: 'not connected' } as const

  test('leaves nothing on the signal, which is that of all tries of a message', async () => {
    const { signal } = new AbortController()
    for (let tries = 0; tries < 20; tries++) expect(await unlessAborted(Promise.resolve(down), signal)).toBe(down)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('ends when it is, before and after it began', async () => {
    const abort = new AbortController()
    const never = new Promise<SendResult>(() => {})
    const result = unlessAborted(never, abort.signal)
    abort.abort()
    expect(await result).toMatchObject({ kind: 'retryable', reason: 'given up' })
    expect(await unlessAborted(never, abort.signal)).toMatchObject({ reason: 'given up' })
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
  })
})

describe('a batch is halved until a record is left', () => {
  const count = (batch: Parameters<typeof countItems>[0]): number => {
    const halves = halvesOf(batch)
    if (halves === undefined) return countItems(batch)
    for (const half of halves) expect(countItems(half)).toBeLessThan(countItems(batch))
    return halves.reduce((sum, half) => sum + (isEmpty(half) ? 0 : count(half)), 0)
  }
  const points = Array.from({ length: 17 }, (_, index) => ({ attributes: { index }, timeUnixNano: 1n, value: index }))
  const cases = [
    ['all kinds', sampleBatch(101)],
    ['one metric of many points', batchOf({ metrics: [gauge('m', '', host, points)] })],
    ['one metric among others', batchOf({ metrics: [gauge('m', '', host, points), gauge('n', '', host, points)] })],
  ] as const
  test.each(cases)('%s', (_, batch) => {
    expect(count(batch)).toBe(countItems(batch))
  })
})
