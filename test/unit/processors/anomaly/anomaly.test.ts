import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { Chance } from '../../../../bench/patterns/random.mjs'
import { detectionEvent } from '../../../../src/lib/patterns/detection-event.js'
import type { Detection } from '../../../../src/lib/patterns/detector.js'
import type { SavedState } from '../../../../src/lib/patterns/saved-state.js'
import { attr } from '../../../../src/lib/systemd/names.js'
import { AnomalyDetector } from '../../../../src/processors/anomaly/detector.js'
import { factory } from '../../../../src/processors/anomaly/factory.js'
import { kBlockBytes, UnitBaseline } from '../../../../src/processors/anomaly/unit-baseline.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { expectPlain, type Json, mutated } from '../../lib/patterns/mutated.js'
import { kDay, kHour, kMinute, kStartS, mebibyte, story, type Use } from './story.js'

/** A service that works by day, with noise that is the same each time. */
function usual(seed = 1): (atS: number) => Required<Use> {
  const chance = new Chance(seed)
  return (atS) => {
    const load = (1.2 - Math.cos((((kStartS + atS) % kDay) / kDay) * 2 * Math.PI)) * Math.exp(chance.normal(0, 0.1))
    return {
      cpu: 0.4 * load,
      held: (200 + 10 * load) * mebibyte,
      file: 500 * mebibyte * chance.next(),
      io: 1e6 * load,
      tasks: 20,
      waits: 0.01 * load,
    }
  }
}
const noon = 3 * kDay + (kDay - (kStartS % kDay)) + kDay / 2

describe('what is not as it was', () => {
  const stories: readonly (readonly [string, (use: Required<Use>) => Use, string])[] = [
    ['CPU that is burnt', (use) => ({ ...use, cpu: use.cpu + 8 }), 'cpu'],
    ['memory that is taken', (use) => ({ ...use, held: use.held * 4 }), 'memory'],
    ['a disk that is written full', (use) => ({ ...use, io: use.io * 100 }), 'io'],
    ['processes that pile up', (use) => ({ ...use, tasks: 300 }), 'tasks'],
    ['waiting for what others use', (use) => ({ ...use, waits: 0.9 }), 'pressure'],
    ['a service that hangs', (use) => ({ ...use, cpu: 0 }), 'cpu'],
  ]
  test.each(stories)('%s is told of within the hour, once, and over when it is', async (_story, change, kind) => {
    const { live, phases, found } = await story()
    const use = usual()
    await live(0, noon, use)
    expect(phases()).toEqual([])
    await live(noon, noon + 2 * kHour, (atS) => change(use(atS)))
    expect(phases()[0]).toBe(`${kind} detected`)
    expect(Number(found()[0]!.timeUnixNano) / 1e9 - kStartS - noon).toBeLessThan(kHour)
    await live(noon + 2 * kHour, noon + 8 * kHour, use)
    expect(phases().at(-1)).toBe(`${kind} cleared`)
    expect(phases().filter((phase) => phase.endsWith('detected'))).toHaveLength(1)
  })

  test('is told in words and numbers', async () => {
    const { live, found } = await story()
    const use = usual()
    await live(0, noon, use)
    await live(noon, noon + kHour, (atS) => ({ ...use(atS), cpu: 9 }))
    const { body, attributes } = found()[0]!
    expect(body).toMatch(
      /^web\.service: CPU is 9 cores, usually about (0\.[6-9]\d*|1\.?\d*) cores at this time of day: /,
    )
    expect(attributes['pattern.anomaly.value']).toBeCloseTo(9, 1)
    expect(Number(attributes['pattern.anomaly.p_value'])).toBeLessThan(1e-3)
    expect(attributes['pattern.anomaly.surprise']).toBeGreaterThan(Number(attributes['pattern.anomaly.needed']))
    expect(attributes['pattern.confidence']).toBeGreaterThanOrEqual(0.9)
  })
})

