import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ok, retryable } from '../../../../src/component/outcome.js'
import { batchOf } from '../../../../src/data/batch.js'
import { type RawEvent, Severity } from '../../../../src/data/event.js'
import { patternAttr } from '../../../../src/lib/patterns/detection-event.js'
import { runSpanId } from '../../../../src/lib/systemd/ids.js'
import { attr, event as names } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/processors/crash_loop/config.js'
import { crashLoop } from '../../../../src/processors/crash_loop/episode.js'
import { factory } from '../../../../src/processors/crash_loop/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'

const kStart = 1_700_000_000
const kWindowS = 300
/** A due time passes by itself so much later, so that records that come a moment late still come before it. */
const kSlackMs = 1000

function rig(written: unknown = {}) {
  const config = createTestConfig(schema, written)
  expect(factory.check(config)).toEqual([])
  const clock = new FakeClock(BigInt(kStart) * 1_000_000_000n)
  const settings = testSettings('processor', 'crash_loop', { clock })
  const next = new MemoryExporter()
  const processor = factory.create(settings, config, next)
  return {
    clock,
    next,
    processor,
    telemetry: settings.telemetry as RecordingTelemetry,
    async feed(...events: readonly RawEvent[]): Promise<void> {
      await processor.consume(batchOf({ events }))
      await settle()
    },
    found: () => next.events.filter((event) => event.name.startsWith('pattern.')),
  }
}

const runId = (run: number): string => (run + 1).toString(16).padStart(32, '0')

const look = (run: number): string => `last run: journalctl _SYSTEMD_INVOCATION_ID=${runId(run)}`

/** @param at - seconds after the start */
function at(
  name: string,
  atS: number,
  run: number | undefined,
  extra: RawEvent['attributes'] = {},
  unit = 'a.service',
) {
  const nano = BigInt(Math.round((kStart + atS) * 1e6)) * 1000n
  return sampleEvent({
    name,
    timeUnixNano: nano,
    resource: sampleResource(unit),
    attributes: {
      [attr.unit]: unit,
      ...(run === undefined ? {} : { [attr.invocationId]: runId(run) }),
      [attr.result]: 'exit-code',
      [attr.exitCode]: 3,
      ...extra,
    },
  })
}

const auto = { [attr.restartCause]: 'auto' }
const manual = { [attr.restartCause]: 'manual' }

/** What systemd tells of one crash: the run failed, will be restarted, is up again as the next run. */
function round(atS: number, run: number, unit = 'a.service'): readonly RawEvent[] {
  return [
    at(names.failed, atS, run, {}, unit),
    at(names.restarting, atS + 0.001, run, auto, unit),
    at(names.restarted, atS + 0.1, run + 1, auto, unit),
  ]
}

describe('exactly the threshold', () => {
  test.each([2, 3, 7])('%i crashes: one fewer is no loop', async (threshold) => {
    const { feed, found } = rig({ restart_threshold: threshold })
    for (let run = 0; run < threshold - 1; run++) await feed(...round(run, run))
    expect(found()).toEqual([])
    await feed(...round(threshold - 1, threshold - 1))
    expect(found().map(({ name }) => name)).toEqual([crashLoop.detected])
  })

  test.each([
    [kWindowS - 0.000001, 1],
    [kWindowS, 0],
  ])('the third %d s after the first: %i loops', async (lastS, loops) => {
    const { feed, found } = rig()
    for (const [run, atS] of [0, 100, lastS].entries()) await feed(at(names.failed, atS, run))
    expect(found()).toHaveLength(loops)
  })

  test('the window slides: old crashes do not count, new ones need not start a fresh window', async () => {
    const { feed, found } = rig()
    for (const [run, atS] of [0, 250, 400].entries()) await feed(at(names.failed, atS, run))
    expect(found()).toEqual([])
    await feed(at(names.failed, 549.9, 3))
    expect(found()).toHaveLength(1)
  })
})

