import { describe, expect, test } from 'vitest'
import { ok, retryable } from '../../../../src/component/outcome.js'
import { type Batch, batchOf } from '../../../../src/data/batch.js'
import { Severity } from '../../../../src/data/event.js'
import type { Resource } from '../../../../src/data/resource.js'
import { createAdaptiveSampler, kAdjustedCount } from '../../../../src/processors/adaptive_sampler/adaptive-sampler.js'
import { schema } from '../../../../src/processors/adaptive_sampler/config.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource, sampleSpan } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, seededRandom, testSettings } from '../../../../src/testkit/test-settings.js'

function rig(written: unknown = {}, seed = 1) {
  const clock = new FakeClock()
  const settings = testSettings('processor', 'adaptive_sampler', { clock, random: seededRandom(seed) })
  const next = new MemoryExporter()
  const sampler = createAdaptiveSampler(settings, createTestConfig(schema, written), next)
  return { clock, next, sampler, telemetry: settings.telemetry as RecordingTelemetry }
}

/** One for all lines of a unit, as a pool has it: made for each it was a third of the CPU of these tests. */
const resources = new Map<string, Resource>()
function resourceOf(unit: string): Resource {
  const known = resources.get(unit) ?? sampleResource(unit)
  resources.set(unit, known)
  return known
}
const line = (unit: string, attributes = {}) =>
  sampleEvent({ name: '', attributes: { 'systemd.unit.name': unit, ...attributes }, resource: resourceOf(unit) })
const lines = (unit: string, count: number): Batch =>
  batchOf({ events: Array.from({ length: count }, () => line(unit)) })
const weightOf = ({ attributes }: { readonly attributes: Readonly<Record<string, unknown>> }): number =>
  Number(attributes[kAdjustedCount] ?? 1)
const sum = (weights: readonly number[]): number => weights.reduce((total, weight) => total + weight, 0)

describe('what is always kept', () => {
  test('while less comes than may pass, batches go on as they are', async () => {
    const { sampler, next, clock, telemetry } = rig({ records_per_second: 1000 })
    for (let second = 0; second < 20; second++) {
      const batch = lines('web.service', 99)
      await sampler.consume(batch)
      expect(next.batches.at(-1)).toBe(batch)
      await clock.advance(1000)
    }
    expect(telemetry.drops.size).toBe(0)
  })

  test('failures and findings pass whole in any storm, and metrics, so that sums stay true', async () => {
    const { sampler, next } = rig({ records_per_second: 1, burst: 2 })
    const failed = sampleEvent({ name: 'systemd.unit.failed', severity: Severity.error })
    const pattern = sampleEvent({ name: 'pattern.crash_loop.cleared' })
    const failedRun = sampleSpan({ status: { code: 'error' } })
    const points = sampleGauge(Array.from({ length: 500 }, (_, at) => at))
    const storm = batchOf({
      events: [failed, ...lines('demo.service', 1000).events, pattern],
      metrics: [points],
      spans: Array.from({ length: 300 }, () => failedRun),
    })
    await sampler.consume(storm)
    const [left] = next.batches
    expect(left!.events.length).toBeLessThan(6)
    expect([left!.events[0], left!.events.at(-1)]).toEqual([failed, pattern])
    expect(left!.metrics).toBe(storm.metrics)
    expect(left!.spans).toEqual(storm.spans)
  })
})

describe('fairness', () => {
  test('who sends little loses nothing to who floods', async () => {
    const { sampler, next, clock } = rig({ records_per_second: 1000, burst: 100 })
    const quiet = Array.from({ length: 9 }, (_, at) => `quiet-${at}.service`)
    for (let tick = 0; tick < 100; tick++) {
      await sampler.consume(lines('loud.service', 1000))
      for (const unit of quiet) await sampler.consume(lines(unit, 1))
      await clock.advance(100)
    }
    const passed = (unit: string) => next.events.filter((event) => event.attributes['systemd.unit.name'] === unit)
    for (const unit of quiet)
      expect([unit, passed(unit).length, sum(passed(unit).map(weightOf))]).toEqual([unit, 100, 100])
    // 910 a second are left for it once the shares are known; before it had the whole.
    expect(passed('loud.service').length).toBeGreaterThan(0.8 * 910 * 10)
    expect(passed('loud.service').length).toBeLessThanOrEqual(1000 + 910 * 9 + 100 + 1)
  })

  test('many that all send too much share alike', async () => {
    const { sampler, next, clock } = rig({ records_per_second: 100, burst: 10 })
    const units = ['a.service', 'b.service', 'c.service', 'd.service']
    for (let tick = 0; tick < 400; tick++) {
      for (const [at, unit] of units.entries()) await sampler.consume(lines(unit, 10 * (at + 1)))
      await clock.advance(100)
    }
    for (const unit of units) {
      const passed = next.events.filter((event) => event.attributes['systemd.unit.name'] === unit).length
      expect([unit, passed > 0.85 * 25 * 40, passed <= 100 + 25 * 39 + 11]).toEqual([unit, true, true])
    }
  })
})

