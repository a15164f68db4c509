import { describe, expect, test } from 'vitest'
import { ok, retryable } from '../../../../src/component/outcome.js'
import { Shared } from '../../../../src/component/shared.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import { unitGraphKeys } from '../../../../src/lib/dependencies/unit-graph.js'
import { incidentSpanId } from '../../../../src/lib/incidents/ids.js'
import { incidentEvent, incidentMetric } from '../../../../src/lib/incidents/names.js'
import { runSpanId } from '../../../../src/lib/systemd/ids.js'
import { attr, metric, event as names } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/processors/incident/config.js'
import { factory } from '../../../../src/processors/incident/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

async function rig(written: Record<string, unknown> = {}) {
  const clock = new FakeClock()
  const shared = new Shared()
  const settings = testSettings('processor', 'incident', { clock, shared })
  const next = new MemoryExporter()
  const processor = factory.create(settings, createTestConfig(schema, written), next)
  await processor.start(new TestHost())
  return {
    clock,
    shared,
    next,
    processor,
    telemetry: settings.telemetry as RecordingTelemetry,
    incidents: () => next.events.filter(({ name }) => name.startsWith('incident.')),
    async feed(...events: readonly RawEvent[]): Promise<void> {
      await processor.consume(batchOf({ events }))
      await settle()
    },
    /** An event of a unit, now; the letter is its run. */
    tell(name: string, unit: string, run: string, attributes: RawEvent['attributes'] = {}): RawEvent {
      const failed = name === names.failed || name === names.watchdogTimeout || name === names.startLimitHit
      return sampleEvent({
        name,
        timeUnixNano: clock.unixNano(),
        resource: sampleResource(unit),
        traceId: run.repeat(32),
        attributes: {
          [attr.unit]: unit,
          [attr.invocationId]: run.repeat(32),
          [attr.activeState]: failed ? 'failed' : name === names.stopped ? 'inactive' : 'active',
          [attr.result]: failed ? 'exit-code' : 'success',
          ...(failed ? { [attr.exitCode]: 3 } : {}),
          ...attributes,
        },
      })
    },
  }
}

const gaveUp = { [attr.verdict]: 'gave_up' }
const willRestart = { [attr.verdict]: 'will_restart' }

