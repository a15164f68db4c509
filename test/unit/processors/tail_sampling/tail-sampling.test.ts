import { describe, expect, test } from 'vitest'
import { type Outcome, ok, retryable } from '../../../../src/component/outcome.js'
import { type Batch, batchOf } from '../../../../src/data/batch.js'
import type { Span } from '../../../../src/data/span.js'
import type { Config } from '../../../../src/processors/tail_sampling/config.js'
import { factory } from '../../../../src/processors/tail_sampling/factory.js'
import { createTailSampling } from '../../../../src/processors/tail_sampling/tail-sampling.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { sampleEvent, sampleSpan } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

async function start(config: object = {}, respond: () => Outcome = () => ok) {
  const clock = new FakeClock()
  const settings = testSettings('processor', 'tail_sampling', { clock })
  const out: Batch[] = []
  const processor = createTailSampling(settings, createTestConfig(factory.configSchema, config) as Config, {
    consume: async (batch) => {
      out.push(batch)
      return respond()
    },
  })
  await processor.start(new TestHost())
  const names = (): readonly string[] => out.flatMap(({ spans }) => spans.map(({ name }) => name))
  return { processor, clock, out, names, telemetry: settings.telemetry as RecordingTelemetry }
}

/** Trace n of a hundred, of which the first ten are in a tenth. */
const traceOf = (n: number): string =>
  `${'ab'.repeat(10)}${Math.floor(((n + 0.5) / 100) * 2 ** 48)
    .toString(16)
    .padStart(12, '0')}`
const span = (n: number, name: string, part: Partial<Span> = {}): Span =>
  sampleSpan({ traceId: traceOf(n), name, ...part })
const failed = { status: { code: 'error' } } as const
const batch = (...spans: readonly Span[]): Batch => batchOf({ spans })

describe('of traces', () => {
  test('one in which a later span of another agent fails is kept whole; one in which none does is not', async () => {
    const { processor, clock, names, telemetry } = await start()
    const answers = [
      processor.consume(batch(span(50, 'a'), span(60, 'x'))),
      processor.consume(batch(span(50, 'b', failed))),
    ]
    await settle()
    expect(names()).toEqual(['b']) // kept whatever comes
    await clock.advance(4999)
    expect(names()).toEqual(['b'])
    await clock.advance(1)
    expect(names()).toEqual(['b', 'a'])
    expect(await Promise.all(answers)).toEqual([ok, ok])
    expect(Object.fromEntries(telemetry.drops)).toEqual({ sampled: 1 })
    await processor.shutdown()
  })

  test('a share is chosen by ID, and whole: a tenth of a hundred are ten', async () => {
    const { processor, clock, names } = await start()
    const parts = ['first', 'second'].map((part) =>
      processor.consume(batch(...Array.from({ length: 100 }, (_, n) => span(n, `${part} ${n}`)))),
    )
    await clock.advance(5000)
    await Promise.all(parts)
    const ten = Array.from({ length: 10 }, (_, n) => n)
    expect(names()).toEqual([...ten.map((n) => `first ${n}`), ...ten.map((n) => `second ${n}`)])
    await processor.shutdown()
  })

  test('a slow one is kept where length matters', async () => {
    const { processor, clock, names } = await start({ slow: '2s', sampled_percentage: 0 })
    const took = (ms: number) => ({ startTimeUnixNano: 0n, endTimeUnixNano: BigInt(ms) * 1_000_000n })
    const answer = processor.consume(
      batch(span(1, 'quick', took(1999)), span(2, 'slow', took(2000)), span(2, 'part', took(1))),
    )
    await clock.advance(5000)
    expect([await answer, names()]).toEqual([ok, ['slow', 'part']])
    await processor.shutdown()
  })

  test('spans that come when it was decided on go the same way at once, but for failures', async () => {
    const { processor, clock, names } = await start()
    const first = processor.consume(batch(span(50, 'out'), span(1, 'in')))
    await clock.advance(5000)
    await first
    expect(await processor.consume(batch(span(50, 'late out'), span(1, 'late in')))).toEqual(ok)
    expect(await processor.consume(batch(span(50, 'late failure', failed)))).toEqual(ok)
    expect(names()).toEqual(['in', 'late in', 'late failure'])
    await processor.shutdown()
  })
})

test('a batch is not answered before it has gone on, and a refused one is the same when it is offered again', async () => {
  let busy = true
  const { processor, clock, out, telemetry } = await start({}, () => (busy ? retryable('full', 10) : ok))
  const events = [sampleEvent()]
  const offered = batchOf({ events, spans: [span(50, 'out'), span(1, 'in')] })
  const answer = processor.consume(offered)
  await clock.advance(5000)
  expect(await answer).toEqual(retryable('full', 10))
  expect(telemetry.drops.size).toBe(0)
  busy = false
  expect(await processor.consume(offered)).toEqual(ok)
  expect(out).toHaveLength(2)
  expect(out[1]).toBe(out[0])
  expect(out[0]).toMatchObject({ events, spans: [{ name: 'in' }] })
  expect(Object.fromEntries(telemetry.drops)).toEqual({ sampled: 1 })
  await processor.shutdown()
})

test('what has no span does not wait, and what waits is decided on at shutdown', async () => {
  const { processor, names, clock } = await start()
  expect(await processor.consume(batchOf({ events: [sampleEvent()] }))).toEqual(ok)
  const waits = processor.consume(batch(span(50, 'out'), span(1, 'in')))
  await processor.shutdown()
  expect([await waits, names(), clock.pending]).toEqual([ok, ['in'], 0])
})

test('more spans than may wait: those that waited longest are decided on, and counted', async () => {
  const { processor, clock, names, telemetry } = await start({ max_held_spans: 3 })
  const answers = [1, 2, 3].map((n) => processor.consume(batch(span(50 + n, `a${n}`), span(n, `b${n}`))))
  await settle()
  expect(names()).toEqual(['b1', 'b2'])
  expect(telemetry.counters.get('decided_early')).toBe(4)
  expect(telemetry.gauges.get('held_spans')!()).toBe(2)
  await clock.advance(5000)
  await Promise.all(answers)
  expect(names()).toEqual(['b1', 'b2', 'b3'])
  await processor.shutdown()
})
