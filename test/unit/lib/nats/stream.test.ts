import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream'
import { describe, expect, test } from 'vitest'
import { schema } from '../../../../src/exporters/nats/config.js'
import { ensureStream, signalIn, subjectOf } from '../../../../src/lib/nats/stream.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'

test('a host name becomes one token of a subject, whatever is in it', () => {
  const hosts = ['web-1', 'web.example.com', 'a b*>', 'ünï', '']
  const subjects = hosts.map((host) => subjectOf('unitscope', 'logs', host))
  expect(subjects).toEqual([
    'unitscope.logs.web-1',
    'unitscope.logs.web-example-com',
    'unitscope.logs.a-b-',
    'unitscope.logs.-n-',
    'unitscope.logs.unknown',
  ])
  for (const subject of subjects) expect(signalIn('unitscope', subject)).toBe('logs')
  expect(signalIn('unitscope', 'other.logs.web-1')).toBeUndefined()
})

describe('a stream takes our subjects when one of its own covers them', () => {
  const cases: readonly [subjects: readonly string[], takes: boolean][] = [
    [['unitscope.>'], true],
    [['>'], true],
    [['*.>'], true],
    [['orders.>', 'unitscope.>'], true],
    [['unitscope.*'], false],
    [['unitscope.logs.>'], false],
    [['unitscope'], false],
    [['other.>'], false],
    [[], false],
  ]
  test.each(cases)('%j: %s', async (subjects, takes) => {
    // Only what a stream answers about itself matters here.
    const info = async () => ({ config: { subjects } as unknown as StreamConfig })
    const manager = { streams: { info } } as unknown as JetStreamManager
    const ensured = ensureStream(manager, createTestConfig(schema))
    if (takes) await ensured
    else await expect(ensured).rejects.toThrow('does not take unitscope.>')
  })
})
