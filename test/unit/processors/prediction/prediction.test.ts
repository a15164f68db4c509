import { describe, expect, test } from 'vitest'
import { batchOf } from '../../../../src/data/batch.js'
import { type RawEvent, Severity } from '../../../../src/data/event.js'
import { attr, filesystem, event as names } from '../../../../src/lib/systemd/names.js'
import { factory } from '../../../../src/processors/prediction/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource } from '../../../../src/testkit/sample.js'
import { TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

const kStartS = 1_700_000_000
const kHour = 3600
const run = 'ab'.repeat(16)

async function story(config: Record<string, unknown> = {}) {
  const clock = new FakeClock(BigInt(kStartS) * 1_000_000_000n)
  const out = new MemoryExporter()
  const settings = testSettings('processor', 'prediction', { clock })
  const processor = factory.create(settings, createTestConfig(factory.configSchema, config) as never, out)
  await processor.start(new TestHost())
  const unixNano = (atS: number) => BigInt(Math.round((kStartS + atS) * 1e3)) * 1_000_000n

  async function tell(name: string, atS: number, attributes: RawEvent['attributes']): Promise<void> {
    await clock.advance(Number(unixNano(atS) - clock.unixNano()) / 1e6)
    const about = { [attr.unit]: 'web.service', [attr.invocationId]: run, ...attributes }
    const event = sampleEvent({ name, timeUnixNano: unixNano(atS), attributes: about, traceId: run })
    await processor.consume(batchOf({ events: [{ ...event, resource: sampleResource('web.service') }] }))
    await settle()
  }
  const below = (pattern: string, evidence: Record<string, string | number>) =>
    Object.fromEntries(Object.entries(evidence).map(([name, value]) => [`pattern.${pattern}.${name}`, value]))

  return {
    clock,
    leak: (phase: string, atS: number, hours: readonly [number, number, number] | undefined, kind = 'memory') =>
      tell(`pattern.memory_leak.${phase}`, atS, {
        'pattern.kind': kind,
        'pattern.confidence': 0.9,
        ...below('memory_leak', {
          limit: 1000,
          current: 500,
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
    event: (name: keyof typeof names, atS: number, more: RawEvent['attributes'] = {}) => tell(names[name], atS, more),
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
