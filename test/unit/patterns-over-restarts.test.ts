import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { Machine } from '../../bench/patterns/machine.mjs'
import { cgroupFields } from '../../src/binding/cgroup-layout.js'
import type { Consumer, Processor, ProcessorFactory } from '../../src/component/component.js'
import type { Batch } from '../../src/data/batch.js'
import { type RawEvent, Severity } from '../../src/data/event.js'
import { ResourcePool } from '../../src/data/resource.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { gapEvent } from '../../src/lib/systemd/source-event.js'
import { hostResource, unitResource } from '../../src/lib/systemd/unit-resource.js'
import { sampleMetrics } from '../../src/receivers/cgroup/sample-metrics.js'
import { registrations } from '../../src/registry.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { TestHost, testSettings } from '../../src/testkit/test-settings.js'

// All patterns of pipelines/host.yaml in their order, over agents that share a state directory: what one has learned, told of and
// foretold the next one goes on with.

const parts = {
  ...{ attr, event, Severity, unitResource, hostResource, sampleMetrics, cgroupFields, gapEvent, ResourcePool },
}
const order = ['crash_loop', 'periodic_crash', 'time_pattern', 'memory_leak', 'anomaly', 'prediction']
const kMinute = 60_000
const kHour = 60 * kMinute
const kEnd = 18 * kHour
const mebibyte = 2 ** 20

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** A leak that is killed at its limit after 12 hours, its tasks that pile up with it, and a service that fails each hour until the 13th. */
function story() {
  const machine = new Machine(parts as never, 11)
  const { chance } = machine
  const [leak, rhythm] = ['leak.service', 'rhythm.service'].map((name) => machine.service(name))
  for (const service of [leak, rhythm]) service.start(1000)
  for (let n = 1; n <= 13; n++) rhythm.crash(n * kHour + chance.normal(0, 5000), 500)
  for (let atMs = kMinute; atMs < kEnd; atMs += kMinute) {
    const isKilled = atMs >= 12 * kHour
    if (isKilled && atMs < 12 * kHour + kMinute) leak.oom(12 * kHour - 1000, 500)
    const grown = isKilled ? 0 : atMs / (12 * kHour)
    leak.sample(atMs, {
      memoryCurrent: Math.round((80 + 480 * grown) * mebibyte),
      memoryMax: 512 * mebibyte,
      'memoryStat.anon': Math.round((50 + 460 * grown) * mebibyte) + chance.whole(0, 4096),
      'memoryStat.file': 30 * mebibyte,
      'memoryStat.kernel': 0,
      'memoryStat.shmem': 0,
      'memoryStat.slab_reclaimable': 0,
      pidsCurrent: Math.round(10 + 990 * grown),
      pidsMax: 1200,
    })
  }
  machine.until(kEnd)
  return machine
}

async function chain(clock: FakeClock, resources: ResourcePool, stateDirectory: string, last: Consumer) {
  let first = last
  const processors: Processor[] = []
  for (const type of order.toReversed()) {
    const registration = registrations.find((one) => one.kind === 'processor' && one.type === type)!
    const factory = (await registration.load()) as ProcessorFactory
    const settings = testSettings('processor', type, { clock, resources, stateDirectory })
    const processor = factory.create(settings, createTestConfig(factory.configSchema, {}) as never, first)
    processors.unshift(processor)
    first = processor
  }
  for (const processor of processors) await processor.start(new TestHost())
  return { first, processors }
}

interface Restart {
  readonly atMs: number
  /** Nobody watches until then. */
  readonly untilMs: number
}

/** What agents tell of the story, of which a next one begins after each restart. */
async function told(restarts: readonly Restart[]): Promise<readonly RawEvent[]> {
  const machine = story()
  const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-restarts-'))
  folders.push(stateDirectory)
  const steps = machine.steps() as readonly { readonly atMs: number; readonly batch: Batch }[]
  const out = new MemoryExporter()
  let fromMs = 0
  for (const { atMs: endMs, untilMs } of [...restarts, { atMs: kEnd + 1, untilMs: kEnd + 1 }]) {
    const clock = new FakeClock(BigInt(machine.startMs + fromMs) * 1_000_000n)
    const { first, processors } = await chain(clock, machine.pool, stateDirectory, out)
    for (const { atMs, batch } of steps) {
      if (atMs < fromMs || atMs >= endMs) continue
      await clock.advance(atMs - fromMs - clock.monotonicMs())
      await first.consume(batch)
    }
    await settle()
    for (const processor of processors) await processor.shutdown()
    fromMs = untilMs
  }
  return out.events.filter(({ name }) => name.startsWith('pattern.'))
}

const line = ({ name, attributes, timeUnixNano }: RawEvent): string =>
  [
    name.slice('pattern.'.length),
    attributes[attr.unit],
    attributes['pattern.kind'],
    attributes['pattern.prediction.outcome'] ?? '',
    new Date(Number(timeUnixNano) / 1e6).toISOString().slice(11, 19),
  ].join(' ')
/** The same without the time, of what begins and ends. */
const ends = (events: readonly RawEvent[]): readonly string[] =>
  events
    .filter(({ name }) => !name.endsWith('.updated'))
    .map((one) => line(one).split(' ').slice(0, -1).join(' '))
    .sort()

test('the patterns are those of the pipeline that ships, in its order', () => {
  const yaml = readFileSync(new URL('../../pipelines/host.yaml', import.meta.url), 'utf8')
  const places = order.map((type) => yaml.indexOf(`\n        - ${type}\n`))
  expect(places.every((place) => place > 0)).toBe(true)
  expect(places.toSorted((a, b) => a - b)).toEqual(places)
})

describe('agents that follow each other', () => {
  test('tell what one that stays would have told, at the same times', { timeout: 60_000 }, async () => {
    const stayed = await told([])
    expect(ends(stayed)).toEqual(
      expect.arrayContaining([
        'memory_leak.detected leak.service memory ',
        'memory_leak.detected leak.service tasks ',
        'prediction.detected leak.service memory ',
        'prediction.detected leak.service tasks ',
        'prediction.cleared leak.service memory met',
        'prediction.detected rhythm.service failure ',
        'periodic_crash.cleared rhythm.service clock ',
      ]),
    )
    // One that ends before anything is told, one while all of it is open, one just before the leak is killed.
    const restarts = [4.3, 10.4, 11.95].map((hours) => ({ atMs: hours * kHour, untilMs: hours * kHour }))
    expect((await told(restarts)).map(line)).toEqual(stayed.map(line))
  })

  test('tell nothing twice, and how it came out, though nobody watched for a while', { timeout: 60_000 }, async () => {
    const restarts = [4.3, 10.4].map((hours) => ({ atMs: hours * kHour, untilMs: hours * kHour + 7 * kMinute }))
    expect(ends(await told(restarts))).toEqual(ends(await told([])))
  })
})