describe('what is nothing', () => {
  const odd = (use: Required<Use>): Use => ({ ...use, cpu: 9, held: 2 ** 32, tasks: 500 })

  test('one interval alone', async () => {
    const { live, phases } = await story()
    const use = usual()
    await live(0, noon, use)
    await live(noon, noon + 5 * kMinute, (atS) => ({ ...use(atS), cpu: 9 }))
    await live(noon + 5 * kMinute, noon + kDay, use)
    expect(phases()).toEqual([])
  })

  test('a page cache that comes and goes, or a difference that bothers nobody', async () => {
    const { live, phases } = await story()
    const idle = (): Use => ({ cpu: 0.0001, held: 5 * mebibyte, file: mebibyte, tasks: 1 })
    await live(0, noon, idle)
    await live(noon, noon + 6 * kHour, () => ({ cpu: 0.02, held: 12 * mebibyte, file: 4096 * mebibyte, tasks: 3 }))
    expect(phases()).toEqual([])
  })

  test('the first hour, and a job that a young baseline has not seen yet', async () => {
    const { live, phases } = await story()
    const idle = (): Use => ({ cpu: 0.001, held: 20 * mebibyte, tasks: 2 })
    await live(0, 40 * kMinute, idle)
    await live(40 * kMinute, kHour, (atS) => odd(usual()(atS)))
    await live(kHour, 10 * kHour, idle)
    await live(10 * kHour, 11 * kHour, (atS) => odd(usual()(atS)))
    await live(11 * kHour, kDay, idle)
    expect(phases()).toEqual([])
  })

  test('a deployment, and what the new version needs from then on', async () => {
    const { live, tell, phases } = await story()
    const use = usual()
    await live(0, noon, use)
    const by = { [attr.restartCause]: 'manual' }
    await tell('restarting', noon, by)
    await tell('restarted', noon + 1, by)
    await live(noon + 60, noon + 2 * kDay, (atS) => ({ ...use(atS), held: 2 * use(atS).held, tasks: 60 }))
    expect(phases()).toEqual([])
  })

  test('readings that are offered again, and counters that begin anew', async () => {
    const { live, phases } = await story()
    const use = usual()
    await live(0, noon, use)
    await live(noon - 150, noon + kHour, use)
    expect(phases()).toEqual([])
  })
})

describe('a service that has weekends off', () => {
  const weekday = (atS: number) => Math.floor((kStartS + atS) / kDay + 3) % 7
  const office = (seed: number) => {
    const use = usual(seed)
    return (atS: number) => {
      const one = use(atS)
      return weekday(atS) < 5
        ? { ...one, cpu: 3 * one.cpu }
        : { ...one, cpu: 0.05 * one.cpu, io: 0.05 * one.io, waits: 0 }
    }
  }
  // The first Monday after the start, at nine.
  const monday = 6 * kDay - (kStartS % kDay) + 9 * kHour

  test('is told of neither on its first weekend, nor on the Monday after it, nor later', async () => {
    const { live, phases } = await story()
    await live(0, 3 * 7 * kDay, office(2), { everyS: 300 })
    expect(phases()).toEqual([])
  })

  test('is told of when a Monday is like a Sunday, once there were four weeks', async () => {
    const { live, phases, found } = await story()
    const use = office(3)
    const beginS = monday + 4 * 7 * kDay
    await live(0, beginS, use, { everyS: 300 })
    expect(phases()).toEqual([])
    const sunday = (atS: number) => ({ ...use(atS), cpu: 0.03, io: 1e5, waits: 0 })
    await live(beginS, beginS + 3 * kHour, sunday, { everyS: 300 })
    expect(phases()[0]).toMatch(/^(cpu|io) detected$/)
    expect(Number(found()[0]!.timeUnixNano) / 1e9 - kStartS - beginS).toBeLessThan(3 * kHour)
  })
})

test('a series that no longer goes with the others is told of, though its value is one that it has each day', async () => {
  const { live, phases, found } = await story()
  const chance = new Chance(9)
  let load = 0
  // Load that comes and goes over hours: no time of day explains it.
  const use = (stuck?: number) => (): Use => {
    load = 0.98 * load + 0.2 * chance.normal()
    const of = (scale: number) => scale * 2 ** load * Math.exp(chance.normal(0, 0.05))
    return { cpu: stuck ?? of(2), held: of(800) * mebibyte, io: of(8e6), tasks: Math.round(of(200)) }
  }
  await live(0, 10 * kDay, use(), { everyS: 300 })
  expect(phases()).toEqual([])
  load = 1.2
  await live(10 * kDay, 10 * kDay + 2 * kHour, use(0.9), { everyS: 300 })
  expect(phases()[0]).toBe('cpu detected')
  expect(found()[0]!.attributes['pattern.anomaly.question']).toBe('apart')
  expect(found()[0]!.body).toContain('beside the rest')
})

