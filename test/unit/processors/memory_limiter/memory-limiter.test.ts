import { describe, expect, test } from 'vitest'
import { ok, retryable } from '../../../../src/component/outcome.js'
import { batchOf } from '../../../../src/data/batch.js'
import { Severity } from '../../../../src/data/event.js'
import { schema } from '../../../../src/processors/memory_limiter/config.js'
import { factory } from '../../../../src/processors/memory_limiter/factory.js'
import { limitsOf } from '../../../../src/processors/memory_limiter/limits.js'
import { createMemoryLimiter } from '../../../../src/processors/memory_limiter/memory-limiter.js'
import { processMeter } from '../../../../src/processors/memory_limiter/meter.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleBatch, sampleEvent, sampleGauge, sampleSpan } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

const kMiB = 2 ** 20

/** limit 200 MiB, soft 160, resume below 150. */
async function rig() {
  const clock = new FakeClock()
  const meter = {
    usedMiB: 100,
    garbageMiB: 0,
    collections: 0,
    usedBytes: () => meter.usedMiB * kMiB,
    availableBytes: () => 1000 * kMiB,
    collectGarbage() {
      meter.collections++
      meter.usedMiB -= meter.garbageMiB
    },
  }
  const lines: string[] = []
  const log = (message: string): void => void lines.push(message)
  const logger = { debug: log, info: log, warn: log, error: log }
  const settings = testSettings('processor', 'memory_limiter', { clock, logger })
  const next = new MemoryExporter()
  const config = createTestConfig(schema, { limit: '200MiB', spike_limit: '40MiB', check_interval: '1s' })
  const limiter = createMemoryLimiter(settings, config, next, meter)
  const host = new TestHost()
  await limiter.start(host)
  return { clock, meter, next, limiter, host, lines, telemetry: settings.telemetry as RecordingTelemetry }
}

describe('refusing', () => {
  test('begins at the soft limit, ends below the resume line, and not in between', async () => {
    const { clock, meter, limiter, host, lines } = await rig()
    const story: [usedMiB: number, answer: string][] = [
      [159, 'ok'],
      [160, 'retryable'],
      [151, 'retryable'],
      [159, 'retryable'],
      [150, 'retryable'],
      [149, 'ok'],
      [159, 'ok'],
    ]
    for (const [usedMiB, answer] of story) {
      meter.usedMiB = usedMiB
      await clock.advance(1000)
      expect([usedMiB, (await limiter.consume(sampleBatch(2))).kind]).toEqual([usedMiB, answer])
    }
    // The status is what is logged: nothing else says the same again.
    expect(host.reports).toEqual([
      { state: 'degraded', reason: 'refusing data: 160 MiB used, soft limit 160 MiB, hard limit 200 MiB' },
      { state: 'ok' },
    ])
    expect(lines).toEqual(['memory limits'])
  })

  test('says when to come again, and counts items that are no drops', async () => {
    const { clock, meter, limiter, next, telemetry } = await rig()
    meter.usedMiB = 170
    await clock.advance(1000)
    expect(await limiter.consume(sampleBatch(7))).toEqual(retryable('memory limit', 1000))
    expect(next.calls).toBe(0)
    expect(telemetry.counters.get('refused_items')).toBe(7)
    expect(telemetry.drops.size).toBe(0)
  })

  test('memory is measured at start already', async () => {
    const { limiter, meter, host } = await rig()
    await limiter.shutdown()
    meter.usedMiB = 180
    await limiter.start(host)
    expect((await limiter.consume(sampleBatch(1))).kind).toBe('retryable')
  })

  test('what is taken goes on as it is', async () => {
    const { limiter, next } = await rig()
    const batch = sampleBatch(3)
    expect(await limiter.consume(batch)).toEqual(ok)
    expect(next.batches[0]).toBe(batch)
  })
})

describe('above the hard limit', () => {
  const [failed, pattern, started, line] = [
    sampleEvent({ name: 'systemd.unit.failed', severity: Severity.error }),
    sampleEvent({ name: 'pattern.crash_loop.cleared' }),
    sampleEvent({ name: 'systemd.unit.started' }),
    sampleEvent({ name: '' }),
  ]
  const failedRun = sampleSpan({ status: { code: 'error' } })
  const mixed = batchOf({
    events: [line, failed, started, line, pattern],
    metrics: [sampleGauge([1, 2, 3])],
    spans: [sampleSpan(), failedRun],
  })

  test('failures and patterns pass, all else is dropped and counted by its class', async () => {
    const { clock, meter, limiter, next, host, telemetry } = await rig()
    meter.usedMiB = 200
    await clock.advance(1000)
    expect(await limiter.consume(mixed)).toEqual(ok)
    expect(next.batches).toEqual([batchOf({ events: [failed, pattern], spans: [failedRun] })])
    expect(Object.fromEntries(telemetry.drops)).toEqual({ memory_hard_limit: 7 })
    const shed = { shed_states: 2, shed_log_lines: 2, shed_samples: 3 }
    expect(Object.fromEntries(telemetry.counters)).toEqual(shed)
    expect(host.last).toMatchObject({ reason: expect.stringContaining('dropping all but failures and patterns: 200') })
    // What is worth keeping in itself goes on as it is.
    const kept = batchOf({ events: [failed] })
    await limiter.consume(kept)
    expect(next.batches.at(-1)).toBe(kept)
  })

  test('nothing is dropped any more below the calm line: refused, and at last taken', async () => {
    const { clock, meter, limiter, telemetry } = await rig()
    const story: [usedMiB: number, answer: string, dropped: number][] = [
      [200, 'ok', 7],
      [190, 'ok', 14],
      [189, 'retryable', 14],
      [199, 'retryable', 14],
      [149, 'ok', 14],
    ]
    for (const [usedMiB, answer, dropped] of story) {
      meter.usedMiB = usedMiB
      await clock.advance(1000)
      const { kind } = await limiter.consume(batchOf(mixed))
      expect([usedMiB, kind, telemetry.drops.get('memory_hard_limit')]).toEqual([usedMiB, answer, dropped])
    }
  })

  test('what is dropped of a batch that is refused further on is counted once, however often it comes', async () => {
    const { clock, meter, limiter, next, telemetry } = await rig()
    meter.usedMiB = 210
    await clock.advance(1000)
    const offered: unknown[] = []
    next.respond = (batch) => {
      offered.push(batch)
      return offered.length < 4 ? retryable('queue full') : ok
    }
    for (let offer = 0; offer < 3; offer++) expect((await limiter.consume(mixed)).kind).toBe('retryable')
    expect(telemetry.drops.size).toBe(0)
    // By the time it is taken memory has fallen; it was decided what goes on of it.
    meter.usedMiB = 100
    await clock.advance(1000)
    expect((await limiter.consume(mixed)).kind).toBe('ok')
    expect(new Set(offered).size).toBe(1)
    expect(telemetry.drops.get('memory_hard_limit')).toBe(7)
  })
})

