import { describe, expect, test } from 'vitest'
import { ok, retryable } from '../../../../src/component/outcome.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { Span } from '../../../../src/data/span.js'
import { incidentSpanId } from '../../../../src/lib/incidents/ids.js'
import { runSpanId } from '../../../../src/lib/systemd/ids.js'
import { attr, event as names } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/processors/lifecycle_spans/config.js'
import { factory } from '../../../../src/processors/lifecycle_spans/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'

const kBase = 1_700_000_000_000_000

function rig(written: unknown = {}) {
  const clock = new FakeClock()
  const settings = testSettings('processor', 'lifecycle_spans', { clock })
  const next = new MemoryExporter()
  const processor = factory.create(settings, createTestConfig(schema, written), next)
  return {
    clock,
    next,
    processor,
    telemetry: settings.telemetry as RecordingTelemetry,
    async feed(...events: readonly RawEvent[]): Promise<void> {
      await processor.consume(batchOf({ events }))
      await settle()
    },
  }
}

const runId = (run: number): string => (run + 1).toString(16).padStart(32, '0')

interface Times {
  readonly inactiveExit?: number
  readonly activeEnter?: number
  readonly activeExit?: number
  readonly inactiveEnter?: number
  readonly mainExit?: number
}

/** @param atUsec - after the base time, as are `times` */
function at(
  name: string,
  atUsec: number,
  run: number,
  times: Times,
  extra: RawEvent['attributes'] = {},
  unit = 'a.service',
) {
  const stamp = (key: string, usec: number | undefined) => (usec === undefined ? {} : { [key]: kBase + usec })
  return sampleEvent({
    name,
    body: `${unit} ${name}`,
    timeUnixNano: BigInt(kBase + atUsec) * 1000n,
    resource: sampleResource(unit),
    attributes: {
      [attr.unit]: unit,
      [attr.unitType]: 'service',
      [attr.invocationId]: runId(run),
      [attr.activeState]: name === names.started || name === names.restarted ? 'active' : 'inactive',
      [attr.result]: 'success',
      ...stamp(attr.inactiveExitUsec, times.inactiveExit),
      ...stamp(attr.activeEnterUsec, times.activeEnter),
      ...stamp(attr.activeExitUsec, times.activeExit),
      ...stamp(attr.inactiveEnterUsec, times.inactiveEnter),
      ...stamp(attr.execMainExitUsec, times.mainExit),
      ...extra,
    },
  })
}

/** Spans as `name start-end status`, microseconds after the base time, children indented. */
function draw(spans: readonly Span[]): readonly string[] {
  const usec = (nano: bigint) => Number(nano / 1000n) - kBase
  return spans.map(
    (span) =>
      `${span.parentSpanId === undefined ? '' : '  '}${span.name} ${usec(span.startTimeUnixNano)}-${usec(span.endTimeUnixNano)}${
        span.status.code === 'error' ? ` error ${span.status.message}` : ''
      }`,
  )
}

const whole: Times = { inactiveExit: 0, activeEnter: 200, activeExit: 5000, inactiveEnter: 5300 }