test('a young baseline sees what goes on for hours, from the first hour on', async () => {
  const { live, phases } = await story()
  const use = usual()
  await live(0, 3 * kHour, use)
  await live(3 * kHour, 13 * kHour, (atS) => ({ ...use(atS), held: 4096 * mebibyte }))
  expect(phases()[0]).toBe('memory detected')
})

describe('failures', () => {
  const fails = { [attr.result]: 'exit-code', [attr.exitCode]: 1 }

  test('of a unit that has none are told of when they are many, and not when it is one', async () => {
    const { tell, phases, found } = await story()
    await tell('started', 0)
    for (let day = 1; day < 20; day++) await tell('reloaded', day * kDay)
    await tell('failed', 20 * kDay, fails)
    expect(phases()).toEqual([])
    for (let n = 1; n < 6; n++) await tell('failed', 20 * kDay + n * 25 * kMinute, fails)
    expect(phases()).toEqual(['restart_rate detected'])
    expect(found()[0]!.body).toMatch(
      /^web\.service: \d runs have failed, or were begun anew, within (2|24) hours: usual is less than one a day$/,
    )
  })

  test('of a unit that has been watched for less than an hour say nothing: a crash loop is told of by others', async () => {
    const { tell, phases } = await story()
    await tell('started', 60)
    for (let n = 0; n < 30; n++) await tell('failed', 70 + n * 60, fails)
    expect(phases()).toEqual([])
  })

  test('of a unit that always fails this often are none of its anomalies', async () => {
    const { tell, phases } = await story()
    const chance = new Chance(3)
    for (const atMs of chance.poisson(0, 20 * kDay * 1000, 3 * kHour * 1000)) await tell('failed', atMs / 1000, fails)
    expect(phases().length).toBeLessThanOrEqual(1)
  })
})

test('a start that takes far longer than the last ones is told of', async () => {
  const { tell, phases, found } = await story()
  const start = (atS: number, tookS: number) =>
    tell('started', atS, {
      [attr.inactiveExitUsec]: (kStartS + atS - tookS) * 1e6,
      [attr.activeEnterUsec]: (kStartS + atS) * 1e6,
    })
  for (let n = 1; n <= 10; n++) await start(n * kHour, 2 + (n % 3) / 10)
  expect(phases()).toEqual([])
  await start(12 * kHour, 40)
  expect(phases()).toEqual(['start_duration detected'])
  expect(found()[0]!.body).toBe('web.service: the start took 40 s, usually 2.1 s')
})

test('a storm of findings is told by its most surprising: each makes the bar higher for the next', async () => {
  const { live, phases } = await story({ max_alarms_per_week: 0.1 })
  const units = Array.from({ length: 20 }, (_, n) => ({ unit: `u${n}.service`, use: usual(n) }))
  const beginS = 2.2 * kDay
  for (let atS = 0; atS < beginS + kHour; atS += 300)
    for (const { unit, use } of units)
      await live(atS, atS + 300, () => ({ ...use(atS), ...(atS < beginS ? {} : { waits: 0.9 }) }), {
        unit,
        everyS: 300,
      })
  const told = phases().filter((phase) => phase.endsWith('detected')).length
  expect(told).toBeGreaterThan(2)
  expect(told).toBeLessThan(20)
})

describe('what was learned', () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-anomaly-'))
  afterAll(() => rmSync(stateDirectory, { recursive: true }))

  test('outlives the agent', async () => {
    const use = usual()
    const first = await story({}, { stateDirectory })
    await first.live(0, noon, use)
    await first.processor.shutdown()
    const second = await story({}, { stateDirectory })
    await second.live(noon, noon + kHour, (atS) => ({ ...use(atS), cpu: 9 }))
    expect(second.phases()[0]).toBe('cpu detected')
    await second.processor.shutdown()
  })

  test('takes at most 4 KB for each unit', () => {
    expect(kBlockBytes).toBeLessThanOrEqual(4096)
  })
})

