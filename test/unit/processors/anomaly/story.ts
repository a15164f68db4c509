import type { Settings } from '../../../../src/component/component.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { Metric, NumberPoint } from '../../../../src/data/metric.js'
import { attr, metric, event as names } from '../../../../src/lib/systemd/names.js'
import { factory } from '../../../../src/processors/anomaly/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource } from '../../../../src/testkit/sample.js'
import { TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

export const kStartS = 1_700_000_000
export const kMinute = 60
export const kHour = 3600
export const kDay = 24 * kHour
export const mebibyte = 2 ** 20

/** What a unit uses: cores, bytes, bytes per second, tasks, share of the time. What is left out is not read. */
export interface Use {
  readonly cpu?: number
  readonly held?: number
  readonly file?: number
  readonly io?: number
  readonly tasks?: number
  readonly waits?: number
}

/** A unit whose readings and events are told to the processor; time is in seconds after the start. */
export async function story(config: Record<string, unknown> = {}, part: Partial<Settings> = {}) {
  const clock = part.clock instanceof FakeClock ? part.clock : new FakeClock(BigInt(kStartS) * 1_000_000_000n)
  const out = new MemoryExporter()
  const settings = testSettings('processor', 'anomaly', { ...part, clock })
  const processor = factory.create(settings, createTestConfig(factory.configSchema, config) as never, out)
  await processor.start(new TestHost())
  const counters = new Map<string, number>()
  const unixNano = (atS: number) => BigInt(Math.round((kStartS + atS) * 1e3)) * 1_000_000n
  const moveTo = (atS: number) => clock.advance(Math.max(Number(unixNano(atS) - clock.unixNano()) / 1e6, 0))

  function metrics(atS: number, sinceS: number, use: Use, unit: string): Metric[] {
    const all: Metric[] = []
    const point = (value: number, attributes: NumberPoint['attributes'] = {}) => ({
      attributes,
      timeUnixNano: unixNano(atS),
      value,
    })
    const add = (name: string, ...points: NumberPoint[]) =>
      void all.push(sampleGauge([], { name, points, resource: sampleResource(unit) }))
    const count = (name: string, rate: number) => {
      const value = (counters.get(unit + name) ?? 0) + rate * sinceS
      counters.set(unit + name, value)
      return value
    }
    if (use.cpu !== undefined) {
      const user = count('user', use.cpu * 0.8)
      add(metric.cpuTime, point(user, { 'cpu.mode': 'user' }), point(count('system', use.cpu * 0.2)))
    }
    if (use.held !== undefined) {
      add(metric.memoryUsage, point(use.held + (use.file ?? 0)))
      if (use.file !== undefined)
        add(
          metric.memoryStat,
          point(use.held, { 'systemd.memory.kind': 'anon' }),
          point(use.file, { 'systemd.memory.kind': 'file' }),
        )
    }
    if (use.io !== undefined) add(metric.ioBytes, point(count('io', use.io)))
    if (use.tasks !== undefined) add(metric.pids, point(use.tasks))
    if (use.waits !== undefined)
      add(
        metric.pressureTime,
        point(count('waits', use.waits), { 'systemd.pressure.kind': 'some' }),
        point(1e9, { 'systemd.pressure.kind': 'full' }),
      )
    return all
  }

  return {
    processor,
    /** Readings each `everyS` in [from, until). */
    async live(fromS: number, untilS: number, use: (atS: number) => Use, { everyS = 150, unit = 'web.service' } = {}) {
      for (let atS = fromS; atS < untilS; atS += everyS) {
        await moveTo(atS)
        await processor.consume(batchOf({ metrics: metrics(atS, everyS, use(atS), unit) }))
      }
      await settle()
    },
    async tell(name: keyof typeof names, atS: number, more: RawEvent['attributes'] = {}): Promise<void> {
      const attributes = { [attr.unit]: 'web.service', [attr.invocationId]: 'f'.repeat(32), ...more }
      await moveTo(atS)
      const event = sampleEvent({ name: names[name], timeUnixNano: unixNano(atS), attributes })
      await processor.consume(batchOf({ events: [{ ...event, resource: sampleResource('web.service') }] }))
      await settle()
    },
    found: () => out.events.filter(({ name }) => name.startsWith('pattern.')),
    phases: () =>
      out.events
        .filter(({ name }) => name.startsWith('pattern.'))
        .map(({ name, attributes }) => `${attributes['pattern.kind']} ${name.split('.').at(-1)}`),
  }
}