describe('each run counts once', () => {
  test.each<[string, readonly RawEvent[], number]>([
    ['failed, restarting and restarted of one run', round(0, 0), 1],
    [
      'a clean exit that systemd restarts',
      [at(names.stopped, 0, 0), at(names.restarting, 0, 0, auto), at(names.restarted, 1, 1, auto)],
      1,
    ],
    ['a failure without restart', [at(names.failed, 0, 0)], 1],
    ['a restart by a person', [at(names.restarting, 0, 0, manual), at(names.restarted, 1, 1, manual)], 0],
    ['an ordinary start and stop', [at(names.started, 0, 0), at(names.stopped, 1, 0)], 0],
    ['a restart of which only the end was seen', [at(names.restarted, 0, 1, auto)], 1],
    [
      'a unit without invocation IDs',
      [
        at(names.failed, 0, undefined),
        at(names.restarting, 0.1, undefined, auto),
        at(names.restarted, 1, undefined, auto),
      ],
      1,
    ],
    ['two failed starts without invocation IDs', [at(names.failed, 0, undefined), at(names.failed, 1, undefined)], 2],
    ['the same batch again', [...round(0, 0), ...round(0, 0)], 1],
    ['the same two rounds again', [...round(0, 0), ...round(1, 1), ...round(0, 0), ...round(1, 1)], 2],
    [
      'the failure of a run told of late',
      [at(names.restarting, 1, 0, auto), at(names.restarted, 2, 1, auto), at(names.failed, 0.9, 0)],
      1,
    ],
  ])('%s', async (_, events, crashes) => {
    // Two crashes beyond those of the story: after the first it is one short, after the second it is a loop.
    const { feed, found } = rig({ restart_threshold: crashes + 2 })
    await feed(...events)
    await feed(at(names.failed, 100, 50))
    expect(found()).toEqual([])
    await feed(at(names.failed, 101, 51))
    expect(found()).toHaveLength(1)
    expect(found()[0]!.attributes[crashLoop.count]).toBe(crashes + 2)
  })

  test('a batch refused and offered again counts once, and its finding is sent once', async () => {
    const { processor, next, found, clock } = rig()
    const batch = batchOf({ events: [...round(0, 0), ...round(1, 1), ...round(2, 2)] })
    next.respond = (_, call) => (call < 3 ? retryable('busy', 100) : ok)
    while ((await processor.consume(batch)).kind === 'retryable') await clock.advance(10)
    await clock.advance(1000)
    expect(found()).toHaveLength(1)
    expect(next.events.filter((event) => event.name === names.failed)).toHaveLength(3)
  })
})