describe('the trace of a run', () => {
  test('a start, a life, a stop', async () => {
    const { feed, next } = rig()
    await feed(at(names.started, 200, 0, { inactiveExit: 0, activeEnter: 200 }))
    expect(next.spans).toEqual([])
    await feed(at(names.stopped, 5300, 0, whole))
    expect(draw(next.spans)).toEqual([
      'a.service run 0-5300',
      '  start 0-200',
      '  running 200-5000',
      '  stop 5000-5300',
    ])
  })

  test('its IDs can be known by whoever knows the InvocationID; all spans share trace and resource', async () => {
    const { feed, next } = rig()
    const last = at(names.stopped, 5300, 7, whole)
    await feed(last)
    const [root, ...children] = next.spans
    expect(root).toMatchObject({
      traceId: runId(7),
      spanId: runSpanId(runId(7)),
      resource: last.resource,
      kind: 'internal',
    })
    expect(root).not.toHaveProperty('parentSpanId')
    for (const child of children) expect(child).toMatchObject({ traceId: runId(7), parentSpanId: root!.spanId })
    const ids = next.spans.map((span) => span.spanId)
    expect(new Set(ids).size).toBe(4)
    for (const id of ids) expect(id).toMatch(/^(?!0{16})[0-9a-f]{16}$/)
  })

  test('a run that began before the agent is told of at its end', async () => {
    const { feed, next } = rig()
    await feed(at(names.stopped, 5300, 0, whole))
    expect(draw(next.spans)[0]).toBe('a.service run 0-5300')
    expect(next.spans[0]!.links).toEqual([])
  })

  test('what happened in it are its span events, each once', async () => {
    const { feed, next } = rig()
    const started = at(names.started, 200, 0, { inactiveExit: 0, activeEnter: 200 })
    await feed(started, at(names.reloaded, 900, 0, {}))
    await feed(started, at(names.stopped, 5300, 0, whole))
    expect(next.spans[0]!.events).toEqual([
      {
        timeUnixNano: started.timeUnixNano,
        name: names.started,
        attributes: { message: 'a.service systemd.unit.started' },
      },
      expect.objectContaining({ name: names.reloaded }),
      expect.objectContaining({ name: names.stopped }),
    ])
  })

  test('span events are bounded; the end always finds room, and the root says how many are missing', async () => {
    const { feed, next } = rig()
    for (let i = 0; i < 100; i++) await feed(at(names.reloaded, i, 0, {}))
    await feed(at(names.stopped, 5300, 0, whole))
    const [root] = next.spans
    expect(root!.events).toHaveLength(64)
    expect(root!.events.at(-1)!.name).toBe(names.stopped)
    expect(root!.attributes['systemd.unit.span_events_dropped']).toBe(37)
  })
})

describe('a run that failed', () => {
  const code3 = { [attr.result]: 'exit-code', [attr.exitCode]: 3 }

  test.each<[string, Times, RawEvent['attributes'], readonly string[]]>([
    [
      'by itself while running',
      { inactiveExit: 0, activeEnter: 0, activeExit: 900, inactiveEnter: 900, mainExit: 899 },
      code3,
      ['a.service run 0-900 error exit-code 3', '  running 0-900 error exit-code 3'],
    ],
    [
      'while starting: never active, times of the run before are not its own',
      { inactiveExit: 1000, activeEnter: 10, activeExit: 500, inactiveEnter: 1400 },
      { [attr.result]: 'timeout' },
      ['a.service run 1000-1400 error timeout', '  start 1000-1400 error timeout'],
    ],
    [
      'at once, before any time passed',
      { inactiveExit: 1000, inactiveEnter: 1000 },
      { [attr.result]: 'exit-code', [attr.exitCode]: 203 },
      ['a.service run 1000-1000 error exit-code 203', '  start 1000-1000 error exit-code 203'],
    ],
    [
      'by not stopping in time',
      { ...whole, mainExit: 5299 },
      { [attr.result]: 'timeout', [attr.exitSignal]: 'SIGKILL' },
      [
        'a.service run 0-5300 error timeout SIGKILL',
        '  start 0-200',
        '  running 200-5000',
        '  stop 5000-5300 error timeout SIGKILL',
      ],
    ],
    [
      'while being stopped',
      { ...whole, mainExit: 5299 },
      code3,
      [
        'a.service run 0-5300 error exit-code 3',
        '  start 0-200',
        '  running 200-5000',
        '  stop 5000-5300 error exit-code 3',
      ],
    ],
    [
      'by a watchdog: stopped because of what it did while running',
      { ...whole, mainExit: 5299 },
      { [attr.result]: 'watchdog', [attr.exitSignal]: 'SIGABRT' },
      [
        'a.service run 0-5300 error watchdog SIGABRT',
        '  start 0-200',
        '  running 200-5000 error watchdog SIGABRT',
        '  stop 5000-5300',
      ],
    ],
    [
      'by itself, with ExecStopPost= after it',
      { ...whole, mainExit: 4990 },
      code3,
      [
        'a.service run 0-5300 error exit-code 3',
        '  start 0-200',
        '  running 200-5000 error exit-code 3',
        '  stop 5000-5300',
      ],
    ],
  ])('%s', async (_, times, extra, expected) => {
    const { feed, next } = rig()
    await feed(at(names.failed, times.inactiveEnter!, 0, times, { [attr.activeState]: 'failed', ...extra }))
    expect(draw(next.spans)).toEqual(expected)
    expect(next.spans[0]!.attributes).toMatchObject({
      [attr.result]: extra[attr.result],
      [attr.errorType]: extra[attr.result],
    })
  })

  test('is one trace, though systemd also tells of its restart; the next run links back', async () => {
    const { feed, next } = rig()
    const waiting = { [attr.activeState]: 'activating', [attr.restartCause]: 'auto' }
    for (let run = 0; run < 3; run++) {
      const t = run * 1000
      const times = { inactiveExit: t, activeEnter: t, activeExit: t + 500, inactiveEnter: t + 500 }
      await feed(
        at(names.failed, t + 500, run, times, { ...code3, [attr.activeState]: 'failed' }),
        at(names.restarting, t + 501, run, { ...times, inactiveExit: t + 501 }, { ...code3, ...waiting }),
        at(names.restarted, t + 1000, run + 1, { inactiveExit: t + 1000, activeEnter: t + 1000 }),
      )
    }
    const roots = next.spans.filter((span) => span.parentSpanId === undefined)
    expect(roots.map(({ traceId }) => traceId)).toEqual([runId(0), runId(1), runId(2)])
    expect(roots.map(({ links }) => links.map((link) => [link.traceId, link.spanId]))).toEqual([
      [],
      [[runId(0), runSpanId(runId(0))]],
      [[runId(1), runSpanId(runId(1))]],
    ])
  })
})

