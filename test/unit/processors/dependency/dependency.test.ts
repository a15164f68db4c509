import { describe, expect, test } from 'vitest'
import { ok, retryable } from '../../../../src/component/outcome.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import { type UnitGraph, unitGraphKeys } from '../../../../src/lib/dependencies/unit-graph.js'
import { attr, event as names } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/processors/dependency/config.js'
import { factory } from '../../../../src/processors/dependency/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleBatch, sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'
import { systemdView, type Units } from '../../lib/dependencies/systemd-view.js'

const kStartUsec = 1_700_000_000_000_000

function rig(units: Units, written: unknown = {}) {
  const settings = testSettings('processor', 'dependency')
  const graph: UnitGraph = settings.shared.get(unitGraphKeys.system)
  for (const [unit, dependencies] of systemdView(units)) graph.update(unit, dependencies)
  const next = new MemoryExporter()
  const processor = factory.create(settings, createTestConfig(schema, written), next)
  return {
    graph,
    next,
    processor,
    telemetry: settings.telemetry as RecordingTelemetry,
    /** The attributes that were added, of each event. */
    async feed(...events: readonly RawEvent[]): Promise<Record<string, unknown>[]> {
      const before = next.events.length
      await processor.consume(batchOf({ events }))
      return next.events.slice(before).map((event, at) => added(event, events[at]!))
    },
  }
}

function added(event: RawEvent, original: RawEvent): Record<string, unknown> {
  const entries = Object.entries(event.attributes).filter(([name]) => !(name in original.attributes))
  return Object.fromEntries(entries.map(([name, value]) => [name.replace('systemd.unit.', ''), value]))
}

function at(ms: number, name: string, unit: string, attributes: RawEvent['attributes'] = {}): RawEvent {
  return sampleEvent({
    name,
    timeUnixNano: BigInt(kStartUsec + ms * 1000) * 1000n,
    resource: sampleResource(unit),
    attributes: { [attr.unit]: unit, ...attributes },
  })
}
/** It was up, and ended by itself. */
const crash = (ms: number, unit: string): RawEvent =>
  at(ms, names.failed, unit, { [attr.inactiveExitUsec]: kStartUsec - 2, [attr.activeEnterUsec]: kStartUsec - 1 })
const startFailed = (ms: number, unit: string): RawEvent =>
  at(ms, names.failed, unit, { [attr.inactiveExitUsec]: kStartUsec, [attr.activeEnterUsec]: kStartUsec - 9 })
const stopped = (ms: number, unit: string, causedBy?: string): RawEvent =>
  at(ms, names.stopped, unit, causedBy === undefined ? {} : { [attr.causedBy]: causedBy })
const job = (ms: number, unit: string, result: string, more: RawEvent['attributes'] = {}): RawEvent =>
  at(ms, names.jobFinished, unit, { [attr.jobResult]: result, ...more })

const shop: Units = {
  'db.service': {},
  'api.service': { BindsTo: ['db.service'], After: ['db.service'] },
  'web.service': { Requires: ['api.service'], After: ['api.service'] },
  'mail.service': { Wants: ['db.service'] },
}