describe('what is told', () => {
  test('the evidence: how often, how, since when, which runs', async () => {
    const { feed, next, found, telemetry } = rig({ restart_threshold: 3 })
    await feed(
      at(names.failed, 0, 0),
      at(names.failed, 1.5, 1, { [attr.result]: 'signal', [attr.exitSignal]: 'SIGSEGV' }),
    )
    const last = at(names.failed, 4.2, 2)
    await feed(last)
    expect(found()).toEqual([
      {
        timeUnixNano: last.timeUnixNano,
        observedTimeUnixNano: last.observedTimeUnixNano,
        name: 'pattern.crash_loop.detected',
        severity: 17,
        body: `a.service is in a crash loop: 3 crashes in 4.2 s (2x exit-code/3, 1x signal/SIGSEGV); ${look(2)}`,
        attributes: {
          [attr.unit]: 'a.service',
          'pattern.kind': 'rapid',
          'pattern.confidence': 1,
          'pattern.crash_loop.count': 3,
          'pattern.crash_loop.first_usec': kStart * 1e6,
          'pattern.crash_loop.last_usec': kStart * 1e6 + 4_200_000,
          'pattern.crash_loop.results': ['exit-code/3: 2', 'signal/SIGSEGV: 1'],
          'pattern.crash_loop.intervals': ['1.5', '2.7'],
          'pattern.crash_loop.flaps': 0,
          'pattern.runs': [runId(0), runId(1), runId(2)],
          'pattern.crash_loop.threshold': 3,
          'pattern.crash_loop.window': 300,
        },
        traceId: runId(2),
        spanId: runSpanId(runId(2)),
        resource: last.resource,
      },
    ])
    expect(next.batches.at(-2)!.events).toEqual([last]) // evidence first, then the conclusion
    // The finding, and the gauge that says it is open.
    expect(telemetry.producedItems).toBe(2)
  })

  test.each([
    ['will_restart', '; systemd restarts it'],
    ['gave_up', '; systemd does not restart it'],
    [undefined, ''],
  ])('what comes next, by the verdict %s', async (verdict, words) => {
    const { feed, found } = rig({ restart_threshold: 2 })
    await feed(at(names.failed, 0, 0), at(names.failed, 1, 1, verdict === undefined ? {} : { [attr.verdict]: verdict }))
    expect(found()[0]!.body).toBe(
      `a.service is in a crash loop: 2 crashes in 1.0 s (2x exit-code/3)${words}; ${look(1)}`,
    )
  })

  test('a crash that nobody saw begins no interval: when it was is not known', async () => {
    const { feed, found } = rig()
    await feed(at(names.restarted, 0, 1, auto), at(names.failed, 1, 1), at(names.failed, 3, 2))
    expect(found()[0]!.attributes).toMatchObject({
      [crashLoop.results]: ['exit-code/3: 2', 'unseen: 1'],
      [crashLoop.intervals]: ['2'],
    })
  })

  test('once per episode, each time it has doubled, and with the whole count at its end', async () => {
    const { feed, found, clock } = rig()
    for (let run = 0; run < 40; run++) {
      await feed(...round(run, run))
      await clock.advance(1000)
    }
    expect(found().map(({ name, attributes }) => [name, attributes[crashLoop.count]])).toEqual([
      [crashLoop.detected, 3],
      [crashLoop.updated, 6],
      [crashLoop.updated, 12],
      [crashLoop.updated, 24],
    ])
    await clock.advance(kWindowS * 1000 + kSlackMs)
    const ended = found()[4]!
    expect(ended).toMatchObject({
      name: crashLoop.cleared,
      severity: 9,
      timeUnixNano: BigInt(kStart + 39 + kWindowS) * 1_000_000_000n,
    })
    expect(ended.attributes).toMatchObject({ [crashLoop.count]: 40, [crashLoop.outcome]: 'recovered' })
    expect(ended.attributes[patternAttr.runs]).toHaveLength(16)
    expect(clock.pending).toBe(0)
  })

  test('the batch itself goes on untouched', async () => {
    const { processor, next } = rig()
    const batch = batchOf({ events: round(0, 0) })
    await processor.consume(batch)
    expect(next.batches[0]).toBe(batch)
  })
})

