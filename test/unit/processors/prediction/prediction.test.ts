import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { Settings } from '../../../../src/component/component.js'
import { batchOf } from '../../../../src/data/batch.js'
import { type RawEvent, Severity } from '../../../../src/data/event.js'
import type { NumberPoint } from '../../../../src/data/metric.js'
import { detectionEvent } from '../../../../src/lib/patterns/detection-event.js'
import type { Detection } from '../../../../src/lib/patterns/detector.js'
import { savedText } from '../../../../src/lib/patterns/saved-state.js'
import { attr, filesystem, event as names } from '../../../../src/lib/systemd/names.js'
import { PredictionDetector } from '../../../../src/processors/prediction/detector.js'
import { factory } from '../../../../src/processors/prediction/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { atOnce } from '../../../../src/util/pausable.js'
import { standAlone } from '../../lib/patterns/alone.js'
import { expectPlain, mutated } from '../../lib/patterns/mutated.js'

const kStartS = 1_700_000_000
const kHour = 3600
const run = 'ab'.repeat(16)

type Story = Awaited<ReturnType<typeof story>>

/** @param startS - when the agent starts */
async function story(config: Record<string, unknown> = {}, part: Partial<Settings> = {}, startS = 0) {
  const clock = new FakeClock(BigInt(kStartS + startS) * 1_000_000_000n)
  const out = new MemoryExporter()
  const settings = testSettings('processor', 'prediction', { clock, ...part })
  const processor = factory.create(settings, createTestConfig(factory.configSchema, config) as never, out)
  await processor.start(new TestHost())
  const unixNano = (atS: number) => BigInt(Math.round((kStartS + atS) * 1e3)) * 1_000_000n

  /** @param readS - when the agent learns of it */
  async function tell(name: string, atS: number, attributes: RawEvent['attributes'], readS = atS): Promise<void> {
    await clock.advance(Number(unixNano(readS) - clock.unixNano()) / 1e6)
    const about = { [attr.unit]: 'web.service', [attr.invocationId]: run, ...attributes }
    const times = { timeUnixNano: unixNano(atS), observedTimeUnixNano: unixNano(readS) }
    const event = sampleEvent({ name, ...times, attributes: about, traceId: run })
    await processor.consume(batchOf({ events: [{ ...event, resource: sampleResource('web.service') }] }))
    await settle()
  }
  const below = (pattern: string, evidence: Record<string, string | number>) =>
    Object.fromEntries(Object.entries(evidence).map(([name, value]) => [`pattern.${pattern}.${name}`, value]))

  return {
    clock,
    processor,
    telemetry: settings.telemetry as RecordingTelemetry,
    gauges: () =>
      out.metrics
        .filter(({ name }) => name.startsWith('systemd.unit.pattern'))
        .map(({ name, points }) => [name, points[0]!.attributes['pattern.kind'], (points[0] as NumberPoint).value]),
    leak: (
      phase: string,
      atS: number,
      hours: readonly [number, number, number] | undefined,
      kind = 'memory',
      current = 500,
    ) =>
      tell(`pattern.memory_leak.${phase}`, atS, {
        'pattern.kind': kind,
        'pattern.confidence': 0.9,
        ...below('memory_leak', {
          limit: 1000,
          current,
          slope: 1,
          ...(hours === undefined
            ? {}
            : {
                time_to_limit_low: hours[0] * kHour,
                time_to_limit: hours[1] * kHour,
                time_to_limit_high: hours[2] * kHour,
              }),
        }),
      }),
    period: (phase: string, atS: number, periodS: number, kind = 'interval') =>
      tell(`pattern.periodic_crash.${phase}`, atS, {
        'pattern.kind': kind,
        'pattern.confidence': 1,
        ...below('periodic_crash', {
          period: periodS,
          count: 100,
          next_usec: (kStartS + atS + periodS) * 1e6,
          next_from_usec: (kStartS + atS + periodS * 0.9) * 1e6,
          next_until_usec: (kStartS + atS + periodS * 1.1) * 1e6,
        }),
      }),
    event: (name: keyof typeof names, atS: number, more: RawEvent['attributes'] = {}, readS = atS) =>
      tell(names[name], atS, more, readS),
    async disk(atS: number, used: number, size: number): Promise<void> {
      await clock.advance(Number(unixNano(atS) - clock.unixNano()) / 1e6)
      const point = (state: string, value: number) => ({
        attributes: { [filesystem.state]: state },
        timeUnixNano: unixNano(atS),
        value,
      })
      const resource = { key: 'unitscope', attributes: { 'service.name': 'unitscope' } }
      const points = [point('used', used), point('free', size - used)]
      await processor.consume(batchOf({ metrics: [sampleGauge([], { name: filesystem.usage, points, resource })] }))
      await settle()
    },
    own: () => out.events.filter(({ name }) => name.startsWith('pattern.prediction.')),
    said: () =>
      out.events
        .filter(({ name }) => name.startsWith('pattern.prediction.'))
        .map(({ name, attributes: a }) =>
          [a['pattern.kind'], name.split('.').at(-1), a['pattern.prediction.outcome']].filter(Boolean).join(' '),
        ),
    names: () => out.events.map(({ name }) => name),
  }
}