describe('the root cause', () => {
  test('of a unit that systemd stopped is what the one it was stopped for failed by', async () => {
    const [db, api, web] = await rig(shop).feed(
      crash(0, 'db.service'),
      stopped(2, 'api.service', 'db.service'),
      stopped(1, 'web.service', 'db.service'),
    )
    expect(db).toEqual({
      root_cause: 'db.service',
      'impact.count': 3,
      'impact.will_stop': ['api.service', 'web.service'],
      'impact.may_degrade': ['mail.service'],
    })
    expect(api).toMatchObject({
      root_cause: 'db.service',
      'root_cause.edge': 'BindsTo',
      'root_cause.path': ['db.service', 'api.service'],
      'impact.will_stop': ['web.service'],
    })
    expect(web).toMatchObject({
      root_cause: 'db.service',
      'root_cause.edge': 'BindsTo',
      'root_cause.path': ['db.service', 'api.service', 'web.service'],
      'root_cause.path.edges': ['BindsTo', 'Requires'],
      'impact.count': 0,
    })
  })

  test('of jobs that failed with a dependency is the one that was tried', async () => {
    const told = await rig(shop).feed(
      startFailed(0, 'db.service'),
      job(0, 'db.service', 'failed'),
      job(0, 'api.service', 'dependency', { [attr.causedBy]: 'db.service' }),
      job(0, 'web.service', 'dependency', { [attr.causedBy]: 'api.service' }),
    )
    expect(told.map((one) => [one['root_cause'], one['root_cause.path.edges'] ?? []])).toEqual([
      ['db.service', []],
      ['db.service', []],
      ['db.service', ['BindsTo']],
      ['db.service', ['BindsTo', 'Requires']],
    ])
  })

  test.each<[story: string, first: RawEvent[], unit: string, cause: string, config?: object]>([
    ['fails soon after one that it wants', [crash(0, 'db.service')], 'mail.service', 'db.service'],
    ['fails too late', [crash(-29_901, 'db.service')], 'mail.service', 'mail.service'],
    ['fails at the last moment', [crash(-29_900, 'db.service')], 'mail.service', 'db.service'],
    ['fails before the other one', [crash(101, 'db.service')], 'mail.service', 'mail.service'],
    [
      'fails when the other one is up again',
      [crash(0, 'db.service'), at(50, names.restarted, 'db.service')],
      'mail.service',
      'mail.service',
    ],
    [
      'failed before the other one was up again, and is told later',
      [crash(0, 'db.service'), at(150, names.restarted, 'db.service')],
      'mail.service',
      'db.service',
    ],
    ['has nothing to do with it', [crash(0, 'db.service')], 'cron.service', 'cron.service'],
    ['depends on it over two others', [crash(0, 'db.service')], 'web.service', 'db.service'],
    [
      'depends on it farther away than is looked',
      [crash(0, 'db.service')],
      'web.service',
      'web.service',
      { dependency_depth: 1 },
    ],
    ['is not to be concluded about', [crash(0, 'db.service')], 'mail.service', 'mail.service', { window: '0s' }],
    [
      'fails because of one that failed because of another',
      [crash(0, 'db.service'), crash(50, 'api.service')],
      'web.service',
      'db.service',
    ],
  ])('of a unit that %s', async (_, first, unit, cause, config = {}) => {
    const { feed } = rig({ ...shop, 'cron.service': {} }, config)
    await feed(...first)
    const [told] = await feed(crash(100, unit))
    expect(told?.['root_cause']).toBe(cause)
  })

  test('is the unit itself when it fails again, though it took down what brings it down in a circle', async () => {
    const { feed } = rig({ 'a.service': { Wants: ['b.service'] }, 'b.service': { Wants: ['a.service'] } })
    const told = await feed(crash(0, 'a.service'), crash(1, 'b.service'), crash(2, 'a.service'))
    expect(told.map((one) => one['root_cause'])).toEqual(['a.service', 'a.service', 'a.service'])
  })

  test('is told without the way where the graph does not know it', async () => {
    const [told] = await rig({}).feed(stopped(0, 'x.service', 'y.service'))
    expect(told).toEqual({ root_cause: 'y.service', 'root_cause.path': ['y.service', 'x.service'], 'impact.count': 0 })
  })

  describe('of a unit that is started when another one fails', () => {
    const ran = (fromMs: number, ms: number, unit: string): RawEvent =>
      at(ms, names.failed, unit, { [attr.inactiveExitUsec]: kStartUsec + fromMs * 1000 })
    const handled: Units = {
      'db.service': { OnFailure: ['page.service'] },
      'api.service': { BindsTo: ['db.service'], OnFailure: ['page.service'] },
      'page.service': { OnFailure: ['mail.service'] },
      'mail.service': {},
      'log.service': { Requires: ['page.service'], After: ['page.service'] },
    }

    test('is that failure, over handlers of handlers and what needs them', async () => {
      const [db, page, log, mail] = await rig(handled).feed(
        crash(0, 'db.service'),
        ran(10, 20, 'page.service'),
        job(20, 'log.service', 'dependency', { [attr.causedBy]: 'page.service' }),
        ran(30, 40, 'mail.service'),
      )
      // Who handles a failure is not hit by it.
      expect(db).toEqual({ root_cause: 'db.service', 'impact.count': 1, 'impact.will_stop': ['api.service'] })
      expect(page).toMatchObject({
        root_cause: 'db.service',
        'root_cause.edge': 'OnFailure',
        'root_cause.path': ['db.service', 'page.service'],
      })
      expect(log).toMatchObject({
        root_cause: 'db.service',
        'root_cause.path': ['db.service', 'page.service', 'log.service'],
        'root_cause.path.edges': ['OnFailure', 'Requires'],
      })
      expect(mail).toMatchObject({
        root_cause: 'db.service',
        'root_cause.path': ['db.service', 'page.service', 'mail.service'],
        'root_cause.path.edges': ['OnFailure', 'OnFailure'],
      })
    })

    test('is what the failure comes from that it handles, by the whole way', async () => {
      const [, , page] = await rig({ ...handled, 'db.service': {} }).feed(
        crash(0, 'db.service'),
        stopped(1, 'api.service', 'db.service'),
        ran(10, 20, 'page.service'),
      )
      expect(page).toMatchObject({
        root_cause: 'db.service',
        'root_cause.edge': 'BindsTo',
        'root_cause.path': ['db.service', 'api.service', 'page.service'],
        'root_cause.path.edges': ['BindsTo', 'OnFailure'],
      })
    })

    test.each<[story: string, first: RawEvent[], config?: object]>([
      ['ran before that', [crash(30, 'db.service')]],
      ['failed by itself before that', [ran(-20, -10, 'page.service'), crash(0, 'db.service')]],
      ['fails when that one is up again', [crash(0, 'db.service'), at(15, names.restarted, 'db.service')]],
      ['is not to be concluded about', [crash(0, 'db.service')], { window: '0s' }],
    ])('is its own where it %s', async (_, first, config = {}) => {
      const { feed } = rig(handled, config)
      await feed(...first)
      const [told] = await feed(ran(20, 40, 'page.service'))
      expect(told?.['root_cause']).toBe('page.service')
    })

    test('ends after as many steps as are followed, also where they handle each other', async () => {
      const circle: Units = { 'a.service': { OnFailure: ['b.service'] }, 'b.service': { OnFailure: ['a.service'] } }
      const { feed } = rig(circle)
      for (let ms = 0; ms < 100_000; ms += 100) {
        const [a, b] = await feed(ran(ms - 5, ms, 'a.service'), ran(ms + 5, ms + 10, 'b.service'))
        expect([a?.['root_cause'], b?.['root_cause']]).toEqual(['a.service', 'a.service'])
      }
    })
  })

  test('of a socket that gave up is the service that it could not start, and what that failed by', async () => {
    const { feed } = rig({
      ...shop,
      'web.socket': {},
      'web.service': { BindsTo: ['api.service'], TriggeredBy: ['web.socket'] },
    })
    const gaveUp = at(3, names.failed, 'web.socket', { [attr.result]: 'service-start-limit-hit' })
    const [alone] = await feed(gaveUp)
    expect(alone?.['root_cause']).toBe('web.socket')
    const [, , , told] = await feed(
      startFailed(0, 'db.service'),
      startFailed(1, 'api.service'),
      startFailed(2, 'web.service'),
      gaveUp,
    )
    expect(told).toMatchObject({
      root_cause: 'db.service',
      'root_cause.path': ['db.service', 'api.service', 'web.service', 'web.socket'],
      'root_cause.path.edges': ['BindsTo', 'BindsTo', 'Triggers'],
    })
  })

  test('failures are forgotten past the limit, and that is counted', async () => {
    const { feed, telemetry } = rig(shop, { max_units: 1 })
    const [, , mail] = await feed(crash(0, 'db.service'), crash(1, 'cron.service'), crash(2, 'mail.service'))
    expect(mail?.['root_cause']).toBe('mail.service')
    expect(telemetry.counters.get('failures_forgotten')).toBe(2)
    expect(telemetry.gauges.get('failures_remembered')?.()).toBe(1)
  })
})