describe('the end of an episode', () => {
  test.each<[string, readonly RawEvent[], string]>([
    ['it stays up', [], 'recovered'],
    ['a person stops it', [at(names.stopped, 5, 3)], 'stopped'],
    ['it fails for good', [at(names.failed, 5, 3)], 'failed'],
    [
      'it waits for a restart that is long in coming',
      [at(names.failed, 5, 3), at(names.restarting, 5, 3, auto)],
      'waiting',
    ],
  ])('%s', async (_, then, outcome) => {
    const { feed, found, clock } = rig({ healthy_time: '1m' })
    await feed(...round(0, 0), ...round(1, 1), ...round(2, 2), ...then)
    const last = Math.max(2.1, ...then.map(({ timeUnixNano }) => Number(timeUnixNano) / 1e9 - kStart))
    const dueMs = ((outcome === 'failed' || outcome === 'waiting' ? 5 : 2) + 60 - last) * 1000
    await clock.advance(Math.floor(dueMs + kSlackMs) - 1)
    expect(found()).toHaveLength(1)
    await clock.advance(2)
    expect(found()[1]!.attributes[crashLoop.outcome]).toBe(outcome)
  })

  test('systemd gives up: told at once, and over when it has stayed down; a later crash begins anew', async () => {
    const { feed, found, clock } = rig()
    await feed(...round(0, 0), ...round(1, 1), at(names.failed, 2, 2))
    await feed(at(names.startLimitHit, 2.5, 2), at(names.startLimitHit, 2.5, 2))
    expect(found().map(({ name, attributes }) => [name, attributes[patternAttr.kind]])).toEqual([
      [crashLoop.detected, 'rapid'],
      [crashLoop.updated, 'start_limit'],
    ])
    await clock.advance(kWindowS * 1000 + kSlackMs)
    expect(found()[2]).toMatchObject({ name: crashLoop.cleared, severity: 17 })
    expect(found()[2]!.attributes[crashLoop.outcome]).toBe('gave_up')
    await feed(at(names.failed, 360, 10), at(names.failed, 361, 11))
    await clock.advance(1e6)
    expect(found()).toHaveLength(3)
  })

  test('what was given up and is started again is in one and the same loop, until it stays up', async () => {
    const { feed, found, clock } = rig()
    await feed(...round(0, 0), ...round(1, 1), at(names.failed, 2, 2), at(names.startLimitHit, 2.5, 2))
    await feed(at(names.started, 100, 3), ...round(101, 3), ...round(102, 4), ...round(103, 5), ...round(104, 6))
    await clock.advance(1e6)
    expect(
      found().map(({ name, attributes }) => [name, attributes[patternAttr.kind], attributes[crashLoop.outcome]]),
    ).toEqual([
      [crashLoop.detected, 'rapid', undefined],
      [crashLoop.updated, 'start_limit', undefined],
      [crashLoop.updated, 'rapid', undefined],
      [crashLoop.cleared, 'rapid', 'recovered'],
    ])
  })

  test('systemd gives up before the threshold: it is told, since its own limit says enough', async () => {
    const { feed, found, clock } = rig({ restart_threshold: 10 })
    await feed(...round(0, 0), at(names.failed, 1, 1), at(names.startLimitHit, 1, 1))
    await clock.advance(1e6)
    expect(
      found().map(({ name, attributes }) => [name, attributes[patternAttr.kind], attributes[crashLoop.count]]),
    ).toEqual([
      [crashLoop.detected, 'start_limit', 2],
      [crashLoop.cleared, 'start_limit', 2],
    ])
    expect(found()[0]!.body).toBe(
      `a.service will not be restarted any more (start limit hit): 2 crashes in 1.0 s (2x exit-code/3), mostly after less than 1s up; ${look(1)}`,
    )
    // Its end is no good news, and does not read like one.
    expect(found()[1]!.body).toBe(
      `a.service is still down: systemd gave up (start limit hit) after 2 crashes in 1.0 s (2x exit-code/3), mostly after less than 1s up; ${look(1)}`,
    )
    expect(found()[1]!.severity).toBe(Severity.error)
  })

  test('a start limit without any crash is none of ours', async () => {
    const { feed, found } = rig()
    await feed(at(names.startLimitHit, 0, 0))
    expect(found()).toEqual([])
  })

  test('shutdown ends no episode and leaves no timer', async () => {
    const { feed, found, clock, processor } = rig()
    await feed(...round(0, 0), ...round(1, 1), ...round(2, 2))
    await processor.shutdown()
    expect(clock.pending).toBe(0)
    await clock.advance(1e7)
    expect(found()).toHaveLength(1)
  })
})

