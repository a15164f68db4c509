import { describe, expect, test } from 'vitest'
import { parseComponentId } from '../../../src/component/id.js'
import { ResourcePool } from '../../../src/data/resource.js'
import { createSelfTelemetry } from '../../../src/telemetry/self-telemetry.js'
import { FakeClock } from '../../../src/testkit/fake-clock.js'
import { seededRandom } from '../../../src/testkit/test-settings.js'

const otlp = parseComponentId('exporter', 'otlp/backup')!
const batch = parseComponentId('processor', 'batch')!

function setUp(seed = 1) {
  const clock = new FakeClock(1_700_000_000_000_000_000n)
  const resources = new ResourcePool()
  const random = seededRandom(seed)
  const telemetry = createSelfTelemetry({ random, resources, clock, version: '1.2.3', lostLogLines: () => 0 })
  const exporter = telemetry.component(otlp)
  return { clock, telemetry, exporter }
}

/** So many operations, one after the other. */
function operate({ exporter }: Pick<ReturnType<typeof setUp>, 'exporter'>, count: number): void {
  for (let n = 0; n < count; n++) exporter.tracer?.begin('client', 'logs', false)?.end({ n })
}

test('while nobody collects spans no component has a tracer', () => {
  const { telemetry, exporter } = setUp()
  expect(exporter.tracer).toBeUndefined()
  const source = telemetry.traces(1)
  expect(exporter.tracer).toBeDefined()
  expect(telemetry.component(batch, 'logs').tracer).toBeDefined()
  source.close()
  expect(exporter.tracer).toBeUndefined()
  expect(telemetry.component(batch, 'logs').tracer).toBeUndefined()
})

test('a span has the name and the instance of its component, its times, and what was told', async () => {
  const { clock, telemetry, exporter } = setUp()
  const source = telemetry.traces(1)
  const span = exporter.tracer!.begin('client', 'logs', false)!
  await clock.advance(5)
  span.event('Sending request.', { retry_num: 0 })
  await clock.advance(15)
  span.end({ 'items.sent': 3 }, 'UNAVAILABLE: gone')
  telemetry.component(batch, 'all').tracer!.begin('internal', '', false)!.end({})
  const { spans, lost } = source.take()
  expect(lost).toBe(0)
  expect(spans[0]).toMatchObject({
    name: 'exporter/otlp/backup/logs',
    kind: 'client',
    startTimeUnixNano: 1_700_000_000_000_000_000n,
    endTimeUnixNano: 1_700_000_000_020_000_000n,
    attributes: { 'unitscope.component': 'otlp/backup', 'items.sent': 3 },
    events: [{ timeUnixNano: 1_700_000_000_005_000_000n, name: 'Sending request.', attributes: { retry_num: 0 } }],
    status: { code: 'error', message: 'UNAVAILABLE: gone' },
  })
  expect(spans[0]!.resource.attributes).toMatchObject({ 'service.name': 'unitscope', 'service.version': '1.2.3' })
  expect(spans[1]).toMatchObject({
    name: 'processor/batch',
    attributes: { 'unitscope.component': 'batch', 'unitscope.pipeline': 'all' },
    status: { code: 'unset' },
  })
  expect(spans[0]!.traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(spans[0]!.spanId).toMatch(/^[0-9a-f]{16}$/)
  expect(spans[1]!.traceId).not.toBe(spans[0]!.traceId)
})

describe('sampling', () => {
  const sampled = (seed: number, ratio: number, count: number): readonly unknown[] => {
    const world = setUp(seed)
    const source = world.telemetry.traces(ratio)
    operate(world, count)
    return source.take().spans.map(({ attributes }) => attributes['n'])
  }

  test('takes its share, and with the same seed the same', () => {
    const seed = 7
    const some = sampled(seed, 0.1, 2000)
    expect(some).toEqual(sampled(seed, 0.1, 2000))
    expect(some).not.toEqual(sampled(seed + 1, 0.1, 2000))
    // 200 expected; 5 standard deviations are 67.
    expect(Math.abs(some.length - 200), `seed ${seed}`).toBeLessThan(67)
  })

  test('of two who collect each has its own share, and the smaller is part of the larger', () => {
    const world = setUp(3)
    const [few, many] = [world.telemetry.traces(0.05), world.telemetry.traces(0.5)]
    operate(world, 1000)
    const [fewIds, manyIds] = [few, many].map((one) => one.take().spans.map(({ spanId }) => spanId)) as [
      string[],
      string[],
    ]
    expect(fewIds.length).toBeGreaterThan(20)
    expect(manyIds.length).toBeGreaterThan(400)
    expect(fewIds.filter((id) => !manyIds.includes(id))).toEqual([])
    many.close()
    operate(world, 1000)
    expect(many.take().spans).toEqual([])
    expect(few.take().spans.length).toBeGreaterThan(20)
  })
})

test('what there is no room for is counted, and taking makes room', () => {
  const world = setUp()
  const source = world.telemetry.traces(1)
  operate(world, 2050)
  expect(source.take()).toMatchObject({ lost: 2, spans: { length: 2048 } })
  operate(world, 3)
  expect(source.take()).toMatchObject({ lost: 0, spans: { length: 3 } })
})

test('events beyond 32 are left out: a request that is repeated for hours stays small', () => {
  const { telemetry, exporter } = setUp()
  const source = telemetry.traces(1)
  const span = exporter.tracer!.begin('client', 'logs', false)!
  for (let n = 0; n < 100; n++) span.event('Sending request.', { retry_num: n })
  span.end({})
  expect(source.take().spans[0]!.events).toHaveLength(32)
})

test('where spans of the agent pass through, what holds spans is not traced; the rest is', () => {
  const { telemetry, exporter } = setUp()
  telemetry.traces(1)
  exporter.passesSelfTraces = true
  expect(exporter.tracer!.begin('client', 'traces', true)).toBeUndefined()
  expect(exporter.tracer!.begin('client', 'logs', false)).toBeDefined()
})