describe('weights', () => {
  /** A day in small: bursts, lulls, batches of every size, two sorts of lines. */
  async function play(seed: number) {
    const { sampler, next, clock } = rig({ records_per_second: 50, burst: 40 }, seed)
    const random = seededRandom(seed + 10_000)
    const true_ = { all: 0, rare: 0 }
    for (let step = 0; step < 120; step++) {
      const count = Math.floor(random() ** 3 * 200)
      const events = Array.from({ length: count }, () => {
        const rare = random() < 0.1
        true_.all++
        if (rare) true_.rare++
        return line('web.service', { rare })
      })
      await sampler.consume(batchOf({ events }))
      await clock.advance(random() * 100)
    }
    const kept = next.events
    return {
      true_,
      all: sum(kept.map(weightOf)),
      rare: sum(kept.filter(({ attributes }) => attributes['rare'] === true).map(weightOf)),
      share: kept.length / true_.all,
    }
  }

  /** How far estimates are off in the mean, and the standard error of that. */
  function bias(ratios: readonly number[]): { readonly mean: number; readonly error: number } {
    const mean = sum(ratios) / ratios.length - 1
    const variance = sum(ratios.map((ratio) => (ratio - 1 - mean) ** 2)) / (ratios.length - 1)
    return { mean, error: Math.sqrt(variance / ratios.length) }
  }

  test('weighted counts are unbiased: over 300 runs within three standard errors, which are under 1 and 2 %', async () => {
    const all: number[] = []
    const rare: number[] = []
    for (let seed = 1; seed <= 300; seed++) {
      const run = await play(seed)
      expect(run.share, `seed ${seed} samples`).toBeLessThan(0.2)
      expect(Math.abs(run.all / run.true_.all - 1), `seed ${seed}`).toBeLessThan(0.25)
      all.push(run.all / run.true_.all)
      rare.push(run.rare / run.true_.rare)
    }
    for (const [what, ratios, most] of [
      ['all', all, 0.01],
      ['one sort of ten', rare, 0.02],
    ] as const) {
      const { mean, error } = bias(ratios)
      expect(error, what).toBeLessThan(most)
      expect(Math.abs(mean), `${what}: ${mean} +- ${error}`).toBeLessThan(3 * error)
    }
  })

  test('one that stood for several stands for more: an agent before this one had sampled it', async () => {
    const { sampler, next } = rig({ records_per_second: 1, burst: 2 })
    const events = Array.from({ length: 1000 }, () => line('web.service', { [kAdjustedCount]: 5 }))
    await sampler.consume(batchOf({ events }))
    const [first] = next.events
    // (burst/2 + half of the rest, nearly) of 1000
    expect(weightOf(first!)).toBeGreaterThan(5 * 500 * 0.99)
    expect(weightOf(first!)).toBeLessThan(5 * 1000)
  })

  test('spans of a trace stay together, and their weights tell how many traces there were', async () => {
    const random = seededRandom(7)
    const hex = (digits: number) =>
      Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
    const spans = Array.from({ length: 4000 }, () => hex(32)).flatMap((traceId) =>
      ['request', 'query', 'render'].map((name) => sampleSpan({ traceId, spanId: hex(16), name })),
    )
    const { sampler, next } = rig({ records_per_second: 100, burst: 600 })
    await sampler.consume(batchOf({ spans }))
    const traces = new Set(next.spans.map(({ traceId }) => traceId))
    expect(traces.size).toBeGreaterThan(100)
    expect(next.spans.length).toBe(3 * traces.size)
    // 195 traces of 4000 are expected, give or take 14: within three of that.
    expect(Math.abs(sum(next.spans.map(weightOf)) / spans.length - 1)).toBeLessThan(0.21)
  })
})

test('no unit passes more than its burst and its share, in batches of whatever size', async () => {
  const { sampler, next, clock } = rig({ records_per_second: 20, burst: 30 })
  const random = seededRandom(3)
  for (let step = 0; step < 300; step++) {
    await sampler.consume(lines('web.service', Math.floor(random() * 2000)))
    await clock.advance(random() * 200)
    expect(next.events.length).toBeLessThanOrEqual(30 + 1 + (20 * clock.monotonicMs()) / 1000)
  }
})

test('what is sampled out of a batch that is refused further on is chosen and counted once', async () => {
  const { sampler, next, telemetry } = rig({ records_per_second: 1, burst: 2 })
  const offered = new Set<Batch>()
  next.respond = (batch, call) => {
    offered.add(batch)
    return call < 3 ? retryable('queue full') : ok
  }
  const batch = lines('web.service', 100)
  for (let offer = 0; offer < 3; offer++) expect((await sampler.consume(batch)).kind).toBe('retryable')
  expect(telemetry.drops.size).toBe(0)
  expect((await sampler.consume(batch)).kind).toBe('ok')
  expect(offered.size).toBe(1)
  expect(telemetry.drops.get('sampled')).toBe(100 - next.events.length)
})

test('a host of ever new names takes no more memory than max_units', async () => {
  const { sampler, telemetry } = rig({ max_units: 10 })
  for (let at = 0; at < 25; at++) await sampler.consume(lines(`${at}.service`, 1))
  expect(telemetry.gauges.get('sources')!()).toBe(10)
  expect(telemetry.counters.get('sources_evicted')).toBe(15)
})