describe('an incident', () => {
  test('is the case with the run that failed last, as its words are: whoever asks looks at that one', async () => {
    const { feed, tell, clock, telemetry } = await rig()
    await feed(tell(names.failed, 'db.service', 'a', willRestart))
    await clock.advance(1000)
    await feed(tell(names.failed, 'db.service', 'b', { ...willRestart, [attr.failedCommand]: 'ExecStartPre=' }))
    const [concern, ...others] = [...telemetry.readConcerns()]
    expect(others).toEqual([])
    expect(concern!.text).toBe('db.service failed (exit-code of ExecStartPre=)')
    expect(concern!.attributes[attr.invocationId]).toBe('b'.repeat(32))
  })

  test('is told of once, with its root cause, whom it took down, and what more was expected', async () => {
    const { feed, tell, clock, incidents } = await rig()
    const expected = {
      [attr.impactStop]: ['api.service', 'web.service'],
      [attr.impactDegrade]: ['report.service'],
      [attr.impactCount]: 3,
    }
    await feed(
      tell(names.failed, 'db.service', 'a', { ...gaveUp, ...expected }),
      tell(names.stopped, 'api.service', 'b', { [attr.causedBy]: 'db.service' }),
      tell(names.stopped, 'web.service', 'c', {
        [attr.causedBy]: 'db.service',
        [attr.rootCause]: 'db.service',
        [attr.rootCausePath]: ['db.service', 'api.service', 'web.service'],
      }),
    )
    expect(incidents()).toEqual([])
    await clock.advance(1000)
    const [opened, ...rest] = incidents()
    expect(rest).toEqual([])
    expect(opened).toMatchObject({
      name: incidentEvent.opened,
      severity: 17,
      body: 'incident: db.service failed (exit-code 3); took down api.service, web.service',
      resource: sampleResource('db.service'),
    })
    expect(opened!.attributes).toEqual({
      [attr.unit]: 'db.service',
      [attr.incidentId]: opened!.traceId,
      [attr.incidentState]: 'gave_up',
      [attr.incidentRootCause]: 'db.service',
      [attr.incidentReason]: 'exit-code 3',
      [attr.incidentFailed]: ['db.service'],
      [attr.incidentTakenDown]: ['api.service', 'web.service'],
      [attr.incidentUnitCount]: 3,
      [attr.incidentFailures]: 1,
      [attr.incidentStartUsec]: 1_700_000_000_000_000,
      ...expected,
    })
    expect(opened!.traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/)
    expect(opened!.spanId).toBe(incidentSpanId(opened!.traceId!))
  })

  test('is among what is open from when it is told of until it is resolved', async () => {
    const { feed, tell, clock, telemetry } = await rig({ healthy_time: '10s' })
    const open = () => [...telemetry.readConcerns()].map(({ text, severity }) => `${text} ${severity}`)
    await feed(tell(names.failed, 'a.service', 'a', willRestart))
    expect(open()).toEqual([])
    await clock.advance(1000)
    expect(open()).toEqual(['a.service failed (exit-code 3) 17'])
    expect([...telemetry.readConcerns()][0]).toMatchObject({
      kind: 'incident',
      resource: sampleResource('a.service'),
      sinceUnixNano: 1_700_000_000_000_000_000n,
      attributes: { [attr.incidentState]: 'open', [attr.incidentFailures]: 1, [attr.incidentDown]: ['a.service'] },
    })
    await feed(tell(names.restarted, 'a.service', 'b'))
    expect(open()).toEqual(['a.service failed (exit-code 3) 13'])
    await clock.advance(20_000)
    expect(open()).toEqual([])
  })

  test('is resolved after the healthy time, with how long it took', async () => {
    const { feed, tell, clock, incidents } = await rig({ healthy_time: '10s' })
    await feed(tell(names.failed, 'a.service', 'a', willRestart))
    await clock.advance(2000)
    await feed(tell(names.restarted, 'a.service', 'b'))
    await clock.advance(20_000)
    expect(incidents().map(({ name, severity, body }) => [name, severity, body])).toEqual([
      [incidentEvent.opened, 17, 'incident: a.service failed (exit-code 3)'],
      [incidentEvent.updated, 9, 'incident of a.service: recovering, 1 failure, 1 unit'],
      [incidentEvent.resolved, 9, 'incident of a.service resolved after 12s: 1 failure, 1 unit'],
    ])
    expect(incidents().at(-1)!.attributes).toMatchObject({
      [attr.incidentState]: 'resolved',
      [attr.incidentResolution]: 'recovered',
      [attr.incidentDuration]: 12,
    })
  })

  test('joins over the graph what failed at the same time, whatever came first', async () => {
    const { feed, tell, clock, incidents, shared } = await rig()
    const graph = shared.get(unitGraphKeys.system)
    graph.update('api.service', { Requires: ['db.service', 'sysinit.target'], After: ['db.service', 'x.service'] })
    graph.update('y.service', { Requires: ['sysinit.target'] })
    graph.update('sysinit.target', { Requires: ['z.service'] })
    await feed(...['api', 'x', 'y', 'z', 'db'].map((name) => tell(names.failed, `${name}.service`, 'a', gaveUp)))
    await clock.advance(1000)
    // After= is no need, and over a target all are related.
    expect(incidents().map(({ attributes }) => [attributes[attr.unit], attributes[attr.incidentFailed]])).toEqual([
      ['db.service', ['api.service', 'db.service']],
      ['x.service', ['x.service']],
      ['y.service', ['y.service']],
      ['z.service', ['z.service']],
    ])
  })

  test('units killed because one slice met its limit are one; each for its own limit are two', async () => {
    const { feed, tell, clock, incidents } = await rig()
    const killed = (unit: string, run: string, limitedBy: string) => [
      tell(names.oomKilled, unit, run, { [attr.activeState]: 'failed', [attr.oomLimitedBy]: limitedBy }),
      tell(names.failed, unit, run, { ...gaveUp, [attr.result]: 'signal', [attr.exitSignal]: 'SIGKILL' }),
    ]
    await feed(...killed('a.service', 'a', '/jobs.slice'), ...killed('b.service', 'b', '/jobs.slice'))
    await feed(...killed('c.service', 'c', '/system.slice/c.service'))
    await clock.advance(1000)
    expect(incidents().map(({ body }) => body)).toEqual([
      'incident: a.service failed (oom-kill); then failed b.service',
      'incident: c.service failed (oom-kill)',
    ])
  })

  test('a cause that was named before it was told of is told on its own resource', async () => {
    const { feed, tell, clock, incidents } = await rig()
    await feed(
      tell(names.stopped, 'api.service', 'b', { [attr.causedBy]: 'db.service' }),
      tell(names.failed, 'db.service', 'a', gaveUp),
    )
    await clock.advance(1000)
    expect(incidents().map(({ resource }) => resource)).toEqual([sampleResource('db.service')])
  })

  test('user units are those of another manager', async () => {
    const { feed, tell, clock, incidents } = await rig()
    const user = { ...sampleResource('a.service'), key: 'unit:user:a.service' }
    const resource = { ...user, attributes: { ...user.attributes, 'systemd.scope': 'user' } }
    await feed(
      tell(names.failed, 'a.service', 'a', gaveUp),
      { ...tell(names.failed, 'a.service', 'b', gaveUp), resource },
      tell(names.stopped, 'b.service', 'c', { [attr.causedBy]: 'a.service' }),
    )
    await clock.advance(1000)
    expect(incidents().map(({ attributes }) => attributes[attr.incidentUnitCount])).toEqual([2, 1])
  })
})

