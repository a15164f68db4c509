import { describe, expect, test } from 'vitest'
import { ok, retryable } from '../../../../src/component/outcome.js'
import { type Batch, batchOf } from '../../../../src/data/batch.js'
import { Severity } from '../../../../src/data/event.js'
import { schema } from '../../../../src/processors/rate_limiter/config.js'
import { createRateLimiter } from '../../../../src/processors/rate_limiter/rate-limiter.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource, sampleSpan } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'

function rig(written: unknown) {
  const clock = new FakeClock()
  const settings = testSettings('processor', 'rate_limiter', { clock })
  const next = new MemoryExporter()
  const limiter = createRateLimiter(settings, createTestConfig(schema, written), next)
  return { clock, next, limiter, telemetry: settings.telemetry as RecordingTelemetry }
}

const lines = (unit: string, count: number): Batch =>
  batchOf({
    events: Array.from({ length: count }, () =>
      sampleEvent({ name: '', attributes: {}, resource: sampleResource(unit) }),
    ),
  })

describe('what is dropped', () => {
  test('a burst passes, then so much per second of each source, and the rest is counted', async () => {
    const { clock, limiter, next, telemetry } = rig({ rate: 10, burst: 50 })
    await limiter.consume(lines('loud.service', 80))
    await limiter.consume(lines('other.service', 50))
    expect(next.items).toBe(100)
    await clock.advance(3000)
    await limiter.consume(lines('loud.service', 80))
    expect(next.items).toBe(130)
    await clock.advance(3_600_000)
    await limiter.consume(lines('loud.service', 80))
    expect(next.items).toBe(180)
    expect(Object.fromEntries(telemetry.drops)).toEqual({ rate_limit: 30 + 50 + 30 })
  })

  test('what stays below the limit goes on as it is', async () => {
    const { limiter, next } = rig({ rate: 1, burst: 50 })
    const batch = lines('a.service', 50)
    await limiter.consume(batch)
    expect(next.batches[0]).toBe(batch)
  })

  test('failures and findings are spared and do not count, unless told otherwise', async () => {
    const failures = batchOf({
      events: Array.from({ length: 20 }, () => sampleEvent({ severity: Severity.error })),
      spans: Array.from({ length: 20 }, () => sampleSpan({ status: { code: 'error' } })),
    })
    const spared = rig({ rate: 1, burst: 5 })
    await spared.limiter.consume(failures)
    await spared.limiter.consume(lines('demo.service', 5))
    expect(spared.next.items).toBe(45)
    const none = rig({ rate: 1, burst: 5, spare: [] })
    await none.limiter.consume(failures)
    expect(none.next.items).toBe(5)
  })

  test('metrics count where they are named, whole ones: half a histogram is none', async () => {
    const batch = () => batchOf({ metrics: [sampleGauge([1, 2, 3]), sampleGauge([1, 2, 3])] })
    const untouched = rig({ rate: 1, burst: 1 })
    await untouched.limiter.consume(batch())
    expect(untouched.next.items).toBe(6)
    const { clock, limiter, next, telemetry } = rig({ rate: 1, burst: 4, kinds: ['metric'] })
    await limiter.consume(batch())
    expect([next.items, telemetry.drops.get('rate_limit')]).toEqual([3, 3])
    // One that is larger than the whole bucket passes when that is full, on credit.
    await clock.advance(60_000)
    const large = batchOf({ metrics: [sampleGauge([1, 2, 3, 4, 5, 6, 7, 8])] })
    await limiter.consume(large)
    expect(next.items).toBe(11)
    await clock.advance(4000)
    await limiter.consume(batchOf({ metrics: [sampleGauge([1])] }))
    expect(next.items).toBe(11)
  })

  test('sources are told apart by the first attribute named that there is, of the record or its resource', async () => {
    const { limiter, next } = rig({ rate: 1, burst: 1, source: ['tenant', 'service.name'] })
    const from = (attributes: Record<string, string | number>, service: string) =>
      limiter.consume(
        batchOf({
          events: [sampleEvent({ attributes, resource: { key: service, attributes: { 'service.name': service } } })],
        }),
      )
    await from({ tenant: 'a' }, 'web')
    await from({ tenant: 'a' }, 'shop')
    await from({ tenant: 7 }, 'web')
    await from({}, 'web')
    expect(next.items).toBe(3)
  })

  test('what is dropped of a batch that is refused further on is counted once', async () => {
    const { limiter, next, telemetry } = rig({ rate: 1, burst: 3 })
    next.respond = (_, call) => (call < 2 ? retryable('queue full') : ok)
    const batch = lines('a.service', 10)
    expect((await limiter.consume(batch)).kind).toBe('retryable')
    expect((await limiter.consume(batch)).kind).toBe('retryable')
    expect(telemetry.drops.size).toBe(0)
    expect((await limiter.consume(batch)).kind).toBe('ok')
    expect([next.items, telemetry.drops.get('rate_limit')]).toEqual([3, 7])
  })
})

describe('what is refused', () => {
  test('a source that owes waits for as long as it owes; nothing is lost', async () => {
    const { clock, limiter, next, telemetry } = rig({ rate: 10, burst: 50, over_limit: 'refuse' })
    // Larger than the burst: it passes on credit, or it would never pass.
    expect(await limiter.consume(lines('loud.service', 80))).toEqual(ok)
    expect(await limiter.consume(lines('loud.service', 10))).toEqual(retryable('rate limit', 3000))
    expect(await limiter.consume(lines('other.service', 50))).toEqual(ok)
    await clock.advance(2999)
    expect((await limiter.consume(lines('loud.service', 10))).kind).toBe('retryable')
    await clock.advance(1)
    expect(await limiter.consume(lines('loud.service', 10))).toEqual(ok)
    expect(next.items).toBe(140)
    expect(telemetry.drops.size).toBe(0)
    expect(telemetry.counters.get('refused_items')).toBe(20)
  })

  test('a batch that was let in and is refused further on is not charged again', async () => {
    const { limiter, next } = rig({ rate: 1, burst: 10, over_limit: 'refuse' })
    next.respond = (_, call) => (call < 5 ? retryable('queue full') : ok)
    const batch = lines('a.service', 10)
    for (let offer = 0; offer < 5; offer++) expect(await limiter.consume(batch)).toEqual(retryable('queue full'))
    expect(await limiter.consume(batch)).toEqual(ok)
    expect((await limiter.consume(lines('a.service', 1))).kind).toBe('ok')
    expect((await limiter.consume(lines('a.service', 1))).kind).toBe('retryable')
  })
})

test('a host of ever new names takes no more memory than max_sources', async () => {
  const { limiter, telemetry } = rig({ max_sources: 10 })
  for (let at = 0; at < 25; at++) await limiter.consume(lines(`${at}.service`, 1))
  expect(telemetry.gauges.get('sources')!()).toBe(10)
  expect(telemetry.counters.get('sources_evicted')).toBe(15)
})