describe('the impact', () => {
  test('lists end at the limit, and the count goes on', async () => {
    const units = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [`u${n + 10}.service`, { BindsTo: ['db.service'] }]),
    )
    const [told] = await rig(units, { max_listed_units: 2 }).feed(crash(0, 'db.service'))
    expect(told).toEqual({
      root_cause: 'db.service',
      'impact.count': 30,
      'impact.will_stop': ['u10.service', 'u11.service'],
    })
  })

  test('leaves out who was down', async () => {
    const { graph, feed } = rig(shop)
    graph.addStates({ at: (unit) => (unit === 'api.service' ? 'down' : 'up') })
    const [told] = await feed(crash(0, 'db.service'))
    expect([told?.['impact.will_stop'], told?.['impact.may_degrade']]).toEqual([undefined, ['mail.service']])
  })

  const id = (digit: string): string => digit.repeat(64)
  const host: Units = {
    'containerd.service': {},
    'docker.service': { Wants: ['containerd.service'], After: ['containerd.service'] },
    'kubelet.service': { Wants: ['containerd.service'] },
    [`cri-containerd-${id('a')}.scope`]: { Requires: ['kubepods-pod1.slice'] },
    'kubepods-pod1.slice': { Requires: ['kubepods.slice'] },
    'kubepods.slice': {},
    [`docker-${id('b')}.scope`]: { Requires: ['system.slice'] },
    [`docker-${id('c')}.scope`]: { Requires: ['system.slice'] },
    'system.slice': {},
    'backup.service': { Wants: ['docker.service'] },
  }

  test('of a container runtime names its containers, and those of the runtimes that rely on it', async () => {
    const [told] = await rig(host).feed(crash(0, 'containerd.service'))
    expect(told).toMatchObject({
      'impact.may_degrade': [
        'docker.service',
        'kubelet.service',
        'backup.service',
        `cri-containerd-${id('a')}.scope`,
        `docker-${id('b')}.scope`,
        `docker-${id('c')}.scope`,
        'kubepods-pod1.slice',
      ],
      'impact.containers.kind': ['containerd container', 'docker container', 'docker container', 'kubelet pod'],
      'impact.count': 7,
    })
    const [docker] = await rig(host).feed(crash(0, 'docker.service'))
    expect(docker?.['impact.containers']).toEqual([`docker-${id('b')}.scope`, `docker-${id('c')}.scope`])
  })

  test('does not name containers that were gone before', async () => {
    const { graph, feed } = rig(host)
    graph.remove(`docker-${id('b')}.scope`, kStartUsec - 1)
    const [told] = await feed(crash(0, 'docker.service'))
    expect(told?.['impact.containers']).toEqual([`docker-${id('c')}.scope`])
  })

  test('of a slice names the pods and containers that lie in it', async () => {
    const [told] = await rig(host).feed(at(0, names.stopped, 'kubepods.slice', { [attr.causedBy]: 'x.service' }))
    expect(told).toMatchObject({
      'impact.will_stop': ['kubepods-pod1.slice', `cri-containerd-${id('a')}.scope`],
      'impact.containers.kind': ['kubelet pod', 'containerd container'],
    })
  })
})