describe('states that no event has told', () => {
  const stateOf = (unit: string, state: string, timeUnixNano: bigint) =>
    sampleGauge([], {
      name: metric.unitState,
      resource: sampleResource(unit),
      points: ['active', 'activating', 'inactive', 'failed'].map((one) => {
        return { attributes: { [attr.activeState]: one }, timeUnixNano, value: one === state ? 1 : 0 }
      }),
    })

  test.each<[string, string, number, readonly string[]]>([
    ['reset-failed: nobody waits for it any more', 'inactive', 1, ['opened', 'resolved stopped']],
    ['a start whose event was left out', 'active', 1, ['opened', 'resolved recovered']],
    ['what is known', 'failed', 1, ['opened']],
    ['a reading from before the failure', 'inactive', -1, ['opened']],
  ])('%s', async (_, state, afterMs, expected) => {
    const { feed, tell, clock, incidents, processor } = await rig({ healthy_time: '5s' })
    await feed(tell(names.failed, 'a.service', 'a', gaveUp))
    const at = clock.unixNano() + BigInt(afterMs) * 1_000_000n
    await clock.advance(2000)
    await processor.consume(
      batchOf({ metrics: [stateOf('x.service', 'inactive', at), stateOf('a.service', state, at)] }),
    )
    await clock.advance(20_000)
    expect(
      incidents().map(({ name, attributes }) => {
        const said =
          attributes[attr.incidentResolution] ?? (name === incidentEvent.updated && attributes[attr.incidentState])
        return [name.slice('incident.'.length), said].filter(Boolean).join(' ')
      }),
    ).toEqual(expected)
  })

  test('a oneshot that stays active tells of its start alone, and is well all the same', async () => {
    const { feed, tell, clock, incidents, processor } = await rig({ healthy_time: '5s' })
    await feed(tell(names.failed, 'mount-keys.service', 'a', gaveUp))
    await clock.advance(2000)
    await feed(tell(names.started, 'mount-keys.service', 'b', { [attr.activeState]: 'activating' }))
    await clock.advance(2000)
    await processor.consume(batchOf({ metrics: [stateOf('mount-keys.service', 'active', clock.unixNano())] }))
    await clock.advance(20_000)
    expect(incidents().at(-1)!.attributes[attr.incidentResolution]).toBe('recovered')
  })

  test.each<[string, readonly string[], readonly unknown[]]>([
    [
      'a restart that a condition kept from running is over when it is seen down twice',
      ['inactive', 'inactive'],
      ['resolved', 'stopped'],
    ],
    ['one that failed, of which no event came, has given up', ['failed', 'failed'], ['gave_up', undefined]],
    ['between two runs a unit is down for a moment', ['inactive', 'activating', 'inactive'], ['open', undefined]],
  ])('%s', async (_, states, expected) => {
    const { feed, tell, clock, incidents, processor } = await rig()
    await feed(tell(names.failed, 'a.service', 'a', willRestart))
    for (const state of states) {
      await clock.advance(10_000)
      await processor.consume(batchOf({ metrics: [stateOf('a.service', state, clock.unixNano())] }))
    }
    await clock.advance(20_000)
    const { attributes } = incidents().at(-1)!
    expect([attributes[attr.incidentState], attributes[attr.incidentResolution]]).toEqual(expected)
  })

  test('what was taken down is inactive, and waited for', async () => {
    const { feed, tell, clock, incidents, processor } = await rig()
    await feed(
      tell(names.failed, 'a.service', 'a', willRestart),
      tell(names.stopped, 'b.service', 'b', { [attr.causedBy]: 'a.service' }),
    )
    await clock.advance(2000)
    await processor.consume(batchOf({ metrics: [stateOf('b.service', 'inactive', clock.unixNano())] }))
    await clock.advance(200_000)
    expect(incidents()).toHaveLength(1)
  })
})