describe('a leak with a limit', () => {
  test('foretells when it is met, behind the finding, with an interval', async () => {
    const { leak, own, names } = await story()
    await leak('detected', 0, [2, 3, 5])
    expect(names()).toEqual(['pattern.memory_leak.detected', 'pattern.prediction.detected'])
    const [event] = own()
    expect(event!.body).toBe('memory of web.service will be used up in about 3h (2h to 5h)')
    expect(event!.traceId).toBe(run)
    expect(event!.severity).toBe(Severity.warn)
    expect(event!.attributes).toEqual({
      [attr.unit]: 'web.service',
      'pattern.kind': 'memory',
      'pattern.confidence': 0.9,
      'pattern.runs': [run],
      'pattern.prediction.basis': 'memory_leak',
      'pattern.prediction.horizon': 3 * kHour,
      'pattern.prediction.lower': 2 * kHour,
      'pattern.prediction.upper': 5 * kHour,
      'pattern.prediction.expected_usec': (kStartS + 3 * kHour) * 1e6,
      'pattern.prediction.lower_usec': (kStartS + 2 * kHour) * 1e6,
      'pattern.prediction.upper_usec': (kStartS + 5 * kHour) * 1e6,
      'pattern.prediction.limit': 1000,
      'pattern.prediction.current': 500,
      'pattern.prediction.slope': 1,
    })
  })

  test('is told again when half of the time is gone, and when it will be at another time; else not', async () => {
    const { leak, said } = await story()
    await leak('detected', 0, [2, 3, 5])
    await leak('updated', 600, [2, 3, 5])
    expect(said()).toEqual(['memory detected'])
    await leak('updated', 1.6 * kHour, [1, 1.4, 2])
    await leak('updated', 1.7 * kHour, [8, 9, 12])
    expect(said()).toEqual(['memory detected', 'memory updated', 'memory updated'])
  })

  test('is of no interest while it is farther away than asked for, or has no limit', async () => {
    const { leak, said } = await story({ max_horizon: '1d' })
    await leak('detected', 0, undefined)
    await leak('updated', 60, [20, 30, 50])
    expect(said()).toEqual([])
    await leak('updated', 12 * kHour, [10, 15, 25])
    expect(said()).toEqual(['memory detected'])
  })

  test.each([
    ['killed for it, in its time', 3, 'failed', { [attr.result]: 'oom-kill' }, 'met'],
    ['killed for it, too soon', 1, 'failed', { [attr.result]: 'oom-kill' }, 'early'],
    ['failed for another reason', 3, 'failed', { [attr.result]: 'exit-code' }, 'restarted'],
    ['stopped', 1, 'stopped', { [attr.verdict]: 'stopped_by_operator' }, 'stopped'],
    ['started anew by hand', 1, 'restarting', { [attr.restartCause]: 'manual' }, 'restarted'],
  ] as const)('ends when the unit is %s', async (_, hours, name, attributes, outcome) => {
    const { leak, event, said } = await story()
    await leak('detected', 0, [2, 3, 5])
    await event(name, hours * kHour, attributes)
    expect(said()).toEqual(['memory detected', `memory cleared ${outcome}`])
  })

  test.each([
    [1, 'early'],
    [3, 'met'],
  ])('has come when the leak tells after %d h that the limit is behind', async (hours, outcome) => {
    const { leak, said } = await story()
    await leak('updated', 0, undefined, 'memory', 1000)
    expect(said()).toEqual([])
    await leak('updated', 0, [2, 3, 5])
    await leak('updated', hours * kHour, undefined, 'memory', 1200)
    await leak('updated', (hours + 1) * kHour, undefined, 'memory', 1300)
    expect(said()).toEqual(['memory detected', `memory cleared ${outcome}`])
  })

  test('ends with the leak, or when its time has gone by, though nothing happens at all', async () => {
    const { clock, leak, said, own } = await story()
    await leak('detected', 0, [2, 3, 5])
    await leak('cleared', kHour, undefined)
    await leak('detected', kHour, [2, 3, 5], 'tasks')
    await clock.advance(6 * kHour * 1000)
    await settle()
    expect(said()).toEqual(['memory detected', 'memory cleared withdrawn', 'tasks detected', 'tasks cleared not_met'])
    expect(own().at(-1)!.timeUnixNano).toBe(BigInt(kStartS + 6 * kHour) * 1_000_000_000n)
  })

  test('is met in a quiet time, too, unless nobody knows when it was', async () => {
    const killed = { [attr.result]: 'oom-kill' }
    const booting = await story({}, { bootUnixNano: BigInt(kStartS + 3 * kHour - 60) * 1_000_000_000n })
    await booting.leak('detected', 0, [2, 3, 5])
    await booting.event('failed', 3 * kHour, killed)
    expect(booting.said()).toEqual(['memory detected', 'memory cleared met'])
    const away = await story()
    await away.leak('detected', 0, [2, 3, 5])
    await away.event('gap', 3 * kHour, { [attr.gapReason]: 'agent_down' })
    await away.event('failed', 3 * kHour, { ...killed, [attr.synthetic]: true })
    expect(away.said()).toEqual(['memory detected', 'memory cleared restarted'])
  })

  test.each([
    ['nothing', async () => {}],
    ['the end of the leak', (one: Story) => one.leak('cleared', 5 * kHour + 10, undefined)],
    ['another time', (one: Story) => one.leak('updated', 5 * kHour + 10, [1, 2, 3])],
  ] as const)('is met by what came in time, though word of it came later, and %s before that', async (_, before) => {
    const one = await story()
    await one.leak('detected', 0, [2, 3, 5])
    await before(one)
    await one.event('failed', 5 * kHour - 1, { [attr.result]: 'oom-kill' }, 5 * kHour + 30)
    await one.clock.advance(120_000)
    await settle()
    expect(one.said()).toEqual(['memory detected', 'memory cleared met'])
  })

  test.each([
    ['is killed', (one: Story) => one.event('failed', 5 * kHour + 30, { [attr.result]: 'oom-kill' }), []],
    ['is stopped', (one: Story) => one.event('stopped', 5 * kHour + 30), []],
    ['leaks no longer', (one: Story) => one.leak('cleared', 5 * kHour + 30, undefined), []],
    ['is foretold anew', (one: Story) => one.leak('updated', 5 * kHour + 30, [1, 2, 3]), ['memory detected']],
  ] as const)('is not met by a unit that %s a moment later', async (_, happens, then) => {
    const one = await story()
    await one.leak('detected', 0, [2, 3, 5])
    await happens(one)
    await one.clock.advance(120_000)
    await settle()
    expect(one.said()).toEqual(['memory detected', 'memory cleared not_met', ...then])
    const cleared = one.own().find(({ name }) => name.endsWith('cleared'))!
    expect(cleared.timeUnixNano).toBe(BigInt(kStartS + 5 * kHour) * 1_000_000_000n)
  })
})

