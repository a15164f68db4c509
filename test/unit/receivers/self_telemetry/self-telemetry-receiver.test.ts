import { describe, expect, test } from 'vitest'
import { retryable } from '../../../../src/component/outcome.js'
import type { Metric } from '../../../../src/data/metric.js'
import { factory } from '../../../../src/receivers/self_telemetry/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

function setUp(selfMetrics: () => Promise<readonly Metric[]> = async () => []) {
  const clock = new FakeClock()
  const telemetry = new RecordingTelemetry()
  const next = new MemoryExporter()
  const settings = testSettings('receiver', 'self_telemetry', { clock, telemetry, selfMetrics })
  const receiver = factory.create(settings, createTestConfig(factory.configSchema, {}), next)
  return { clock, telemetry, next, receiver, settings }
}

const numberOf = (metrics: readonly Metric[], name: string): number => {
  const metric = metrics.find((m) => m.name === name)
  if (metric === undefined || metric.type === 'histogram') throw new Error(`no ${name}`)
  return Number(metric.points[0]!.value)
}

test('what the process costs is read from the kernel', async () => {
  const { next, receiver } = setUp()
  await receiver.start(new TestHost())
  await settle()
  await receiver.shutdown()
  const memory = process.memoryUsage()
  expect(numberOf(next.metrics, 'process.memory.usage') / memory.rss).toBeCloseTo(1, 0)
  expect(numberOf(next.metrics, 'process.memory.anonymous')).toBeLessThan(
    numberOf(next.metrics, 'process.memory.usage'),
  )
  expect(numberOf(next.metrics, 'process.cpu.time')).toBeGreaterThan(0)
  expect(numberOf(next.metrics, 'process.open_file_descriptor.count')).toBeGreaterThan(2)
  for (const metric of next.metrics) expect(metric.resource.attributes['service.name']).toBe('unitscope')
})

describe('reading', () => {
  test('once at start, then at each interval, none after shutdown', async () => {
    const { clock, next, receiver } = setUp()
    await receiver.start(new TestHost())
    await settle()
    expect(next.batches).toHaveLength(1)
    await clock.advance(30_000)
    expect(next.batches).toHaveLength(4)
    await receiver.shutdown()
    expect(clock.pending).toBe(0)
    await clock.advance(30_000)
    expect(next.batches).toHaveLength(4)
  })

  test('the metrics of the agent come first, and count as processed', async () => {
    const { settings } = setUp()
    const own: Metric = {
      name: 'unitscope_receiver_systemd_events_processed_total',
      unit: '{item}',
      description: '',
      type: 'sum',
      monotonic: true,
      valueType: 'int',
      resource: settings.resources.intern('unitscope', () => ({ 'service.name': 'unitscope' })),
      points: [{ attributes: {}, timeUnixNano: 1n, startTimeUnixNano: 0n, value: 7 }],
    }
    const { next, receiver, telemetry } = setUp(async () => [own])
    await receiver.start(new TestHost())
    await settle()
    await receiver.shutdown()
    expect(next.metrics[0]).toBe(own)
    expect(telemetry.processedItems).toBe(next.items)
  })

  test('while the pipeline still holds the last reading, an interval is skipped and counted', async () => {
    const { clock, next, receiver, telemetry } = setUp()
    let release = () => {}
    next.respond = () => new Promise((resolve) => (release = () => resolve({ kind: 'ok' })))
    await receiver.start(new TestHost())
    await clock.advance(20_000)
    expect(next.calls).toBe(1)
    expect(telemetry.errors.get('interval_skipped')).toBe(2)
    release()
    await clock.advance(10_000)
    expect(next.calls).toBe(2)
    release()
    await receiver.shutdown()
  })

  test('a refused reading is dropped and counted: the next one carries all of it', async () => {
    const { next, receiver, telemetry } = setUp()
    next.respond = () => retryable('full')
    await receiver.start(new TestHost())
    await settle()
    await receiver.shutdown()
    expect(telemetry.drops.get('refused')).toBe(telemetry.processedItems)
  })

  test('a failure to collect is counted, and the next interval tries again', async () => {
    let calls = 0
    const { clock, next, receiver, telemetry } = setUp(async () => {
      if (calls++ === 0) throw new Error('SDK')
      return []
    })
    await receiver.start(new TestHost())
    await clock.advance(10_000)
    await receiver.shutdown()
    expect(telemetry.errors.get('collect_failed')).toBe(1)
    expect(next.batches).toHaveLength(1)
  })
})

describe('configuration', () => {
  test.each([
    [999, ['must be from 1s to 1h']],
    [1000, []],
    [3_600_000, []],
    [3_600_001, ['must be from 1s to 1h']],
  ])('an interval of %i ms', (ms, reasons) => {
    expect(
      factory
        .check({ ...createTestConfig(factory.configSchema, {}), collection_interval: ms })
        .map(({ reason }) => reason),
    ).toEqual(reasons)
  })
})
