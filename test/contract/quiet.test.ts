import { describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { Machine } from '../../bench/patterns/machine.mjs'
// @ts-expect-error as above
import { StoryClock } from '../../bench/patterns/replay.mjs'
// @ts-expect-error as above
import { loadKinds } from '../../bench/patterns/run-kind.mjs'
import { cgroupFields } from '../../src/binding/cgroup-layout.js'
import type { ProcessorFactory, Settings } from '../../src/component/component.js'
import { ok } from '../../src/component/outcome.js'
import type { RawEvent } from '../../src/data/event.js'
import { Severity } from '../../src/data/event.js'
import { ResourcePool } from '../../src/data/resource.js'
import { PatternProcessor } from '../../src/lib/patterns/pattern-processor.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { gapEvent } from '../../src/lib/systemd/source-event.js'
import { hostResource, unitResource } from '../../src/lib/systemd/unit-resource.js'
import { sampleMetrics } from '../../src/receivers/cgroup/sample-metrics.js'
import { registrations } from '../../src/registry.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { TestHost, testSettings } from '../../src/testkit/test-settings.js'
import type { Clock } from '../../src/util/clock.js'
import { type QuietStory, quietReasons, type Step, shifted } from './quiet-story.js'

// No pattern is found in what happens in a quiet time. Held for every pattern there is, with the stories of its benchmark
// (bench/patterns/kinds): a new one needs no line here.

/** Families with something to be found of which each pattern is told. */
const kFamilies = 3
/** A story of half a year with a reading each 10 s would take minutes; what can be found is found sooner. */
const kMaxSteps = 100_000

/** As bench/patterns/kind.d.mts has them. */
interface Kind {
  readonly id: string
  readonly config?: unknown
  readonly before?: readonly string[]
  readonly families: readonly { readonly name: string; make(machine: unknown): unknown }[]
}

const parts = {
  attr,
  event,
  Severity,
  unitResource,
  hostResource,
  sampleMetrics,
  cgroupFields,
  gapEvent,
  ResourcePool,
}

/** The benchmark's clock, whose time on the wall can be set. */
function settableClock(startMs: number) {
  const story = new StoryClock(startMs) as Clock & { moveTo(ms: number): void }
  let setMs = 0
  const clock: Clock = {
    unixNano: () => story.unixNano() + BigInt(setMs) * 1_000_000n,
    monotonicMs: () => story.monotonicMs(),
    after: (ms, fire) => story.after(ms, fire),
    every: (ms, fire) => story.every(ms, fire),
  }
  return {
    clock,
    moveTo: (atMs: number) => story.moveTo(atMs),
    set: (ms: number) => {
      setMs += ms
      return setMs
    },
  }
}

/** What the pattern, behind those that its benchmark puts before it, finds in a story. */
async function found(types: readonly string[], config: unknown, { steps, maintenance }: QuietStory, startMs: number) {
  const { clock, moveTo, set } = settableClock(startMs)
  const out = new MemoryExporter()
  let next: { consume(batch: Step['batch']): Promise<unknown> } = out
  const processors = []
  for (const [index, type] of [...types].reverse().entries()) {
    const factory = await factoryOf(type)
    const part: Partial<Settings> = maintenance === undefined ? {} : { maintenance }
    const settings = testSettings('processor', type, { clock, ...part })
    const written = index === 0 ? config : {}
    const processor = factory.create(settings, createTestConfig(factory.configSchema, written) as never, next as never)
    await processor.start(new TestHost())
    processors.push(processor)
    next = processor
  }
  for (const { atMs, batch, setMs = 0 } of [...steps].sort((a, b) => a.atMs - b.atMs)) {
    moveTo(atMs)
    // No expect(): one for each step took a third of this file's CPU time (22 s with it, 14 s without).
    const outcome = await next.consume(shifted(batch, set(setMs)))
    if (outcome !== ok) throw new Error(`at ${atMs} ms: ${JSON.stringify(outcome)}`)
  }
  for (const processor of processors.reverse()) await processor.shutdown()
  return out.events.filter(({ name }) => name === `pattern.${types.at(-1)}.detected`)
}

async function factoryOf(type: string): Promise<ProcessorFactory> {
  const registration = registrations.find((one) => one.kind === 'processor' && one.type === type)
  if (registration === undefined) throw new Error(`there is no processor ${type}`)
  return (await registration.load()) as ProcessorFactory
}

async function isPattern(type: string): Promise<boolean> {
  const { configSchema, create } = await factoryOf(type)
  try {
    return (
      create(
        testSettings('processor', type),
        createTestConfig(configSchema, {}) as never,
        new MemoryExporter(),
      ) instanceof PatternProcessor
    )
  } catch {
    return false // wants a configuration: no pattern does
  }
}

const types = registrations.filter(({ kind }) => kind === 'processor').map(({ type }) => type)
const patterns: string[] = []
for (const type of types) if (await isPattern(type)) patterns.push(type)
const kinds = (await loadKinds()) as readonly Kind[]

test('there are patterns', () => {
  expect(patterns).toContain('crash_loop')
})

describe.each(patterns)('%s', (type) => {
  const kind = kinds.find(({ id }) => id === type)
  test('has stories in bench/patterns/kinds', () => {
    expect(kind).toBeDefined()
  })
  const stories = (kind?.families ?? []).flatMap((family) => {
    const machine = new Machine(parts as never, 1)
    const expected = [family.make(machine) ?? []].flat()
    const steps = (machine.steps() as Step[]).slice(0, kMaxSteps)
    // What systemd gave up is down when the quiet time is over, and told then.
    const givesUp = steps.some(({ batch }) => batch.events.some(({ name }: RawEvent) => name === event.startLimitHit))
    return expected.length === 0 || givesUp ? [] : [{ name: family.name, steps, startMs: machine.startMs }]
  })
  for (const { name, steps, startMs } of stories.slice(0, kFamilies))
    describe(name, () => {
      const chain = [...(kind!.before ?? []), type]
      test('is found', async () => {
        expect(await found(chain, kind!.config ?? {}, { steps }, startMs)).not.toEqual([])
      })
      // What is measured is so, whether systemd is listened to or not.
      const ofEvents = steps.every(({ batch }) => batch.metrics.length === 0)
      const reasons = Object.entries(quietReasons).filter(([reason]) => ofEvents || reason !== 'gap')
      test.each(reasons)('but not in a time of %s', async (_reason, makeQuiet) => {
        expect(
          (await found(chain, kind!.config ?? {}, makeQuiet(steps, startMs), startMs)).map(({ body }) => body),
        ).toEqual([])
      })
    })
})