describe('events', () => {
  test('of a unit in an incident bear its ID, from the first failure to the end, and are else as they were', async () => {
    const { feed, tell, next, clock } = await rig({ healthy_time: '5s' })
    const before = tell(names.started, 'a.service', 'a')
    const failed = tell(names.failed, 'a.service', 'a', willRestart)
    await feed(before, failed, tell(names.failed, 'b.service', 'b', gaveUp))
    await feed(sampleEvent({ name: 'test.other', attributes: { [attr.unit]: 'a.service' } }), sampleEvent())
    await feed(tell(names.restarted, 'a.service', 'c'))
    await clock.advance(10_000)
    await feed(tell(names.reloaded, 'a.service', 'c'))
    const own = next.events.filter(({ name }) => !name.startsWith('incident.'))
    const ids = own.map(({ attributes }) => attributes[attr.incidentId])
    const [, a, b] = ids
    expect(ids).toEqual([undefined, a, b, a, undefined, a, undefined])
    expect(a).not.toBe(b)
    expect(own[0]).toBe(before)
    expect(own[1]).toEqual({ ...failed, attributes: { ...failed.attributes, [attr.incidentId]: a } })
  })

  test('the stop that ends an incident is part of it', async () => {
    const { feed, tell, next } = await rig()
    const stopped = { [attr.verdict]: 'stopped_by_operator' }
    await feed(tell(names.failed, 'a.service', 'a', willRestart), tell(names.stopped, 'a.service', 'a', stopped))
    expect(next.events[1]!.attributes[attr.incidentId]).toBe(next.events[0]!.attributes[attr.incidentId])
  })

  test('a batch without any goes on as the same object', async () => {
    const { processor, next, tell } = await rig()
    const batch = batchOf({ events: [tell(names.started, 'a.service', 'a'), sampleEvent()] })
    await processor.consume(batch)
    expect(next.batches[0]).toBe(batch)
  })

  test.each([
    ['a failure in a stop that somebody asked for', names.failed, { [attr.verdict]: 'stopped_by_operator' }],
    ['a process killed in a unit that goes on', names.oomKilled, { [attr.activeState]: 'active' }],
    ['a job that is done', names.jobFinished, { [attr.jobResult]: 'done' }],
    ['a clean restart', names.restarting, { [attr.restartCause]: 'auto' }],
  ])('%s is no incident', async (_, name, attributes) => {
    const { feed, tell, clock, incidents } = await rig()
    await feed(tell(name, 'a.service', 'a', attributes))
    await clock.advance(100_000)
    expect(incidents()).toEqual([])
  })

  test('a batch refused and offered again counts once', async () => {
    const { processor, next, clock, tell, incidents } = await rig()
    const batch = batchOf({
      events: [tell(names.failed, 'a.service', 'a', willRestart), tell(names.restarted, 'a.service', 'b')],
    })
    next.respond = (_, call) => (call < 4 ? retryable('busy', 100) : ok)
    while ((await processor.consume(batch)).kind === 'retryable') await clock.advance(10)
    await clock.advance(2000)
    expect(incidents().map(({ attributes }) => attributes[attr.incidentFailures])).toEqual([1])
    expect(next.spans.map(({ name }) => name)).toEqual(['run failed', 'restart delay'])
  })

  test('a start that was followed by a crash is not told after it when the batch is offered again', async () => {
    const { processor, next, clock, tell, incidents } = await rig({ healthy_time: '5s' })
    const batch = batchOf({
      events: [tell(names.started, 'a.service', 'a'), tell(names.failed, 'a.service', 'a', gaveUp)],
    })
    next.respond = (_, call) => (call < 2 ? retryable('busy', 100) : ok)
    while ((await processor.consume(batch)).kind === 'retryable') await clock.advance(10)
    await clock.advance(60_000)
    expect(incidents().map(({ body }) => body)).toEqual(['incident: a.service failed (exit-code 3)'])
    expect(incidents()[0]!.attributes[attr.incidentState]).toBe('gave_up')
  })

  test('a batch offered again goes on as the same object, by which a fan-out knows who has taken it', async () => {
    const { processor, next, tell } = await rig()
    const batch = batchOf({ events: [tell(names.failed, 'a.service', 'a', willRestart)] })
    const offered: unknown[] = []
    next.respond = (taken, call) => {
      offered.push(taken)
      return call < 2 ? retryable('busy', 100) : ok
    }
    expect((await processor.consume(batch)).kind).toBe('retryable')
    await processor.consume(batch)
    expect(offered[1]).toBe(offered[0])
    expect(offered[0]).not.toBe(batch)
  })
})