describe('time', () => {
  test('a recording played at once tells the same as it did live', async () => {
    const story = [0, 1, 2, 400, 401, 402, 403, 1000].flatMap((atS, run) => round(atS, run * 2))
    const live = rig()
    let nowS = 0
    for (const event of story) {
      const eventS = Number(event.timeUnixNano / 1000n) / 1e6 - kStart
      await live.clock.advance(Math.max((eventS - nowS) * 1000, 0))
      nowS = Math.max(nowS, eventS)
      await live.feed(event)
    }
    const replay = rig()
    await replay.feed(...story)
    const told = (events: readonly RawEvent[]) =>
      events.map(({ name, attributes }) => [name, attributes[crashLoop.count]])
    const expected = [
      [crashLoop.detected, 3],
      [crashLoop.cleared, 3],
      [crashLoop.detected, 3],
      [crashLoop.cleared, 4],
    ]
    expect(told(live.found())).toEqual(expected)
    expect(told(replay.found())).toEqual(expected)
    // The end is dated by the events, not by when the recording was played.
    expect(replay.found()[1]!.timeUnixNano).toBe(story[6]!.timeUnixNano + BigInt(kWindowS) * 1_000_000_000n)
  })

  test('whatever the story, and however it is cut into batches, the same findings, byte for byte', async () => {
    const moment = fc.record({
      gapS: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 1200 })),
      kind: fc.constantFrom(
        names.failed,
        names.restarting,
        names.restarted,
        names.started,
        names.stopped,
        names.startLimitHit,
      ),
      extra: fc.constantFrom(auto, manual, {}, { [attr.verdict]: 'stopped_by_operator' }),
      same: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(moment, { maxLength: 40 }), async (moments) => {
        let [atS, run] = [0, 0]
        const story = moments.map(({ gapS, kind, extra, same }) => {
          atS += gapS
          if (!same) run++
          return at(kind, atS, run, extra)
        })
        const [live, replay] = [rig(), rig()]
        for (const event of story) {
          const eventMs = (Number(event.timeUnixNano / 1000n) / 1e6 - kStart) * 1000
          await live.clock.advance(Math.max(eventMs - live.clock.monotonicMs(), 0))
          await live.feed(event)
        }
        await replay.feed(...story)
        // A slow loop is over after two of its longest pauses: of forty moments, at most 40 times 1200 s.
        for (const { clock } of [live, replay]) await clock.advance(2e8)
        expect(live.found()).toEqual(replay.found())
        // What has begun is over once, and nothing is told of what has not.
        const phases = live.found().map(({ name }) => name.split('.').at(-1))
        expect(phases.join(' ')).toMatch(/^((^| )detected( updated)* cleared)*$/)
      }),
      { numRuns: 300 },
    )
  })

  test('a clock set back by an hour loses no crash, once it is plain that they go on', async () => {
    const { feed, found } = rig()
    await feed(at(names.failed, 3600, 0), at(names.failed, 3601, 1))
    await feed(at(names.failed, 2, 2))
    expect(found()).toEqual([])
    await feed(at(names.failed, 63, 3))
    expect(found().map(({ attributes }) => attributes[crashLoop.count])).toEqual([4])
  })

  test('crashes of before a step back grow old like all others', async () => {
    const { feed, found } = rig()
    await feed(at(names.failed, 3600, 0))
    await feed(at(names.failed, 2, 1))
    await feed(at(names.failed, 2 + kWindowS, 2))
    expect(found()).toEqual([])
  })

  test('a step of the wall clock does not end or stretch an episode', async () => {
    const { feed, found, clock } = rig({ healthy_time: '1m' })
    await feed(...round(0, 0), ...round(1, 1), ...round(2, 2))
    clock.stepWallClock(36_000_000_000_000n)
    await clock.advance(60_800)
    expect(found()).toHaveLength(1)
    await clock.advance(200)
    expect(found()).toHaveLength(2)
  })
})

