import type { Settings } from '../../../../src/component/component.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { Metric } from '../../../../src/data/metric.js'
import { attr, metric, event as names } from '../../../../src/lib/systemd/names.js'
import { factory } from '../../../../src/processors/memory_leak/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

export const mebibyte = 2 ** 20
export const kStartS = 1_700_000_000
export const kMinute = 60
export const kHour = 3600

export interface Reading {
  readonly held?: number
  readonly file?: number
  readonly limit?: number
  readonly high?: number
  readonly swap?: number
  readonly tasks?: number
  readonly tasksLimit?: number
  readonly sliceLimit?: number
  readonly tasksSliceLimit?: number
  /** False: memory.stat is off. */
  readonly stat?: boolean
}

/** A unit whose readings are told to the processor; time is in seconds after the start, and the clock shows `setS` more. */
export async function story(config: Record<string, unknown> = {}, part: Partial<Settings> = {}, setS = 0) {
  let stepS = setS
  const clock = new FakeClock(BigInt(kStartS + stepS) * 1_000_000_000n)
  const out = new MemoryExporter()
  const settings = testSettings('processor', 'memory_leak', { clock, ...part })
  const host = new TestHost()
  const written = { host_memory: '16GiB', ...config }
  const processor = factory.create(settings, createTestConfig(factory.configSchema, written) as never, out)
  await processor.start(host)
  let run = 1
  const invocation = () => run.toString(16).padStart(32, '0')
  const unixNano = (atS: number) => BigInt(Math.round((kStartS + stepS + atS) * 1e3)) * 1_000_000n

  async function read(atS: number, reading: Reading, unit = 'web.service'): Promise<void> {
    const {
      held = 0,
      file = 0,
      limit,
      high,
      swap,
      tasks,
      tasksLimit,
      stat = true,
      sliceLimit,
      tasksSliceLimit,
    } = reading
    const metrics: Metric[] = []
    const gauge = (name: string, values: Record<string, number | undefined>): void => {
      const points = Object.entries(values).flatMap(([kind, value]) =>
        value === undefined
          ? []
          : [
              {
                attributes: kind === '' ? {} : { 'systemd.memory.kind': kind },
                timeUnixNano: unixNano(atS),
                value,
                ...(name === metric.memoryUsage
                  ? { exemplars: [{ timeUnixNano: unixNano(atS), value, traceId: invocation() }] }
                  : {}),
              },
            ],
      )
      if (points.length > 0) metrics.push(sampleGauge([], { name, points, resource: sampleResource(unit) }))
    }
    gauge(metric.memoryUsage, { '': held + file })
    gauge(metric.memoryLimit, { '': limit })
    gauge(metric.memoryHigh, { '': high })
    gauge(metric.memorySwap, { '': swap })
    if (stat)
      gauge(metric.memoryStat, { anon: held * 0.9, kernel: held * 0.1 + mebibyte, slab_reclaimable: mebibyte, file })
    gauge(metric.pids, { '': tasks })
    gauge(metric.pidsLimit, { '': tasksLimit })
    gauge(metric.memorySliceLimit, { '': sliceLimit })
    gauge(metric.pidsSliceLimit, { '': tasksSliceLimit })
    await clock.advance(Number(unixNano(atS) - clock.unixNano()) / 1e6)
    await processor.consume(batchOf({ metrics }))
    await settle()
  }

  return {
    host,
    telemetry: settings.telemetry as RecordingTelemetry,
    /** `date -s`, by so many seconds. */
    setClock(byS: number): void {
      stepS += byS
      clock.stepWallClock(BigInt(byS) * 1_000_000_000n)
    },
    processor,
    run: invocation,
    /** One reading of another unit. */
    readOf: (unit: string, atS: number) => read(atS, { held: 10 * mebibyte }, unit),
    /** Readings each `everyS` in [from, until). */
    async live(fromS: number, untilS: number, reading: (atS: number) => Reading, everyS = 20): Promise<void> {
      for (let atS = fromS; atS < untilS; atS += everyS) await read(atS, reading(atS))
    },
    async tell(name: keyof typeof names, atS: number, more: RawEvent['attributes'] = {}): Promise<void> {
      const attributes = { [attr.unit]: 'web.service', [attr.invocationId]: invocation(), ...more }
      await clock.advance(Number(unixNano(atS) - clock.unixNano()) / 1e6)
      const event = sampleEvent({ name: names[name], timeUnixNano: unixNano(atS), attributes })
      await processor.consume(batchOf({ events: [{ ...event, resource: sampleResource('web.service') }] }))
      await settle()
    },
    /** The next run: readings from now on are of it. */
    nextRun: () => void run++,
    found: () => out.events.filter(({ name }) => name.startsWith('pattern.')),
    phases: () =>
      out.events
        .filter(({ name }) => name.startsWith('pattern.'))
        .map(({ name, attributes }) => `${attributes['pattern.kind']} ${name.split('.').at(-1)}`),
  }
}