describe('the trace', () => {
  /** Spans as `name start-end status`, milliseconds after the first failure. */
  const draw = ({ spans }: MemoryExporter): readonly string[] => {
    const ms = (nano: bigint) => Number((nano - 1_700_000_000_000_000_000n) / 1_000_000n)
    return spans.map(({ name, resource, parentSpanId, startTimeUnixNano, endTimeUnixNano, status }) => {
      const who = parentSpanId === undefined ? '' : `  ${resource.attributes['service.name']} `
      return `${who}${name} ${ms(startTimeUnixNano)}-${ms(endTimeUnixNano)}${status.code === 'error' ? ` error ${status.message}` : ''}`
    })
  }

  async function outage() {
    const rigged = await rig({ healthy_time: '5s' })
    const { feed, tell, clock } = rigged
    await feed(
      tell(names.failed, 'db.service', 'a', willRestart),
      tell(names.stopped, 'api.service', 'b', { [attr.causedBy]: 'db.service' }),
    )
    await clock.advance(100)
    await feed(tell(names.restarted, 'db.service', 'c'))
    await clock.advance(300)
    await feed(tell(names.failed, 'db.service', 'c', willRestart))
    await clock.advance(2000)
    await feed(tell(names.restarted, 'db.service', 'd'))
    await clock.advance(100)
    await feed(tell(names.started, 'api.service', 'e'))
    return rigged
  }

  test('reads as the story of the outage: children as they end, the root last', async () => {
    const { clock, next } = await outage()
    await clock.advance(10_000)
    expect(draw(next)).toEqual([
      '  db.service run failed 0-0 error exit-code 3',
      '  db.service restart delay 0-100',
      '  db.service run failed 100-400 error exit-code 3',
      '  db.service restart delay 400-2400',
      '  api.service down 0-2500 error because of db.service',
      '  db.service up again 2400-7500',
      '  api.service up again 2500-7500',
      'incident: db.service failed (exit-code 3) 0-7500 error exit-code 3',
    ])
  })

  test('is bound together by IDs, and to the runs by links', async () => {
    const { clock, next, incidents } = await outage()
    await clock.advance(10_000)
    const id = incidents()[0]!.traceId!
    const root = next.spans.at(-1)!
    expect(root).toMatchObject({ traceId: id, spanId: incidentSpanId(id), resource: sampleResource('db.service') })
    expect(root).not.toHaveProperty('parentSpanId')
    for (const child of next.spans.slice(0, -1)) expect(child).toMatchObject({ traceId: id, parentSpanId: root.spanId })
    expect(new Set(next.spans.map(({ spanId }) => spanId)).size).toBe(next.spans.length)
    const runs = next.spans.map(({ links }) =>
      links.map(({ traceId, spanId }) => [traceId[0], spanId === runSpanId(traceId)]),
    )
    expect(runs).toEqual(['a', 'a', 'c', 'c', 'b', 'd', 'e', 'a'].map((run) => [[run, true]]))
    expect(root.events.map(({ name }) => name)).toEqual([
      'db.service failed (exit-code 3)',
      'api.service is down because of db.service',
      'db.service is up',
      'db.service failed (exit-code 3)',
      'db.service is up',
      'api.service is up',
      'incident recovering',
      'incident resolved: recovered',
    ])
  })

  test('has its root when it has given up; what follows are further children', async () => {
    const { feed, tell, clock, next } = await rig({ healthy_time: '5s' })
    await feed(tell(names.failed, 'a.service', 'a', gaveUp))
    await clock.advance(60_000)
    await feed(tell(names.started, 'a.service', 'b'))
    await clock.advance(60_000)
    expect(draw(next)).toEqual([
      'incident: a.service failed (exit-code 3) 0-1000 error exit-code 3',
      '  a.service run failed 0-0 error exit-code 3',
      '  a.service down 0-60000 error gave up',
      '  a.service up again 60000-65000',
    ])
  })

  test('has its root at trace_limit, though the incident goes on', async () => {
    const { feed, tell, clock, next } = await rig({ trace_limit: '1h' })
    await feed(tell(names.failed, 'a.service', 'a', willRestart))
    await clock.advance(3_590_000)
    expect(next.spans.map(({ name }) => name)).toEqual(['run failed'])
    await clock.advance(30_000)
    expect(next.spans.at(-1)!.attributes[attr.incidentState]).toBe('open')
  })

  test('past max_spans children are counted in the root', async () => {
    const { feed, tell, clock, next } = await rig({ max_spans: 3, healthy_time: '5s' })
    for (const run of 'abcdef') {
      await feed(tell(names.failed, 'a.service', run, willRestart))
      await clock.advance(100)
    }
    await feed(tell(names.restarted, 'a.service', 'f'))
    await clock.advance(10_000)
    expect(next.spans).toHaveLength(4)
    expect(next.spans.at(-1)!.attributes['incident.trace.spans_omitted']).toBeGreaterThan(0)
  })

  test('an incident that waits to be told of at shutdown is told of', async () => {
    const { feed, tell, incidents, processor, next } = await rig()
    await feed(tell(names.failed, 'a.service', 'a', gaveUp))
    await processor.shutdown()
    expect(incidents().map(({ name }) => name)).toEqual([incidentEvent.opened])
    expect(next.spans.map(({ name }) => name)).toEqual(['incident: a.service failed (exit-code 3)', 'run failed'])
  })

  test('of an incident still open at shutdown has a root that says so', async () => {
    const { feed, tell, clock, next, processor } = await rig()
    await feed(tell(names.failed, 'a.service', 'a', willRestart))
    await clock.advance(2000)
    await processor.shutdown()
    expect(next.spans.at(-1)).toMatchObject({ name: 'incident: a.service failed (exit-code 3)' })
    expect(next.spans.at(-1)!.attributes[attr.incidentState]).toBe('open')
  })
})