describe('garbage collection', () => {
  test('above the hard limit it may save the day before anything is refused', async () => {
    const { clock, meter, limiter } = await rig()
    meter.usedMiB = 210
    meter.garbageMiB = 100
    await clock.advance(1000)
    expect(meter.collections).toBe(1)
    expect((await limiter.consume(sampleBatch(1))).kind).toBe('ok')
  })

  test('is asked for at most each 10 s', async () => {
    const { clock, meter } = await rig()
    meter.usedMiB = 210
    await clock.advance(21_000)
    expect(meter.collections).toBe(3)
  })

  test('also below the hard limit while refusing: nothing else would free memory', async () => {
    const { clock, meter, limiter } = await rig()
    meter.usedMiB = 165
    await clock.advance(1000)
    expect(meter.collections).toBe(0)
    meter.garbageMiB = 60
    await clock.advance(1000)
    expect((await limiter.consume(sampleBatch(1))).kind).toBe('ok')
  })
})

test('limits come from the size given, or else from a share of what there is', () => {
  const limits = (written: unknown) => limitsOf(createTestConfig(schema, written), 1000 * kMiB)
  expect(limits({ limit: '200MiB', spike_limit: '40MiB' })).toEqual({
    hard: 200 * kMiB,
    calm: 190 * kMiB,
    soft: 160 * kMiB,
    resume: 150 * kMiB,
  })
  expect(limits({ limit_percentage: 50 })).toEqual({
    hard: 500 * kMiB,
    calm: 475 * kMiB,
    soft: 400 * kMiB,
    resume: 375 * kMiB,
  })
})

test('check refuses limits the agent could not live with', () => {
  const check = (written: unknown) => factory.check(createTestConfig(schema, written)).map(({ path }) => path)
  expect(check({})).toEqual([])
  expect(check({ limit: '20MiB' })).toEqual([['limit']])
  // Taken again below 72 MiB: the agent alone was seen with 71 after a collection, so after one spike hardly anything ever passes.
  expect(check({ limit: '96MiB' })).toEqual([['limit']])
  expect(check({ limit: '106MiB' })).toEqual([['limit']])
  expect(check({ limit: '107MiB' })).toEqual([])
  expect(check({ limit: '120MiB', spike_limit: '120MiB' })).toEqual([['spike_limit']])
  expect(check({ check_interval: '1ms' })).toEqual([['check_interval']])
})

test('the real meter reads this process, and can make V8 collect', () => {
  const { usedBytes, availableBytes } = processMeter
  expect(usedBytes()).toBeGreaterThan(10 * kMiB)
  expect(availableBytes()).toBeGreaterThan(usedBytes())
  let junk: unknown[] | undefined = Array.from({ length: 200_000 }, (_, i) => ({ i }))
  const before = process.memoryUsage().heapUsed
  expect(junk.length).toBe(200_000)
  junk = undefined
  processMeter.collectGarbage()
  expect(process.memoryUsage().heapUsed).toBeLessThan(before)
})

test.each([
  [{ limit: '20MiB' }, 'write 107MiB or more'],
  [{ limit: '120MiB', spike_limit: '60MiB' }, 'write 148MiB or more'],
])('a limit that is too small is told in MiB, with the least that is enough: %j', (written, remedy) => {
  const [complaint] = factory.check(createTestConfig(schema, written))
  expect(complaint!.reason).toMatch(/^is too small: data is refused from \d+MiB on and taken again below \d+MiB, but /)
  expect(complaint!.reason).toContain(remedy)
  const [, least] = /write (\d+)MiB/.exec(complaint!.reason)!
  expect(factory.check(createTestConfig(schema, { ...written, limit: `${least}MiB` }))).toEqual([])
  expect(factory.check(createTestConfig(schema, { ...written, limit: `${Number(least) - 1}MiB` }))).toHaveLength(1)
})