test('a run that is part of an incident links to its trace', async () => {
  const { feed, next } = rig()
  const incident = 'f0'.repeat(16)
  await feed(at(names.failed, 5300, 0, whole, { [attr.incidentId]: incident }))
  expect(next.spans[0]!.links).toEqual([
    { traceId: incident, spanId: incidentSpanId(incident), attributes: { 'systemd.link.kind': 'incident' } },
  ])
  expect(next.spans[0]!.attributes[attr.incidentId]).toBe(incident)
})

describe('a restart', () => {
  test('after a clean exit ends the run without error', async () => {
    const { feed, next } = rig()
    await feed(
      at(names.started, 200, 0, { inactiveExit: 0, activeEnter: 200 }),
      at(names.restarting, 5301, 0, { ...whole, inactiveExit: 5301 }, { [attr.activeState]: 'activating' }),
    )
    expect(draw(next.spans)).toEqual([
      'a.service run 0-5300',
      '  start 0-200',
      '  running 200-5000',
      '  stop 5000-5300',
    ])
  })

  test.each([
    ['when systemd says that it was over', 5000],
    ['when the agent learned of it, where systemd does not say', 7000],
  ])('that was concluded ends the run %s', async (_, end) => {
    const { feed, next } = rig()
    const state = { [attr.synthetic]: true, [attr.activeState]: 'active' }
    const concluded = at(names.restarting, end, 0, { inactiveExit: 150, activeEnter: 200 }, state)
    await feed({ ...concluded, observedTimeUnixNano: BigInt(kBase + 7000) * 1000n })
    expect(draw(next.spans)).toEqual([`a.service run 150-${end}`, '  start 150-200', `  running 200-${end}`])
    expect(next.spans[0]!.attributes[attr.synthetic]).toBe(true)
  })

  test('whose unit was gone when looked for: InactiveEnter is of the run before, and is not believed', async () => {
    const { feed, next } = rig()
    const gone = { [attr.synthetic]: true, [attr.activeState]: 'inactive' }
    await feed(at(names.stopped, 7000, 0, { inactiveExit: 150, activeEnter: 200, inactiveEnter: 100 }, gone))
    expect(draw(next.spans)).toEqual(['a.service run 150-7000', '  start 150-200', '  running 200-7000'])
  })

  test('of which the end of the run before was never told: counted, and still linked', async () => {
    const { feed, next, telemetry } = rig()
    await feed(at(names.started, 0, 0, {}), at(names.started, 100, 1, { inactiveExit: 100, activeEnter: 100 }))
    await feed(at(names.stopped, 5300, 1, { ...whole, inactiveExit: 100 }))
    expect(telemetry.counters.get('runs_without_end')).toBe(1)
    expect(next.spans[0]!.links[0]!.traceId).toBe(runId(0))
  })
})