test('metrics tell of the incidents that are not over, on the host and on their root causes', async () => {
  const { feed, tell, clock, next } = await rig({ collection_interval: '30s', healthy_time: '20s' })
  await feed(
    tell(names.failed, 'a.service', 'a', gaveUp),
    tell(names.stopped, 'b.service', 'b', { [attr.causedBy]: 'a.service' }),
    tell(names.failed, 'c.service', 'c', willRestart),
  )
  let taken = 0
  const take = () => {
    const points = next.metrics
      .slice(taken)
      .flatMap(({ name, resource, points }) =>
        points.map(
          (point) =>
            `${name} ${resource.attributes['service.name']} ${Object.values(point.attributes)} ${'value' in point ? point.value : ''}`,
        ),
      )
    taken = next.metrics.length
    return points
  }
  await clock.advance(30_000)
  expect(take()).toEqual([
    `${incidentMetric.incidents} unitscope open 1`,
    `${incidentMetric.incidents} unitscope recovering 0`,
    `${incidentMetric.incidents} unitscope gave_up 1`,
    `${incidentMetric.opened} unitscope  2`,
    `${incidentMetric.units} a.service  2`,
    `${incidentMetric.units} c.service  1`,
  ])
  await feed(tell(names.restarted, 'c.service', 'd'))
  await clock.advance(30_000)
  expect(take()).toEqual([
    `${incidentMetric.incidents} unitscope open 0`,
    `${incidentMetric.incidents} unitscope recovering 0`,
    `${incidentMetric.incidents} unitscope gave_up 1`,
    `${incidentMetric.opened} unitscope  2`,
    `${incidentMetric.units} a.service  2`,
    `${incidentMetric.units} c.service  0`,
  ])
  await clock.advance(30_000)
  expect(take()).toHaveLength(5)
})

