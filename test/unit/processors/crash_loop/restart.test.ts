import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { Detection, UnitSignal } from '../../../../src/lib/patterns/detector.js'
import { savedText } from '../../../../src/lib/patterns/saved-state.js'
import { attr, event as names } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/processors/crash_loop/config.js'
import { CrashLoopDetector } from '../../../../src/processors/crash_loop/detector.js'
import { crashLoop } from '../../../../src/processors/crash_loop/episode.js'
import { factory } from '../../../../src/processors/crash_loop/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'
import { TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { atOnce } from '../../../../src/util/pausable.js'
import { standAlone } from '../../lib/patterns/alone.js'

const kStart = 1_700_000_000
const auto = { [attr.restartCause]: 'auto' }
const runId = (run: number): string => (run + 1).toString(16).padStart(32, '0')

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-crash-loop-'))
  folders.push(folder)
  return folder
}

/** One agent, from `atS` on. */
async function agent(stateDirectory: string, atS: number) {
  const clock = new FakeClock(BigInt(kStart + atS) * 1_000_000_000n)
  const next = new MemoryExporter()
  const settings = testSettings('processor', 'crash_loop', { clock, stateDirectory })
  const processor = factory.create(settings, createTestConfig(schema, {}), next)
  await processor.start(new TestHost())
  return {
    clock,
    processor,
    async feed(...events: readonly RawEvent[]): Promise<void> {
      await processor.consume(batchOf({ events }))
      await settle()
    },
    summary: () =>
      next.events
        .filter(({ name }) => name.startsWith('pattern.'))
        .map(({ name, attributes }) =>
          [name.split('.').at(-1), attributes[crashLoop.count], attributes[crashLoop.outcome] ?? ''].join(' ').trim(),
        ),
    found: () => next.events.filter(({ name }) => name.startsWith('pattern.')),
  }
}

function at(name: string, atS: number, run: number, extra: RawEvent['attributes'] = {}, unit = 'a.service'): RawEvent {
  return sampleEvent({
    name,
    timeUnixNano: BigInt(Math.round((kStart + atS) * 1e6)) * 1000n,
    resource: sampleResource(unit),
    attributes: {
      [attr.unit]: unit,
      [attr.invocationId]: runId(run),
      [attr.result]: 'exit-code',
      [attr.exitCode]: 3,
      ...extra,
    },
  })
}

/** One crash, and the next run. */
function round(atS: number, run: number): readonly RawEvent[] {
  return [
    at(names.failed, atS, run),
    at(names.restarting, atS + 0.001, run, auto),
    at(names.restarted, atS + 0.1, run + 1, auto),
  ]
}

/** A loop of three crashes in two seconds, and the agent stops. */
async function loopOfThree(...more: readonly RawEvent[]): Promise<string> {
  const folder = newFolder()
  const first = await agent(folder, 0)
  await first.feed(...round(0, 0), ...round(1, 1), ...round(2, 2), ...more)
  expect(first.summary()[0]).toBe('detected 3')
  await first.processor.shutdown()
  return folder
}

const elsewhere = (atS: number): RawEvent => at(names.started, atS, 900, {}, 'other.service')

describe('a loop that is open when the agent is restarted', () => {
  test('and goes on, is the same one: updated, with the whole count, since its first crash', async () => {
    const second = await agent(await loopOfThree(), 10)
    await second.feed(...round(10, 3), ...round(11, 4), ...round(12, 5))
    expect(second.summary()).toEqual(['updated 6'])
    expect(second.found()[0]?.attributes[crashLoop.firstUsec]).toBe(kStart * 1e6)
    await second.clock.advance(400_000)
    expect(second.summary()).toEqual(['updated 6', 'cleared 6 recovered'])
    expect(second.found()[1]?.attributes['pattern.runs']).toEqual([0, 1, 2, 3, 4, 5].map(runId))
  })

  test('at each of its crashes, is told of as if one agent had stayed', async () => {
    const folder = await loopOfThree()
    const told: string[] = []
    for (let run = 3; run < 24; run++) {
      const one = await agent(folder, run * 10)
      await one.feed(...round(run * 10, run))
      told.push(...one.summary())
      await one.processor.shutdown()
    }
    expect(told).toEqual(['updated 6', 'updated 12', 'updated 24'])
  })

  test('told twice of the crash at which the agent stopped, counts it once', async () => {
    const folder = await loopOfThree(at(names.failed, 3, 3))
    const second = await agent(folder, 4)
    await second.feed(at(names.failed, 3, 3), at(names.restarting, 3, 3, auto), at(names.restarted, 4, 4, auto))
    await second.feed(...round(5, 4), ...round(6, 5))
    expect(second.summary()).toEqual(['updated 6'])
  })

  test('and whose clock was set back meanwhile, by less than a second, is kept as all others', async () => {
    const folder = newFolder()
    const first = await agent(folder, 0)
    for (let n = 0; n < 5; n++)
      await first.feed(
        at(names.failed, 10 * n, n),
        at(names.restarting, 10 * n, n, auto),
        at(names.restarted, 10 * n + (n === 3 ? -0.4 : 0.1), n + 1, auto),
      )
    await first.processor.shutdown()
    const second = await agent(folder, 60)
    await second.feed(elsewhere(60))
    await second.clock.advance(86_400_000)
    expect(second.summary()).toEqual(['cleared 5 recovered'])
  })

  test.each([
    ['a few seconds', 10, 302],
    ['an hour: silence that nobody heard is no health', 3600, 3900],
  ])('and has ended while it was away for %s, is cleared once', async (_away, backS, clearedS) => {
    const folder = await loopOfThree()
    const second = await agent(folder, backS)
    await second.feed(elsewhere(backS))
    expect(second.summary()).toEqual([])
    await second.clock.advance(86_400_000)
    expect(second.summary()).toEqual(['cleared 3 recovered'])
    expect(Number(second.found()[0]?.timeUnixNano) / 1e9 - kStart).toBeCloseTo(clearedS, 0)
    await second.processor.shutdown()
    const third = await agent(folder, 90_000)
    await third.feed(elsewhere(90_000))
    await third.clock.advance(86_400_000)
    expect(third.summary()).toEqual([])
  })

  test('that goes on for an hour without an agent is not told as over', async () => {
    const second = await agent(await loopOfThree(), 3600)
    await second.feed(elsewhere(3600), ...round(3610, 500), ...round(3611, 501), ...round(3612, 502))
    expect(second.summary()).toEqual(['updated 6'])
  })

  test('and was given up is still down', async () => {
    const folder = await loopOfThree(at(names.failed, 3, 3), at(names.startLimitHit, 3, 3))
    const second = await agent(folder, 20)
    await second.feed(elsewhere(20), at(names.startLimitHit, 3, 3))
    await second.clock.advance(86_400_000)
    expect(second.summary()).toEqual(['cleared 4 gave_up'])
  })

  test('of a time that has not been yet is not believed', async () => {
    const second = await agent(await loopOfThree(), -3600)
    await second.feed(elsewhere(-3600))
    await second.clock.advance(86_400_000)
    expect(second.summary()).toEqual([])
  })
})