describe('failures that come again and again', () => {
  test('are foretold one after the other, until three have not come', async () => {
    const { clock, period, event, said, own } = await story()
    await period('detected', 0, kHour)
    for (const n of [1.02, 2.04]) await event('failed', n * kHour, { [attr.result]: 'exit-code' })
    expect(said()).toEqual(['failure detected', 'failure updated', 'failure updated'])
    expect(own().at(-1)!.attributes['pattern.prediction.horizon']).toBe(kHour)
    await clock.advance(5 * kHour * 1000)
    await settle()
    expect(said().at(-1)).toBe('failure cleared not_met')
  })

  test('by the clock, one that is late does not make all later ones late', async () => {
    const { period, event, own } = await story()
    await period('detected', 0, kHour, 'clock')
    await event('failed', 1.05 * kHour, { [attr.result]: 'exit-code' })
    const expectedS = Number(own().at(-1)!.attributes['pattern.prediction.expected_usec']) / 1e6 - kStartS
    expect(expectedS).toBeCloseTo(2.025 * kHour, 0)
  })

  test('between the times are others; within a minute of each other they are not foretold', async () => {
    const { period, event, said } = await story()
    await period('detected', 0, 20)
    expect(said()).toEqual([])
    await period('detected', 100, kHour)
    await event('failed', 100 + kHour / 2, { [attr.result]: 'exit-code' })
    expect(said()).toEqual(['failure detected'])
    await period('cleared', kHour, kHour)
    expect(said().at(-1)).toBe('failure cleared withdrawn')
  })
})