describe('what passes', () => {
  test('all else, as the same objects', async () => {
    const { processor, next } = rig(shop)
    const batch = sampleBatch(5)
    await processor.consume(batch)
    expect(next.batches[0]).toBe(batch)
    const calm = batchOf({
      events: [
        at(0, names.started, 'db.service'),
        stopped(0, 'db.service'),
        job(0, 'db.service', 'done'),
        job(0, 'db.service', 'canceled'),
        job(0, 'db.service', 'timeout', { [attr.jobType]: 'stop' }),
      ],
    })
    await processor.consume(calm)
    expect(next.batches[1]).toBe(calm)
  })

  test('of a mixed batch, every event that is no failure; and nothing is changed', async () => {
    const { processor, next } = rig(shop)
    const events = [at(0, names.started, 'x.service'), crash(1, 'db.service'), at(2, names.restarting, 'db.service')]
    const { attributes } = events[1]!
    const copy = { ...attributes }
    await processor.consume(batchOf({ events }))
    expect([next.events[0] === events[0], next.events[1] === events[1], next.events[2] === events[2]]).toEqual([
      true,
      false,
      true,
    ])
    expect(attributes).toEqual(copy)
  })

  test('a batch that was refused is offered as the same object again', async () => {
    const { processor, next } = rig(shop)
    const answers = [retryable('busy'), ok]
    const offered: unknown[] = []
    next.consume = async (batch) => {
      offered.push(batch)
      return answers.shift() ?? ok
    }
    const batch = batchOf({ events: [crash(0, 'db.service')] })
    await processor.consume(batch)
    await processor.consume(batch)
    expect(offered).toHaveLength(2)
    expect(offered[0]).toBe(offered[1])
  })

  test("a user's units have a graph of their own", async () => {
    const { processor, next } = rig(shop)
    const resource = { ...sampleResource('db.service'), attributes: { 'systemd.scope': 'user' } }
    await processor.consume(batchOf({ events: [{ ...crash(0, 'db.service'), resource }] }))
    expect(next.events[0]?.attributes[attr.impactCount]).toBe(0)
  })
})