describe('a damaged state', () => {
  const limits = { threshold: 3, windowMs: 300_000, slowMs: 0, healthyMs: 300_000, maxUnits: 4 }

  function detector(told: Detection[] = [], maxUnits = limits.maxUnits) {
    return new CrashLoopDetector({ ...limits, maxUnits }, standAlone(told))
  }

  function crash(unit: string, atMs: number, run: number): UnitSignal {
    const event = at(names.failed, 0, run, {}, unit)
    const known = { key: `unit:${unit}`, name: unit, resource: event.resource }
    const how = 'exit-code/3'
    return {
      kind: 'failed',
      unit: known,
      atMs: kStart * 1000 + atMs,
      invocationId: runId(run),
      auto: false,
      how,
      quiet: undefined,
      event,
    }
  }

  /** Loops of three crashes each, as JSON has them. */
  function kept(...units: readonly string[]) {
    const loops = detector()
    for (const [n, unit] of units.entries())
      for (let run = 0; run < 3; run++) loops.signal(crash(unit, 1000 * run, n * 10 + run))
    return JSON.parse([...savedText(loops.save())].join(''))
  }

  test.each<[string, (episode: Record<string, never> & { last: Record<string, unknown>[] }) => void]>([
    ['no name', (one) => Object.assign(one, { name: 7 })],
    ['a name without end', (one) => Object.assign(one, { name: 'a'.repeat(5000) })],
    ['no resource', (one) => Object.assign(one, { resource: undefined })],
    [
      'attributes of another form',
      (one) => Object.assign(one, { resource: { key: 'k', attributes: { a: { b: 1 } } } }),
    ],
    ['another kind', (one) => Object.assign(one, { kind: 'toString' })],
    ['another state', (one) => Object.assign(one, { state: 'fine' })],
    ['no count', (one) => Object.assign(one, { count: '3' })],
    ['a negative count', (one) => Object.assign(one, { flaps: -1 })],
    ['more told than counted', (one) => Object.assign(one, { toldCount: 4 })],
    ['no crash', (one) => Object.assign(one, { last: [] })],
    ['a hundred crashes', (one) => Object.assign(one, { last: Array(100).fill(one.last[0]), count: 100 })],
    ['a time that is none', (one) => Object.assign(one.last[1]!, { usec: 1.5 })],
    ['times that go back', (one) => Object.assign(one.last[2]!, { usec: 1 })],
    ['a run that is no trace ID', (one) => Object.assign(one, { runs: ['x'] })],
    ['a hundred runs', (one) => Object.assign(one, { runs: Array(100).fill(runId(1)) })],
    ['a negative uptime', (one) => Object.assign(one.last[0]!, { upMs: -1 })],
    ['a hundred results', (one) => Object.assign(one, { results: Array(100).fill(['a', 1]) })],
    ['more looked at than there are', (one) => Object.assign(one, { looked: 4 })],
  ])('with %s in its second loop restores nothing', (_what, damage) => {
    const saved = kept('a.service', 'b.service')
    atOnce(detector().restore(structuredClone(saved)))
    damage(saved.units[1])
    const loops = detector()
    expect(() => atOnce(loops.restore(saved))).toThrow()
    expect([loops.open, loops.dueMs]).toEqual([0, undefined])
  })

  test.each([null, [], {}, 'x', { units: 3 }])('of another form (%j) restores nothing', (saved) => {
    const loops = detector()
    expect(() => atOnce(loops.restore(saved))).toThrow()
    expect(loops.open).toBe(0)
  })

  test('with one unit twice restores nothing', () => {
    const [loop] = kept('a.service').units
    const loops = detector()
    expect(() => atOnce(loops.restore({ units: [loop, loop] }))).toThrow('twice')
    expect(loops.open).toBe(0)
  })

  test('with more units than are allowed keeps those heard of last', () => {
    const told: Detection[] = []
    const loops = detector(told, 2)
    atOnce(loops.restore(kept('a.service', 'b.service', 'c.service')))
    expect(loops.open).toBe(2)
    loops.elapse(kStart * 1000 + 10_000)
    loops.elapse(kStart * 1000 + 1e9)
    expect(told.map(({ phase, unit }) => `${phase} ${unit.name}`)).toEqual(['cleared b.service', 'cleared c.service'])
  })
})