test('a disk that fills is foretold on the agent’s own resource, one that is emptied now and then is not', async () => {
  const { disk, own, said } = await story()
  const size = 100 * 2 ** 30
  for (let minute = 0; minute < 300; minute++) await disk(minute * 60, size * 0.3 + (minute % 60) * 2 ** 28, size)
  expect(own()).toEqual([])
  for (let minute = 0; minute < 300; minute++) await disk((300 + minute) * 60, size * (0.35 + minute * 0.002), size)
  expect(said()[0]).toBe('disk detected')
  const [event] = own()
  expect(event!.attributes[attr.unit]).toBeUndefined()
  expect(event!.resource.key).toBe('unitscope')
  expect(event!.body).toMatch(/^the disk of the state directory will be full in about /)
  const due = (300 + 325) * 60
  expect(Number(event!.attributes['pattern.prediction.lower_usec']) / 1e6 - kStartS).toBeLessThanOrEqual(due)
  expect(Number(event!.attributes['pattern.prediction.upper_usec']) / 1e6 - kStartS).toBeGreaterThanOrEqual(due)
})

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** For what outlives an agent. */
function newFolder(): { readonly stateDirectory: string } {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-prediction-'))
  folders.push(stateDirectory)
  return { stateDirectory }
}

describe('an agent that is restarted', () => {
  /** An agent that has foretold the end of memory in three hours, and stopped. */
  async function foretold() {
    const state = newFolder()
    const first = await story({}, state)
    await first.leak('detected', 0, [2, 3, 5])
    await first.processor.shutdown()
    return state
  }

  test('does not tell again what it has told, and tells its end', async () => {
    const second = await story({}, await foretold(), 600)
    await second.leak('updated', 600, [1.9, 2.9, 4.9])
    expect(second.said()).toEqual([])
    const due = kStartS + 3 * kHour
    expect(second.gauges()).toEqual([
      ['systemd.unit.pattern', 'memory', 1],
      ['systemd.unit.pattern.expected_time', 'memory', due],
    ])
    await second.leak('cleared', 700, undefined)
    expect(second.said()).toEqual(['memory cleared withdrawn'])
    expect(second.own()[0]!.traceId).toBe(run)
  })

  test('goes by what was foretold: in its time it is met', async () => {
    const second = await story({}, await foretold(), kHour)
    await second.event('failed', 2.5 * kHour, { [attr.result]: 'oom-kill' })
    expect(second.said()).toEqual(['memory cleared met'])
  })

  test('does not say that something did not come which was due when nobody watched; and says so once', async () => {
    const state = await foretold()
    const second = await story({}, state, 9 * kHour)
    await second.leak('cleared', 9 * kHour, undefined, 'tasks')
    await second.clock.advance(29 * 60_000)
    expect(second.said()).toEqual([])
    await second.clock.advance(2 * 60_000)
    expect(second.said()).toEqual(['memory cleared unseen'])
    expect(second.own()[0]!.body).toBe('memory of web.service will be used up: nobody watched when it was due')
    await second.processor.shutdown()
    const third = await story({}, state, 20 * kHour)
    await third.leak('cleared', 20 * kHour, undefined, 'tasks')
    await third.clock.advance(kHour * 1000)
    expect(third.said()).toEqual([])
  })

  test.each([
    [1.5, 'early'],
    [3, 'met'],
    // Nobody watched whether it was the first.
    [8, 'unseen'],
  ] as const)('and was away reads of a kill after %s hours: %s', async (hours, outcome) => {
    const second = await story({}, await foretold(), 9 * kHour)
    await second.event('failed', hours * kHour, { [attr.result]: 'oom-kill' }, 9 * kHour + 1)
    expect(second.said()).toEqual([`memory cleared ${outcome}`])
  })

  test('and was away while memory was due hears of the leak again: it is due at another time', async () => {
    const second = await story({}, await foretold(), 9 * kHour)
    await second.leak('updated', 9 * kHour + 60, [1, 2, 3])
    expect(second.said()).toEqual(['memory updated'])
    await second.clock.advance(kHour * 1000)
    expect(second.said()).toEqual(['memory updated'])
  })

  test('goes on with failures that come again and again', async () => {
    const state = newFolder()
    const first = await story({}, state)
    await first.period('detected', 0, kHour)
    await first.processor.shutdown()
    const second = await story({}, state, 600)
    await second.event('failed', 1.01 * kHour, { [attr.result]: 'exit-code' })
    expect(second.said()).toEqual(['failure updated'])
    expect(second.own()[0]!.attributes['pattern.prediction.horizon']).toBe(kHour)
  })

  test('knows how full the disk was', async () => {
    const state = newFolder()
    const size = 100 * 2 ** 30
    const used = (minute: number): number => size * (0.35 + minute * 0.002)
    const first = await story({}, state)
    for (let minute = 0; minute < 265; minute++) await first.disk(minute * 60, used(minute), size)
    expect(first.said()[0]).toBe('disk detected')
    await first.processor.shutdown()
    const second = await story({}, state, 265 * 60)
    for (let minute = 265; minute < 275; minute++) await second.disk(minute * 60, used(minute), size)
    // It stands, and is told once more at most: by how it goes on.
    expect(second.said().filter((said) => said !== 'disk updated')).toEqual([])
    for (let minute = 275; minute < 600; minute++) await second.disk(minute * 60, size * 0.3, size)
    expect(second.said().at(-1)).toBe('disk cleared withdrawn')
  })

  test('whose clock was years ahead is not believed', async () => {
    const state = newFolder()
    const first = await story({}, state, 9 * 365 * 24 * kHour)
    await first.leak('detected', 9 * 365 * 24 * kHour, [2, 3, 5])
    await first.processor.shutdown()
    const second = await story({}, state)
    await second.leak('detected', 60, [2, 3, 5])
    expect(second.said()).toEqual(['memory detected'])
  })

  /** The state file's text, and what is in it. */
  function kept({ stateDirectory }: { readonly stateDirectory: string }) {
    const [name] = readdirSync(stateDirectory)
    const file = join(stateDirectory, name!)
    return { file, json: JSON.parse(readFileSync(file, 'utf8').replace(/^.*\n/, '')) }
  }

  test('with a file that is damaged begins anew, says so, and sets it aside', async () => {
    const state = await foretold()
    const { file } = kept(state)
    writeFileSync(file, readFileSync(file, 'utf8').replace('memory_leak', 'memory_lake'))
    const second = await story({}, state, 600)
    expect(second.telemetry.errors.get('state_damaged')).toBe(1)
    expect(readdirSync(state.stateDirectory)).toEqual([`${file.split('/').at(-1)!}.damaged`])
    await second.leak('detected', 600, [2, 3, 5])
    expect(second.said()).toEqual(['memory detected'])
  })

  test('takes from a file that somebody has changed all or nothing, and says nothing insane', async () => {
    const state = newFolder()
    const first = await story({}, state)
    await first.leak('detected', 0, [2, 3, 5])
    await first.leak('detected', 0, [3, 4, 5], 'tasks')
    await first.period('detected', 0, kHour)
    for (let minute = 1; minute < 40; minute++) await first.disk(minute * 60, 2 ** 30 + minute * 2 ** 20, 2 ** 40)
    await first.processor.shutdown()
    const { json } = kept(state)
    let [refused, taken] = [0, 0]
    fc.assert(
      fc.property(mutated(json), (changed) => {
        const { detector, told } = alone()
        try {
          atOnce(detector.restore(changed))
        } catch {
          refused++
          expect(detector.open).toBe(0)
          return
        }
        taken++
        const nowMs = (kStartS + kHour) * 1000
        expect(detector.open).toBeLessThanOrEqual(4)
        for (let hours = 0; hours < 12; hours++) detector.elapse(nowMs + hours * kHour * 1000)
        for (const one of told)
          expectPlain(detectionEvent('prediction', one, BigInt(Math.round(one.atMs * 1000)) * 1000n))
        for (const { expectedMs } of detector.openFindings()) expect(Number.isFinite(expectedMs)).toBe(true)
        atOnce(alone().detector.restore(JSON.parse([...savedText(detector.save())].join(''))))
      }),
      { numRuns: 500 },
    )
    expect(refused).toBeGreaterThan(50)
    expect(taken).toBeGreaterThan(5)
  })
})

/** The detector without its host; steady time is the clock's. */
function alone() {
  const told: Detection[] = []
  const context = standAlone(told)
  return { told, detector: new PredictionDetector(createTestConfig(factory.configSchema, {}) as never, context) }
}

test('findings that do not say when are passed on, and foretell nothing', async () => {
  const { period, said, names } = await story()
  await period('detected', 0, 0)
  expect(names()).toEqual(['pattern.periodic_crash.detected'])
  expect(said()).toEqual([])
})

test('a horizon that ends before it begins is refused', () => {
  const config = createTestConfig(factory.configSchema, { max_horizon: '30s' }) as never
  expect(factory.check(config)).toEqual([{ path: ['max_horizon'], reason: 'must be longer than `min_horizon`' }])
})
