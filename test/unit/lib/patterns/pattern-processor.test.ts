import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Consumer, Settings } from '../../../../src/component/component.js'
import { type Outcome, ok, retryable } from '../../../../src/component/outcome.js'
import type { ObjectSchema } from '../../../../src/component/schema.js'
import { type Batch, batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { NumberPoint } from '../../../../src/data/metric.js'
import { definePattern } from '../../../../src/lib/patterns/define-pattern.js'
import { patternAttr, patternMetric } from '../../../../src/lib/patterns/detection-event.js'
import type { Detector, DetectorContext, OpenFinding, UnitSignal } from '../../../../src/lib/patterns/detector.js'
import { PatternProcessor } from '../../../../src/lib/patterns/pattern-processor.js'
import { attr, event as names } from '../../../../src/lib/systemd/names.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource, sampleSpan } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

const kStart = 1_700_000_000
const kQuietMs = 60_000

/** Finds any failure, and clears it a minute after the last; remembers how many there were. */
class AnyFailure implements Detector {
  readonly #context: DetectorContext
  readonly #open = new Map<string, { signal: UnitSignal; dueMs: number }>()
  readonly seen: UnitSignal[] = []
  readonly samples: (readonly [string, number])[] = []
  #count = 0

  constructor(context: DetectorContext) {
    this.#context = context
  }

  get open(): number {
    return this.#open.size
  }

  *openFindings(): Generator<OpenFinding> {
    for (const { signal } of this.#open.values())
      yield { unit: signal.unit, kind: 'any', expectedMs: kStart * 1000 + 90_500 }
  }

  get dueMs(): number | undefined {
    for (const { dueMs } of this.#open.values()) return dueMs
    return undefined
  }

  signal(signal: UnitSignal): void {
    this.seen.push(signal)
    if (signal.kind !== 'failed' || signal.quiet !== undefined) return
    this.#count++
    const { unit, atMs, invocationId, event } = signal
    const isNew = this.#open.get(unit.key) === undefined
    this.#open.delete(unit.key)
    this.#open.set(unit.key, { signal, dueMs: atMs + kQuietMs })
    if (!isNew) return
    this.#context.tell({
      phase: 'detected',
      unit,
      kind: 'any',
      atMs,
      confidence: 0.98765,
      body: `${unit.name} failed`,
      evidence: { count: this.#count },
      run: invocationId,
      runs: [invocationId],
      cause: event,
    })
  }

  sample(unit: UnitSignal['unit'], metric: { readonly name: string }, atMs: number): void {
    this.samples.push([`${unit.name} ${metric.name}`, atMs])
  }

  elapse(nowMs: number): void {
    for (const [key, { signal, dueMs }] of this.#open) {
      if (dueMs > nowMs) return
      this.#open.delete(key)
      const { unit } = signal
      this.#context.tell({
        phase: 'cleared',
        unit,
        kind: 'any',
        atMs: dueMs,
        confidence: 1,
        body: 'quiet',
        evidence: {},
      })
    }
  }

  save() {
    return { count: this.#count, units: [] }
  }

  restore(saved: unknown): void {
    const count = (saved as { count?: unknown } | null)?.count
    if (typeof count !== 'number') throw new Error('count is no number')
    this.#count = count
  }
}

const schema = { type: 'object', description: 'Nothing.', properties: {} } as const satisfies ObjectSchema

function rig(part: Partial<Settings> = {}, next: Consumer = new MemoryExporter()) {
  const clock = new FakeClock(BigInt(kStart) * 1_000_000_000n)
  const settings = testSettings('processor', 'any_failure', { clock, ...part })
  let detector: AnyFailure | undefined
  let given: DetectorContext | undefined
  const processor = definePattern({
    type: 'any_failure',
    description: 'Finds failures.',
    configSchema: schema,
    metrics: ['test.level'],
    detector(_config: Record<string, never>, context) {
      given = context
      detector = new AnyFailure(context)
      return detector
    },
  }).create(settings, {}, next)
  return {
    clock,
    processor,
    telemetry: settings.telemetry as RecordingTelemetry,
    detector: detector!,
    context: () => given!,
    async feed(...events: readonly RawEvent[]): Promise<Outcome> {
      const outcome = await processor.consume(batchOf({ events }))
      await settle()
      return outcome
    },
    events: () => (next as MemoryExporter).events,
    /** `a.service any = 1 at 5`, of each point of the gauge so far. */
    gauges: () =>
      (next as MemoryExporter).metrics.flatMap(({ name, resource, points }) => {
        const point = points[0] as NumberPoint
        const { [patternAttr.name]: pattern, [patternAttr.kind]: kind } = point.attributes
        const atS = Number(point.timeUnixNano) / 1e9 - kStart
        expect(pattern).toBe('any_failure')
        return name === patternMetric.open
          ? [`${String(resource.attributes[attr.unit])} ${String(kind)} = ${point.value} at ${Math.round(atS)}`]
          : []
      }),
    found: () => (next as MemoryExporter).events.filter((event) => event.name.startsWith('pattern.')),
  }
}

/** @param atS - seconds after the start */
function at(name: string, atS: number, unit = 'a.service', extra: RawEvent['attributes'] = {}): RawEvent {
  const attributes = { [attr.unit]: unit, [attr.invocationId]: 'ab'.repeat(16), [attr.result]: 'exit-code', ...extra }
  const timeUnixNano = BigInt(Math.round((kStart + atS) * 1e6)) * 1000n
  return sampleEvent({
    name,
    timeUnixNano,
    resource: sampleResource(unit),
    attributes: { ...attributes, [attr.exitCode]: 3 },
  })
}

const seconds = (event: RawEvent): number => Number(event.timeUnixNano) / 1e9 - kStart

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

describe('a finding', () => {
  test('stands behind the evidence, in the trace of the run that tipped it, and says how sure it is', async () => {
    const { feed, events } = rig()
    await feed(at(names.failed, 1))
    const [evidence, finding] = events()
    expect(evidence?.name).toBe(names.failed)
    expect(finding).toMatchObject({
      name: 'pattern.any_failure.detected',
      body: 'a.service failed',
      traceId: 'ab'.repeat(16),
      timeUnixNano: evidence?.timeUnixNano,
      resource: evidence?.resource,
      attributes: {
        [attr.unit]: 'a.service',
        [patternAttr.kind]: 'any',
        [patternAttr.confidence]: 0.988,
        [patternAttr.runs]: ['ab'.repeat(16)],
        'pattern.any_failure.count': 1,
      },
    })
  })

  test('of a unit that is only named in the event is told too', async () => {
    const { feed, found } = rig()
    const event = at(names.failed, 1)
    await feed({ ...event, resource: { key: 'host', attributes: { 'service.name': 'unitscope' } } })
    expect(found()[0]?.body).toBe('a.service failed')
  })
})

describe('what is open', () => {
  test('is told at once, again each 30 s, and as 0 when it is over; then nothing waits any more', async () => {
    const { clock, feed, gauges } = rig()
    await feed(at(names.failed, 1))
    expect(gauges()).toEqual(['a.service any = 1 at 1'])
    await clock.advance(kQuietMs - 1)
    expect(gauges().slice(1)).toEqual(['a.service any = 1 at 31'])
    await clock.advance(30_000)
    expect(gauges().slice(-1)).toEqual(['a.service any = 0 at 62'])
    const said = gauges().length
    await clock.advance(3_600_000)
    expect(gauges()).toHaveLength(said)
    expect(clock.pending).toBe(0)
  })

  test('of another unit is no news of the first', async () => {
    const { feed, gauges } = rig()
    await feed(at(names.failed, 1))
    await feed(at(names.failed, 2, 'b.service'), at(names.failed, 3))
    expect(gauges()).toEqual(['a.service any = 1 at 1', 'b.service any = 1 at 3'])
  })

  test('says when that will happen of which it tells', async () => {
    const next = new MemoryExporter()
    const { feed } = rig({}, next)
    await feed(at(names.failed, 1))
    const [expected] = next.metrics.filter(({ name }) => name === patternMetric.expectedTime)
    expect(expected).toMatchObject({ type: 'gauge', unit: 's', points: [{ value: kStart + 90.5 }] })
  })

  test('is told to who asks, in its newest words and since its first, until it is over', async () => {
    const { clock, feed, context, telemetry } = rig()
    const open = () => [...telemetry.readConcerns()]
    await feed(at(names.failed, 1))
    const resource = sampleResource('a.service')
    const unit = { key: resource.key, name: 'a.service', resource }
    expect(open()).toMatchObject([
      {
        kind: 'pattern',
        severity: 13,
        resource,
        text: 'a.service failed; due 2023-11-14 22:14:50 UTC',
        sinceUnixNano: BigInt(kStart + 1) * 1_000_000_000n,
        saidUnixNano: BigInt(kStart + 1) * 1_000_000_000n,
        attributes: { [patternAttr.name]: 'any_failure', [patternAttr.kind]: 'any', 'pattern.any_failure.count': 1 },
      },
    ])
    const [found] = open()
    const words = {
      phase: 'updated',
      kind: 'any',
      confidence: 1,
      evidence: {},
      body: 'it goes on',
      severity: 17,
    } as const
    context().tell({ ...words, unit, atMs: (kStart + 2) * 1000 })
    expect(open()).toMatchObject([
      {
        severity: 17,
        text: expect.stringMatching(/^it goes on; due /),
        sinceUnixNano: found!.sinceUnixNano,
        saidUnixNano: BigInt(kStart + 2) * 1_000_000_000n,
      },
    ])
    await clock.advance(2 * kQuietMs)
    expect(open()).toEqual([])
  })

  test('and was read back is told with the first record', async () => {
    const clock = new FakeClock(BigInt(kStart) * 1_000_000_000n)
    const settings = testSettings('processor', 'restored', { clock })
    const unit = { key: 'a', name: 'a.service', resource: sampleResource('a.service') }
    const detector: Detector = { open: 1, openFindings: () => [{ unit, kind: 'slow' }] }
    const next = new MemoryExporter()
    const processor = new PatternProcessor(settings, next, { pattern: 'restored', create: () => detector })
    await processor.start(new TestHost())
    expect(clock.pending).toBe(0)
    expect([...(settings.telemetry as RecordingTelemetry).readConcerns()]).toEqual([
      {
        kind: 'pattern',
        severity: 17,
        resource: unit.resource,
        text: 'a.service: restored (slow), found before the agent began',
        attributes: { [patternAttr.name]: 'restored', [patternAttr.kind]: 'slow' },
      },
    ])
    await processor.consume(batchOf({ events: [at(names.started, 1, 'b.service')] }))
    await settle()
    expect(next.metrics).toMatchObject([
      {
        name: patternMetric.open,
        resource: unit.resource,
        points: [{ value: 1, attributes: { 'pattern.kind': 'slow' } }],
      },
    ])
    await processor.shutdown()
    expect(clock.pending).toBe(0)
  })

  test.each([
    ['soon', (kStart + 90) * 1000, '; due 2023-11-14 22:14:50 UTC'],
    ['in a year that no calendar has', 1e16, ''],
  ])('and will happen %s is told to who asks', (_, expectedMs, due) => {
    const settings = testSettings('processor', 'due', { clock: new FakeClock() })
    const unit = { key: 'host', name: '', resource: sampleResource('host') }
    const detector: Detector = { open: 1, openFindings: () => [{ unit, kind: 'disk', expectedMs }] }
    new PatternProcessor(settings, new MemoryExporter(), { pattern: 'prediction', create: () => detector })
    const concerns = [...(settings.telemetry as RecordingTelemetry).readConcerns()]
    expect(concerns.map(({ text }) => text)).toEqual([
      `this machine: prediction (disk), found before the agent began${due}`,
    ])
  })

  test('leaves room to events where the pipeline refuses', async () => {
    const clock = new FakeClock(BigInt(kStart) * 1_000_000_000n)
    const settings = testSettings('processor', 'many', { clock })
    const open: OpenFinding[] = Array.from({ length: 3000 }, (_, i) => {
      const name = `u${i}.service`
      return { unit: { key: name, name, resource: sampleResource(name) }, kind: 'any' }
    })
    const next: Consumer = { consume: async ({ metrics }) => (metrics.length > 0 ? retryable('busy') : ok) }
    const detector: Detector = { open: open.length, openFindings: () => open }
    const processor = new PatternProcessor(settings, next, { pattern: 'many', create: () => detector })
    await processor.start(new TestHost())
    await processor.consume(batchOf({ events: [at(names.started, 1)] }))
    await clock.advance(3_600_000)
    const telemetry = settings.telemetry as RecordingTelemetry
    expect(telemetry.producedItems).toBe(4096)
    expect(telemetry.drops.size).toBe(0)
    await processor.shutdown()
  })
})

describe('time', () => {
  test('what ends by silence ends when it was due, whether time or a later event shows it', async () => {
    const bySilence = rig()
    await bySilence.feed(at(names.failed, 1))
    await bySilence.clock.advance(kQuietMs + 999)
    expect(bySilence.found()).toHaveLength(1)
    await bySilence.clock.advance(1)
    const byEvent = rig()
    await byEvent.feed(at(names.failed, 1))
    await byEvent.feed(at(names.started, 500, 'b.service'))
    for (const { found } of [bySilence, byEvent]) expect(found().map(seconds)).toEqual([1, 61])
    expect(JSON.stringify(bySilence.found(), bigints)).toBe(JSON.stringify(byEvent.found(), bigints))
  })

  test('a clock that is set forward, or a machine that slept, is no time that went by', async () => {
    const { clock, feed, found, detector } = rig()
    await feed(at(names.failed, 1))
    clock.stepWallClock(3600n * 1_000_000_000n)
    await feed(at(names.started, 3600 + 2, 'b.service'))
    expect(found()).toHaveLength(1)
    expect(detector.seen[1]!.atMs - detector.seen[0]!.atMs).toBeCloseTo(1000, 3)
    expect(detector.seen[1]!.quiet).toBe('suspend_or_clock_step')
    // What follows is stamped with the time that clocks show now.
    await clock.advance(kQuietMs + 1000)
    expect(seconds(found()[1]!)).toBeCloseTo(3600 + 61, 3)
  })

  test('what was read before a night in suspend, and is looked at after it, happened before it', async () => {
    const { clock, feed, found, detector } = rig()
    await feed(at(names.failed, 1))
    await clock.advance(2000)
    clock.stepWallClock(8n * 3600n * 1_000_000_000n)
    const nightS = 8 * 3600
    await feed(at(names.failed, 2, 'b.service'))
    await feed(at(names.started, nightS + 3))
    expect(detector.seen.map(({ atMs }) => (atMs / 1000 - kStart).toFixed(3))).toEqual(['1.000', '2.000', '3.000'])
    // Nothing has ended in the night.
    expect(found().map(seconds)).toEqual([1])
    await feed(at(names.started, nightS + 70))
    expect(found().map(seconds)).toEqual([1, nightS + 61])
  })

  test('what happened before a step keeps the time that clocks showed then, what follows that which they show now', async () => {
    const { clock, feed, context } = rig()
    const nightS = 8 * 3600
    const shown = (atS: number): number => Number(context().unixNano((kStart + atS) * 1000)) / 1e9 - kStart
    await feed(at(names.started, 1))
    for (let night = 1; night <= 20; night++) {
      await clock.advance(5000)
      await feed(at(names.started, night * 5 + (night - 1) * nightS))
      clock.stepWallClock(BigInt(nightS) * 1_000_000_000n)
    }
    await feed(at(names.started, 101 + 20 * nightS))
    // Of nights longer ago than 16 only the length of those since is known.
    expect([101, 98, 93, 23, 8].map(shown).map((atS) => Math.round(atS / nightS))).toEqual([20, 19, 18, 4, 4])
  })

  test('a pattern that was restored does not wake the agent before anything was read', async () => {
    const clock = new FakeClock()
    const settings = testSettings('processor', 'restored', { clock })
    const detector: Detector = { dueMs: kStart * 1000, elapse() {} }
    const options = { pattern: 'restored', create: () => detector }
    const processor = new PatternProcessor(settings, new MemoryExporter(), options)
    await processor.consume(batchOf({ metrics: [sampleGauge([1])] }))
    expect(clock.pending).toBe(0)
    await processor.consume(batchOf({ events: [at(names.started, -1)] }))
    expect(clock.pending).toBe(1)
  })

  test('a clock that is set back an hour does not stop time', async () => {
    const { feed, detector } = rig()
    await feed(at(names.started, 3600))
    await feed(at(names.failed, 10), at(names.started, 11))
    expect(detector.seen.map(({ atMs, quiet }) => [(atMs / 1000 - kStart).toFixed(0), quiet])).toEqual([
      ['3600', undefined],
      ['3600', 'suspend_or_clock_step'],
      ['3601', 'suspend_or_clock_step'],
    ])
  })

  test.each(['pattern.crash_loop.cleared', 'incident.resolved'])(
    'what a processor before it concludes late, as after a day of silence in a recording, moves no time: %s',
    async (name) => {
      const { feed, detector } = rig()
      const dayS = 86_400
      await feed(at(names.started, dayS))
      await feed(at(name, 300))
      await feed(at(names.started, dayS + 1), at(names.failed, dayS + 2))
      expect(detector.seen.map(({ atMs, quiet }) => [Math.round(atMs / 1000 - kStart - dayS), quiet])).toEqual([
        [0, undefined],
        [1, undefined],
        [2, undefined],
      ])
    },
  )

  test('what is told late keeps its time', async () => {
    const { feed, detector } = rig()
    const late = { ...at(names.failed, 10), observedTimeUnixNano: BigInt(kStart + 101) * 1_000_000_000n }
    await feed(at(names.started, 100), late)
    expect(detector.seen[1]!.atMs / 1000 - kStart).toBeCloseTo(10, 3)
  })
})

describe('offered again', () => {
  test.each(['the same records', 'others made of them'])('what was refused is evidence once: %s', async (how) => {
    let refusals = 2
    const taken: Batch[] = []
    const next: Consumer = {
      async consume(batch) {
        if (batch.events[0]?.name === names.failed && refusals-- > 0) return retryable('busy')
        taken.push(batch)
        return ok
      },
    }
    const { feed, detector } = rig({}, next)
    const event = at(names.failed, 1)
    for (const expected of ['retryable', 'retryable', 'ok'])
      expect((await feed(how === 'the same records' ? event : { ...event })).kind).toBe(expected)
    await feed(at(names.failed, 2))
    expect(detector.seen).toHaveLength(2)
  })

  test('two units of one host that failed at one time are two', async () => {
    let refusals = 1
    const next: Consumer = {
      consume: async ({ events }) => (events[0]?.name === names.failed && refusals-- > 0 ? retryable('busy') : ok),
    }
    const { feed, detector } = rig({}, next)
    const resource = { key: 'host', attributes: { 'service.name': 'unitscope' } }
    const events = ['a.service', 'b.service'].map((unit) => ({ ...at(names.failed, 1, unit), resource }))
    for (let offer = 0; offer < 2; offer++) await feed(...events)
    expect(detector.seen).toHaveLength(2)
  })
})

test('metrics it names are shown to it, at their own time; all other records pass', async () => {
  const { processor, detector, events } = rig()
  const nano = BigInt(kStart + 5) * 1_000_000_000n
  const points = [{ attributes: {}, timeUnixNano: nano, value: 1 }]
  const metrics = [sampleGauge([1], { points }), sampleGauge([1], { name: 'other.level' })]
  expect((await processor.consume(batchOf({ metrics, spans: [sampleSpan()] }))).kind).toBe('ok')
  expect(detector.samples).toEqual([['demo.service test.level', (kStart + 5) * 1000]])
  expect(events()).toEqual([])
})

describe('what was learned', () => {
  const folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), 'unitscope-patterns-'))
    folders.push(made)
    return made
  }

  test('outlives the agent', async () => {
    const stateDirectory = folder()
    const first = rig({ stateDirectory })
    await first.processor.start(new TestHost())
    await first.feed(at(names.failed, 1))
    await first.processor.shutdown()
    const second = rig({ stateDirectory })
    await second.processor.start(new TestHost())
    await second.feed(at(names.failed, 100))
    expect(second.found()[0]?.attributes['pattern.any_failure.count']).toBe(2)
    await second.processor.shutdown()
  })

  test('is not lost to a folder that cannot be written: it is counted', async () => {
    const { processor, feed, telemetry } = rig({ stateDirectory: '/proc/nowhere' })
    await processor.start(new TestHost())
    await feed(at(names.failed, 1))
    await processor.shutdown()
    expect(telemetry.errors.get('state_not_saved')).toBe(1)
  })
})

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