describe('what is open when the agent ends', () => {
  const odd = (atS: number) => ({ ...usual()(atS), cpu: 9 })
  const directories: string[] = []
  afterAll(() => {
    for (const directory of directories) rmSync(directory, { recursive: true })
  })

  /** CPU that is burnt from noon on; the agent ends an hour later. */
  async function ended() {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-anomaly-'))
    directories.push(stateDirectory)
    const first = await story({}, { stateDirectory })
    await first.live(0, noon, usual())
    await first.live(noon, noon + kHour, odd)
    expect(first.phases()).toEqual(['cpu detected'])
    await first.processor.shutdown()
    return { stateDirectory, toldAtS: Number(first.found()[0]!.timeUnixNano) / 1e9 - kStartS }
  }

  test('is not told of again, and is over when it is', async () => {
    const { stateDirectory, toldAtS } = await ended()
    const second = await story({}, { stateDirectory })
    await second.live(noon + 2 * kHour, noon + 4 * kHour, odd)
    expect(second.phases()).toEqual([])
    await second.live(noon + 4 * kHour, noon + 8 * kHour, usual())
    expect(second.phases()).toEqual(['cpu cleared'])
    const { attributes, timeUnixNano } = second.found()[0]!
    const overAtS = Number(timeUnixNano) / 1e9 - kStartS
    expect(overAtS).toBeGreaterThan(noon + 4 * kHour)
    expect(attributes['pattern.anomaly.duration']).toBeCloseTo(overAtS - toldAtS, 0)
    await second.processor.shutdown()
  })

  test('has half an hour to be seen again: what went on unwatched was not over', async () => {
    const { stateDirectory } = await ended()
    const second = await story({}, { stateDirectory })
    const fromS = noon + 2 * kDay
    await second.live(fromS, fromS + kHour, usual())
    expect(second.phases()).toEqual(['cpu cleared'])
    expect(Number(second.found()[0]!.timeUnixNano) / 1e9 - kStartS - fromS).toBeCloseTo(kHour / 2, 0)
    await second.processor.shutdown()
  })

  test('is over although the unit is gone, and though the clock has been set back since', async () => {
    const { stateDirectory } = await ended()
    const second = await story({}, { stateDirectory })
    await second.live(kDay, kDay + 3 * kHour, usual(), { unit: 'other.service' })
    expect(second.phases()).toEqual(['cpu cleared'])
    expect(second.found()[0]!.resource.attributes[attr.unit]).toBe('web.service')
    await second.processor.shutdown()
  })
})

describe('what is suspected when the agent ends', () => {
  const busy = (atS: number) => ({ ...usual()(atS), cpu: 3.2 * usual()(atS).cpu })

  /** CPU that must go on for a while to be told of; the agent ends a quarter of an hour after it began. */
  async function ended(stateDirectory: string) {
    const first = await story({}, { stateDirectory })
    await first.live(0, noon, usual())
    await first.live(noon, noon + 15 * kMinute, busy)
    expect(first.phases()).toEqual([])
    await first.processor.shutdown()
  }

  /** When it is told of, in minutes after its begin, by an agent that reads again `afterMinutes` later. */
  async function toldAt(afterMinutes: number) {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-anomaly-'))
    await ended(stateDirectory)
    const second = await story({}, { stateDirectory })
    const fromS = noon + (15 + afterMinutes) * kMinute
    await second.live(fromS, fromS + 3 * kHour, busy)
    await second.processor.shutdown()
    rmSync(stateDirectory, { recursive: true })
    const [told] = second.found()
    expect(told?.attributes['pattern.kind']).toBe('cpu')
    return (Number(told!.timeUnixNano) / 1e9 - kStartS - noon) / kMinute
  }

  test('is told of as if nothing had been, if it went on; after more than half an hour it must go on anew', async () => {
    const { live, found } = await story()
    await live(0, noon, usual())
    await live(noon, noon + 3 * kHour, busy)
    const untroubled = (Number(found()[0]!.timeUnixNano) / 1e9 - kStartS - noon) / kMinute
    expect(untroubled).toBeGreaterThan(40)
    expect(await toldAt(0)).toBeCloseTo(untroubled)
    expect(await toldAt(20)).toBeCloseTo(untroubled)
    expect(await toldAt(60)).toBeGreaterThan(75 + 40)
  })

  test('is forgotten where it did not go on', async () => {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-anomaly-'))
    await ended(stateDirectory)
    const second = await story({}, { stateDirectory })
    await second.live(noon + 15 * kMinute, noon + 3 * kHour, usual())
    expect(second.phases()).toEqual([])
    await second.processor.shutdown()
    rmSync(stateDirectory, { recursive: true })
  })
})