test('metrics do not show what may yet become part of another incident: an alert would be two', async () => {
  const { feed, tell, clock, next, shared } = await rig({ collection_interval: '100ms' })
  shared.get(unitGraphKeys.system).update('api.service', { Requires: ['db.service'] })
  await feed(tell(names.failed, 'api.service', 'a', gaveUp))
  await clock.advance(500)
  await feed(tell(names.failed, 'db.service', 'b', gaveUp))
  await clock.advance(1000)
  const units = next.metrics.filter(({ name }) => name === incidentMetric.units)
  expect(new Set(units.map(({ resource }) => resource.attributes['service.name']))).toEqual(new Set(['db.service']))
})

test('metrics that a pipeline does not take leave room for what there is to tell of incidents', async () => {
  const { feed, tell, clock, incidents, next, telemetry } = await rig()
  next.respond = () => retryable('the backend is away', 1000)
  const units = Array.from({ length: 200 }, (_, n) => `u${n}.service`)
  await feed(...units.map((unit) => tell(names.failed, unit, 'a', gaveUp)))
  await clock.advance(30 * 60_000)
  await feed(tell(names.failed, 'late.service', 'b', gaveUp))
  await clock.advance(10_000)
  next.respond = () => ok
  await clock.advance(60_000)
  expect(incidents().map(({ attributes }) => attributes[attr.unit])).toEqual([...units, 'late.service'])
  expect([...telemetry.drops]).toEqual([])
})
