import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseComponentId } from '../../../../src/component/id.js'
import { ok, retryable } from '../../../../src/component/outcome.js'
import { factory } from '../../../../src/receivers/self_telemetry/factory.js'
import { createSelfTelemetry } from '../../../../src/telemetry/self-telemetry.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

const golden = resolve(import.meta.dirname, '../../../golden/self_telemetry/degraded.expected')

/** The real counters of an agent with an exporter, a filter and a receiver. */
async function rig(written: unknown = {}) {
  const clock = new FakeClock()
  const settings = testSettings('receiver', 'self_telemetry', { clock })
  const { resources } = settings
  const telemetry = createSelfTelemetry({ random: () => 0.5, resources, clock, version: '1', lostLogLines: () => 0 })
  const otlp = telemetry.component(parseComponentId('exporter', 'otlp/backup')!)
  const filter = telemetry.component(parseComponentId('processor', 'filter')!, 'logs')
  const systemd = telemetry.component(parseComponentId('receiver', 'systemd')!)
  for (const component of [otlp, filter, systemd]) component.healthy = true
  const next = new MemoryExporter()
  const config = createTestConfig(factory.configSchema, written)
  const receiver = factory.create({ ...settings, selfMetrics: async () => telemetry.collect() }, config, next)
  await receiver.start(new TestHost())
  return { clock, otlp, filter, systemd, next, receiver }
}

test('a night of an agent: what it says of its own components', async () => {
  const { clock, otlp, filter, systemd, next, receiver } = await rig()
  const told: string[] = []
  const minutes = async (count: number, each: () => void = () => {}): Promise<void> => {
    for (let minute = 0; minute < count; minute++) {
      each()
      await clock.advance(60_000)
    }
  }
  const chapter = async (title: string, play: () => Promise<void>): Promise<void> => {
    const before = next.events.length
    told.push(`# ${title}`)
    await play()
    for (const event of next.events.slice(before)) {
      const { attributes, severity, name, body } = event
      told.push(`${name} ${severity}: ${body}`, `  ${JSON.stringify(attributes)}`)
    }
  }
  await chapter('what a filter drops is meant, and a few errors are no matter', () =>
    minutes(5, () => {
      filter.dropped({ logs: 1000 }, 'filtered')
      for (let n = 0; n < 4; n++) systemd.error('call_refused')
    }),
  )
  await chapter('the backend goes: tries fail', () =>
    minutes(1, () => {
      otlp.healthy = false
      for (let n = 0; n < 6; n++) otlp.error('UNAVAILABLE')
      otlp.error('DEADLINE_EXCEEDED')
    }),
  )
  await chapter('it stays away, and is tried seldom: that is no recovery', () =>
    minutes(10, () => otlp.error('UNAVAILABLE')),
  )
  await chapter('the queue is full: told already', () => minutes(2, () => otlp.dropped({ logs: 500 }, 'queue_full')))
  await chapter('it is back', async () => {
    otlp.healthy = true
    await minutes(3)
  })
  await chapter('one item is lost somewhere else', () =>
    minutes(1, () => filter.dropped({ logs: 1 }, 'internal_error')),
  )
  await chapter('and that was all', () => minutes(3))
  await chapter('errors near the threshold, up and down', async () => {
    for (const errors of [5, 4, 5, 3, 5, 2, 0])
      await minutes(1, () => {
        for (let n = 0; n < errors; n++) systemd.error('call_refused')
      })
  })
  await receiver.shutdown()
  const text = `${told.join('\n')}\n`
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, text)
  expect(existsSync(golden), 'UPDATE_GOLDEN=1 writes it, then read it').toBe(true)
  expect(text).toBe(readFileSync(golden, 'utf8'))
})

describe('an event that is told once', () => {
  test('is offered until it is taken, though readings are let go', async () => {
    const { clock, otlp, next, receiver } = await rig()
    next.respond = () => retryable('queue full')
    otlp.dropped({ logs: 1 }, 'queue_full')
    await clock.advance(120_000)
    expect(next.events).toEqual([])
    next.respond = () => ok
    await clock.advance(30_000)
    // It was over before it could be told.
    const names = next.events.map(({ name }) => name)
    expect(names).toEqual(['unitscope.component.degraded', 'unitscope.component.recovered'])
    await receiver.shutdown()
  })

  test('is none where it is turned off', async () => {
    const { clock, otlp, next, receiver } = await rig({ error_threshold: 0 })
    otlp.dropped({ logs: 1 }, 'queue_full')
    await clock.advance(120_000)
    await receiver.shutdown()
    expect(next.events).toEqual([])
  })
})

test('errors are counted together from reading to reading at least', async () => {
  const { clock, otlp, next, receiver } = await rig({ collection_interval: '2m' })
  await clock.advance(1000)
  for (let n = 0; n < 5; n++) otlp.error('UNAVAILABLE')
  await clock.advance(119_000)
  expect(next.events.map(({ body }) => body)).toEqual(['exporter otlp/backup had 5 errors (UNAVAILABLE) within 2m'])
  await receiver.shutdown()
})

test.each([['500ms'], ['2h']])('an error_window of %s is a mistake', (window) => {
  const config = createTestConfig(factory.configSchema, { error_window: window })
  expect(factory.check(config)).toEqual([{ path: ['error_window'], reason: 'must be from 1s to 1h' }])
})