describe('a state that is not what was learned is refused whole', () => {
  const key = 'a unit'
  const learned = new UnitBaseline().save()
  const open = {
    name: 'web.service',
    resource: { key, attributes: {} },
    kind: 'cpu',
    sinceUsec: 1,
    untilUsec: 2,
    kinds: ['cpu'],
  }
  const suspicion = {
    ...{ away: 2.5, usual: 1.5, surprise: 4, needed: 3, reason: 'run', isLong: true },
    ...{ untilUsec: 2.4e9, seenUsec: 3e8 },
  }
  const suspected = (more: Readonly<Record<string, unknown>>) => ({ suspicions: { io: { ...suspicion, ...more } } })
  /** The block with other words in it, from `at` on. */
  const with32 = (at: number, value: number) => {
    const block = Buffer.from(learned, 'base64')
    block.writeFloatLE(value, at)
    return block.toString('base64')
  }
  const detector = (config: Record<string, unknown> = {}) => {
    const context = {
      unixNano: (atMs: number) => BigInt(Math.round(atMs * 1000)) * 1000n,
      steadyMs: (unixNano: bigint) => Number(unixNano) / 1e6,
      evicted: () => expect.unreachable('nothing was forgotten'),
    }
    return new AnomalyDetector(createTestConfig(factory.configSchema, config) as never, context as never)
  }
  const restore = (one: AnomalyDetector, saved: unknown) => [...one.restore(saved)]
  const text = (state: SavedState | undefined) => JSON.stringify({ ...state, units: [...state!.units] })

  test('what is saved is read back as it was', () => {
    const saved = { bar: 0.5, units: [[key, learned, { open, suspicions: { io: suspicion } }]] }
    const one = detector()
    restore(one, saved)
    expect(text(one.save())).toBe(JSON.stringify(saved))
    expect([...one.openFindings()]).toMatchObject([{ unit: { key, name: 'web.service' }, kind: 'cpu' }])
  })

  test('of more units than are allowed, those heard of last are kept', () => {
    const one = detector({ max_units: 2 })
    restore(one, { bar: 0, units: ['a', 'b', 'c'].map((name) => [name, learned]) })
    expect([...one.save().units].map((unit) => (unit as string[])[0])).toEqual(['b', 'c'])
  })

  test.each<readonly [string, unknown]>([
    ['no bar', { units: [] }],
    ['no units', { bar: 0 }],
    [
      'a unit twice',
      {
        bar: 0,
        units: [
          [key, learned],
          [key, learned],
        ],
      },
    ],
    ['a unit without a name', { bar: 0, units: [[7, learned]] }],
    ['too few bytes', { bar: 0, units: [[key, 'AAAA']] }],
    ['fewer failures than none', { bar: 0, units: [[key, with32(4, -1)]] }],
    ['a level that is no number', { bar: 0, units: [[key, with32(36, Number.NaN)]] }],
    ['a level beyond all numbers of octaves', { bar: 0, units: [[key, with32(36, 1e30)]] }],
    ['a level without end', { bar: 0, units: [[key, with32(36, Number.POSITIVE_INFINITY)]] }],
    ['a slot of the day that is none', { bar: 0, units: [[key, with32(64, 24)]] }],
    ['counts that do not add up', { bar: 0, units: [[key, with32(32 + 5 * 192 + 64, 1)]] }],
    ['an open finding without a name', { bar: 0, units: [[key, learned, { open: { ...open, name: 7 } }]] }],
    ['of no known kind', { bar: 0, units: [[key, learned, { open: { ...open, kinds: ['cpu', 'luck'] } }]] }],
    ['not of its own kind', { bar: 0, units: [[key, learned, { open: { ...open, kinds: ['io'] } }]] }],
    ['that ends before it began', { bar: 0, units: [[key, learned, { open: { ...open, untilUsec: 0 } }]] }],
    ['a suspicion of nothing', { bar: 0, units: [[key, learned, { suspicions: { luck: suspicion } }]] }],
    ['a suspicion without a reason', { bar: 0, units: [[key, learned, suspected({ reason: 'luck' })]] }],
    ['one that is no number', { bar: 0, units: [[key, learned, suspected({ away: null })]] }],
    ['one that is further away than anything', { bar: 0, units: [[key, learned, suspected({ usual: 1e300 })]] }],
    ['one that never ends', { bar: 0, units: [[key, learned, suspected({ untilUsec: 2 ** 52 })]] }],
    ['one that ends before it began', { bar: 0, units: [[key, learned, suspected({ untilUsec: -3e8 })]] }],
    ['at no time', { bar: 0, units: [[key, learned, { open: { ...open, sinceUsec: 0.5 } }]] }],
  ])('%s', (_what, saved) => {
    const one = detector()
    const before = text(one.save())
    expect(() => restore(one, saved)).toThrow()
    expect(text(one.save())).toBe(before)
    expect(one.open).toBe(0)
  })
})