describe('many units', () => {
  test('are counted apart, also of one name in two managers', async () => {
    const { feed, found } = rig()
    for (let run = 0; run < 2; run++) await feed(...round(run, run, 'a.service'), ...round(run, 100 + run, 'b.service'))
    const user = { ...at(names.failed, 2, 200), resource: { key: 'unit:user:a.service', attributes: {} } }
    await feed(user)
    expect(found()).toEqual([])
    await feed(...round(3, 102, 'b.service'))
    expect(found().map(({ attributes }) => attributes[attr.unit])).toEqual(['b.service'])
  })

  test('past max_units the quietest is forgotten and counted', async () => {
    const { feed, found, telemetry } = rig({ max_units: 2 })
    await feed(at(names.failed, 0, 0, {}, 'a.service'), at(names.failed, 0, 1, {}, 'b.service'))
    await feed(at(names.failed, 1, 2, {}, 'a.service'))
    await feed(at(names.failed, 2, 3, {}, 'c.service'))
    expect(telemetry.counters.get('units_evicted')).toBe(1)
    await feed(at(names.failed, 3, 4, {}, 'a.service'))
    expect(found().map(({ attributes }) => attributes[attr.unit])).toEqual(['a.service'])
  })

  test('past max_units a loop that is still open is kept, so that its end is told', async () => {
    const { feed, found } = rig({ max_units: 2, restart_threshold: 2 })
    await feed(at(names.failed, 0, 0, {}, 'a.service'), at(names.failed, 1, 1, {}, 'a.service'))
    await feed(at(names.failed, 2, 2, {}, 'b.service'), at(names.failed, 3, 3, {}, 'c.service'))
    await feed(at(names.startLimitHit, 4, 4, {}, 'a.service'))
    const loops = found().map(({ name, attributes }) => `${name} ${attributes[attr.unit]}`)
    expect(loops).toEqual(['pattern.crash_loop.detected a.service', 'pattern.crash_loop.updated a.service'])
  })

  test('however their events interleave, each unit is told of as if it were alone', async () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 900 }), { minLength: 0, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(times, times, fc.integer({ min: 2, max: 4 }), async (first, second, threshold) => {
        const story = (unit: string, seconds: readonly number[], base: number) =>
          [...seconds].sort((a, b) => a - b).map((atS, index) => at(names.failed, atS, base + index, {}, unit))
        const a = story('a.service', first, 0)
        const b = story('b.service', second, 1000)
        const together = rig({ restart_threshold: threshold, restart_window: '1m' })
        await together.feed(...[...a, ...b].sort((x, y) => Number(x.timeUnixNano - y.timeUnixNano)))
        for (const [unit, events] of [
          ['a.service', a],
          ['b.service', b],
        ] as const) {
          const alone = rig({ restart_threshold: threshold, restart_window: '1m' })
          await alone.feed(...events)
          // Time goes on, so that all is over.
          for (const { clock } of [together, alone]) await clock.advance(1e7)
          expect(together.found().filter((event) => event.attributes[attr.unit] === unit)).toEqual(alone.found())
        }
      }),
      { numRuns: 50 },
    )
  })

  test('detected exactly when some window holds the threshold, against a plain count', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 15 }),
        fc.integer({ min: 2, max: 5 }),
        async (seconds, threshold) => {
          const sorted = [...seconds].sort((a, b) => a - b)
          const { feed, found } = rig({ restart_threshold: threshold, restart_window: '1m', slow_interval: '0s' })
          await feed(...sorted.map((atS, run) => at(names.failed, atS, run)))
          const loop = sorted.some((last, i) => i >= threshold - 1 && last - sorted[i - threshold + 1]! < 60)
          expect(found().length > 0).toBe(loop)
        },
      ),
    )
  })
})

test('check refuses times that mean nothing', () => {
  const check = (written: unknown) => factory.check(createTestConfig(schema, written)).map(({ path }) => path)
  expect(check({ restart_window: '0s' })).toEqual([['restart_window']])
  expect(check({ healthy_time: '0s' })).toEqual([['healthy_time']])
  expect(check({ restart_window: '25d' })).toEqual([['restart_window']])
  expect(check({ restart_window: '25d', healthy_time: '1h' })).toEqual([])
  expect(check({ slow_interval: '25d' })).toEqual([['slow_interval']])
})