describe('steps of a run, told of while it goes on', () => {
  const job = (type: string | undefined, queued: number | undefined, result = 'done') =>
    at(
      names.jobFinished,
      250,
      0,
      {},
      {
        [attr.jobId]: 7,
        [attr.jobResult]: result,
        ...(type === undefined ? {} : { [attr.jobType]: type }),
        ...(queued === undefined ? {} : { [attr.jobQueuedUsec]: kBase + queued }),
      },
    )
  const reload = (began: number | undefined) =>
    at(names.reloaded, 900, 0, {}, began === undefined ? {} : { [attr.reloadBeganUsec]: kBase + began })

  test.each<[string, RawEvent, readonly string[]]>([
    ['a start job, with the time it waited', job('start', -3000), ['  start job -3000-250']],
    ['a job that failed', job('reload', 100, 'failed'), ['  reload job 100-250 error job failed']],
    ['a reload', reload(700), ['  reload 700-900']],
    ['a job that did nothing to the run', job(undefined, 100), []],
    ['a job that was queued unseen', job('stop', undefined), []],
    ['a job whose clock was set back', job('stop', 900), ['  stop job 900-900']],
    ['a reload whose begin is not known', reload(undefined), []],
  ])('%s', async (_, event, expected) => {
    const { feed, next } = rig()
    await feed(event)
    await feed(event)
    expect(draw(next.spans)).toEqual(expected)
    for (const span of next.spans) expect(span).toMatchObject({ traceId: runId(0), parentSpanId: runSpanId(runId(0)) })
  })

  test('the job that stopped it is told of after its end, and belongs to it', async () => {
    const { feed, next } = rig()
    await feed(at(names.stopped, 5300, 0, whole), job('stop', 4900))
    expect(draw(next.spans).at(-1)).toBe('  stop job 4900-4900')
    expect(next.spans.at(-1)!.parentSpanId).toBe(next.spans[0]!.spanId)
  })
})

describe('what has no trace', () => {
  test.each<[string, RawEvent]>([
    ['other events', at('systemd.job.finished', 1, 0, whole)],
    ['a start limit: no run took place', at(names.startLimitHit, 1, 0, whole)],
    ['units of other types', at(names.stopped, 5300, 0, whole, {}, 'a.timer')],
    ['no invocation ID', at(names.stopped, 5300, 0, whole, { [attr.invocationId]: '' })],
    ['an invocation ID of zeros', at(names.stopped, 5300, 0, whole, { [attr.invocationId]: '0'.repeat(32) })],
    ['an invocation ID that is none', at(names.stopped, 5300, 0, whole, { [attr.invocationId]: 'xyz' })],
  ])('%s', async (_, event) => {
    const { feed, next } = rig()
    await feed(event)
    expect(next.spans).toEqual([])
    expect(next.events).toHaveLength(1)
  })

  test('what still runs at shutdown', async () => {
    const { feed, next, processor } = rig()
    await feed(at(names.started, 200, 0, { inactiveExit: 0, activeEnter: 200 }))
    await processor.shutdown()
    expect(next.spans).toEqual([])
  })

  test('timestamps that are no times do not break it', async () => {
    const { feed, next } = rig()
    await feed(
      at(
        names.stopped,
        5300,
        0,
        {},
        { [attr.inactiveEnterUsec]: 1.5, [attr.inactiveExitUsec]: 'x', [attr.activeEnterUsec]: -1 },
      ),
    )
    expect(draw(next.spans)).toEqual(['a.service run 5300-5300'])
  })
})

test('other types on request', async () => {
  const { feed, next } = rig({ unit_types: ['service', 'mount'] })
  await feed(at(names.stopped, 5300, 0, whole, {}, 'data.mount'))
  expect(next.spans[0]!.name).toBe('data.mount run')
})

test('past max_units the unit heard of least recently is forgotten; an open run is counted', async () => {
  const { feed, telemetry } = rig({ max_units: 2 })
  const started = (unit: string, run: number) => at(names.started, 0, run, {}, {}, unit)
  await feed(started('a.service', 0), started('b.service', 1), started('a.service', 0), started('c.service', 2))
  expect(telemetry.counters.get('open_runs_evicted')).toBe(1)
  await feed(at(names.stopped, 5300, 0, whole, {}, 'a.service'))
  expect(telemetry.gauges.get('units_known')!()).toBe(2)
})

test('a batch refused and offered again makes each span once, and goes on as the same object', async () => {
  const { processor, next, clock, telemetry } = rig()
  const batch = batchOf({
    events: [at(names.failed, 5300, 0, whole), at(names.restarted, 6000, 1, { inactiveExit: 6000, activeEnter: 6000 })],
  })
  next.respond = (_, call) => (call < 4 ? retryable('busy', 100) : ok)
  while ((await processor.consume(batch)).kind === 'retryable') await clock.advance(10)
  await clock.advance(1000)
  expect(next.spans).toHaveLength(4)
  expect(telemetry.producedItems).toBe(4)
  expect(next.batches).toContain(batch)
})