test('a state of which anything is altered is refused, or does no harm: what is open ends, and what is told is plain', async () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-anomaly-'))
  const first = await story({}, { stateDirectory })
  await first.live(0, noon, usual())
  await first.live(noon, noon + kHour, (atS) => ({ ...usual()(atS), cpu: 9 }))
  await first.processor.shutdown()
  const [file] = readdirSync(stateDirectory)
  const good = JSON.parse(readFileSync(join(stateDirectory, file!), 'utf8').split('\n').slice(1).join('\n')) as Json
  rmSync(stateDirectory, { recursive: true })
  const nowMs = (kStartS + noon + 2 * kHour) * 1000
  let [taken, refused] = [0, 0]
  fc.assert(
    fc.property(mutated(good), (state) => {
      const told: Detection[] = []
      const unixNano = (atMs: number) => BigInt(Math.round(atMs * 1000)) * 1000n
      const steadyMs = (nano: bigint) => Number(nano) / 1e6
      const context = { tell: (one: Detection) => void told.push(one), unixNano, steadyMs, quiet: () => undefined }
      const one = new AnomalyDetector(createTestConfig(factory.configSchema, {}) as never, context as never)
      try {
        expect([...one.restore(state)].length).toBeLessThanOrEqual(32)
      } catch {
        refused++
        expect([one.open, [...one.save().units].length]).toEqual([0, 0])
        return
      }
      taken++
      for (let hours = 0; hours < 5; hours++) one.elapse(nowMs + hours * 3_600_000)
      expect(one.open).toBe(0)
      for (const detection of told) expectPlain(detectionEvent('anomaly', detection, unixNano(detection.atMs)))
    }),
    { numRuns: 1000 },
  )
  expect(Math.min(taken, refused)).toBeGreaterThan(5)
})

test('numbers that are none, or without end, do no harm', async () => {
  const { live, phases } = await story()
  const use = usual()
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 1e308]
  let n = 0
  await live(0, noon, (atS) => {
    const one = use(atS)
    return ++n % 10 === 0
      ? { ...one, cpu: 0, held: bad[(n / 10) % bad.length]!, tasks: bad[(n / 10) % bad.length]! }
      : one
  })
  await live(noon, noon + kHour, (atS) => ({ ...use(atS), io: 1e9 }))
  expect(phases()[0]).toBe('io detected')
})

test('two things that go wrong at once are one finding, named by the more surprising, and both are told of', async () => {
  const { live, phases } = await story()
  const use = usual()
  await live(0, noon, use)
  await live(noon, noon + 20 * kMinute, (atS) => ({ ...use(atS), io: 1e9, waits: 0.9 }))
  expect(phases().filter((phase) => phase.endsWith('detected'))).toHaveLength(1)
  expect(
    phases()
      .map((phase) => phase.split(' ')[0])
      .sort(),
  ).toEqual(['io', 'pressure'])
})

test('a baseline of less than an hour is refused', () => {
  const complain = (baseline_period: string) =>
    factory.check(createTestConfig(factory.configSchema, { baseline_period }) as never)
  expect(complain('10m')).toEqual([{ path: ['baseline_period'], reason: expect.stringContaining('at least 1h') }])
  expect(complain('6h')).toEqual([])
})
