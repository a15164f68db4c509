import { describe, expect, test } from 'vitest'
import type { Host, Settings } from '../../../src/component/component.js'
import type { Logger } from '../../../src/component/logger.js'
import { permanent, retryable } from '../../../src/component/outcome.js'
import { UnavailableError } from '../../../src/errors.js'
import { kFlushMs } from '../../../src/graph/graph.js'
import { ComponentCounters } from '../../../src/telemetry/component-counters.js'
import { FakeClock } from '../../../src/testkit/fake-clock.js'
import { testSettings } from '../../../src/testkit/test-settings.js'
import { buildFake, items, newWorld } from './support.js'

describe('order', () => {
  test('sinks start first and receivers last; stopping goes the way the data flows', async () => {
    const world = newWorld()
    const graph = buildFake(world, ['all: r -> p1 p2 -> x'])
    await graph.start()
    await graph.shutdown()
    expect(world.journal).toEqual([
      'start exporter x',
      'start processor p2',
      'start processor p1',
      'start receiver r',
      'stop receiver r',
      'stop processor p1',
      'stop processor p2',
      'stop exporter x',
    ])
  })

  test('what a processor flushes at shutdown still reaches its exporter', async () => {
    const world = newWorld()
    const graph = buildFake(world, ['all: r -> p -> x'], {
      process: (_settings, next) => {
        world.behaviour.set('processor p', { shutdown: async () => void (await next.consume(items(3))) })
        return next
      },
    })
    await graph.start()
    await graph.shutdown()
    expect(world.exporters.get('x')!.items).toBe(3)
  })

  test('an error of one shutdown does not stop the others, and twice is once', async () => {
    const world = newWorld()
    world.behaviour.set('receiver r', {
      shutdown: () => {
        throw new Error('stuck')
      },
    })
    const graph = buildFake(world, ['all: r -> p -> x'])
    await graph.start()
    await Promise.all([graph.shutdown(), graph.shutdown()])
    await graph.shutdown()
    expect(world.journal.filter((line) => line.startsWith('stop'))).toEqual([
      'stop receiver r',
      'stop processor p',
      'stop exporter x',
    ])
    expect(graph.status().find((c) => c.id.kind === 'receiver')!.status).toEqual({
      state: 'failed',
      reason: 'shutdown: stuck',
    })
  })

  test('one that waits for room further on is not waited for: what makes room is being stopped', async () => {
    const world = newWorld()
    const clock = new FakeClock()
    let stopped = () => {}
    const stop = new Promise<void>((resolve) => (stopped = resolve))
    world.behaviour.set('processor full', { shutdown: stopped })
    const graph = buildFake(world, ['all: r -> p full -> x'], {
      // As `batch` does in front of an exporter without room: no answer until it is stopped itself.
      process: (settings, next) =>
        settings.id.id === 'full' ? { consume: () => stop.then(() => retryable('shutting down')) } : next,
      settingsFor: (id, pipeline) => ({
        ...testSettings(id.kind, id.id, { clock }),
        telemetry: new ComponentCounters(id, pipeline),
      }),
    })
    await graph.start()
    const offer = world.receivers.get('r')!.emit(items(3))
    world.behaviour.set('receiver r', { shutdown: async () => void (await offer) })
    world.behaviour.set('processor p', { shutdown: async () => void (await offer) })
    const done = graph.shutdown()
    await clock.advance(kFlushMs)
    expect(world.journal.slice(4)).toEqual(['stop receiver r', 'stop processor p'])
    await clock.advance(kFlushMs)
    await done
    expect(await offer).toMatchObject({ kind: 'retryable' })
    expect(world.journal.slice(4)).toEqual([
      'stop receiver r',
      'stop processor p',
      'stop processor full',
      'stop exporter x',
    ])
  })

  test('shutdown during start waits for the component being started and starts no more', async () => {
    const world = newWorld()
    let finishStart = () => {}
    world.behaviour.set('exporter x', { start: () => new Promise<void>((resolve) => (finishStart = resolve)) })
    const graph = buildFake(world, ['all: r -> -> x'])
    const started = graph.start()
    const stopped = graph.shutdown()
    finishStart()
    await Promise.all([started, stopped])
    expect(world.journal).toEqual(['start exporter x', 'stop receiver r', 'stop exporter x'])
  })
})

describe('instances', () => {
  test('receivers and exporters are shared between pipelines, processors are not', () => {
    const world = newWorld()
    buildFake(world, ['logs: r -> p -> x', 'metrics: r -> p -> x y'])
    expect(Object.fromEntries(world.made)).toEqual({ r: 1, p: 2, x: 1, y: 1 })
  })

  test('a pipeline named after a signal carries only that; an exporter gets only what it takes', async () => {
    const world = newWorld()
    world.behaviour.set('exporter numbers', { signals: ['metrics'] })
    const graph = buildFake(world, ['logs: r -> -> all', 'mixed: r -> -> numbers'])
    await graph.start()
    await world.receivers.get('r')!.emit(items(5, 3, 2))
    expect(world.exporters.get('all')!.events).toHaveLength(5)
    expect(world.exporters.get('all')!.items).toBe(5)
    expect(world.exporters.get('numbers')!.items).toBe(3)
    expect(graph.ledger().unrouted).toEqual({ 'pipeline mixed': 7 })
  })

  test('a pipeline of traces is given events where a processor makes spans of them, and delivers the spans alone', async () => {
    const world = newWorld()
    world.behaviour.set('processor p', { makes: { signal: 'traces', of: 'logs' } })
    const graph = buildFake(world, ['traces: r -> p -> x'], {
      process: (_settings, next) => ({
        consume: ({ events }) => next.consume(items(events.length, 0, 2 * events.length)),
      }),
    })
    await graph.start()
    await world.receivers.get('r')!.emit(items(3, 4))
    expect(world.exporters.get('x')!.items).toBe(6)
    expect(graph.ledger().unrouted).toEqual({ 'receiver r': 4 })
    expect(graph.ledger().used).toEqual({ 'receiver r': 3 })
  })

  test('metrics in which a pipeline of logs finds something are used there, unless another pipeline delivers them', async () => {
    const logs = 'logs: r -> p -> x'
    for (const [lines, used] of [
      [[logs], { 'receiver r': 4 }],
      [[logs, 'metrics: r -> -> y'], {}],
    ] as const) {
      const world = newWorld()
      world.behaviour.set('processor p', { makes: { signal: 'logs', of: 'metrics' } })
      const graph = buildFake(world, lines)
      await graph.start()
      await world.receivers.get('r')!.emit(items(3, 4))
      expect(world.exporters.get('x')!.items).toBe(3)
      expect(graph.ledger()).toMatchObject({ unrouted: {}, used })
    }
  })

  test.each([
    ['logs: r -> -> x', items(1, 4), 4],
    ['traces: r -> p -> x', items(3, 4), 7], // no processor here makes spans of events
  ])(
    'items that no pipeline carries or uses are shown as unrouted at the receiver: %s',
    async (pipeline, sent, unrouted) => {
      const world = newWorld()
      const graph = buildFake(world, [pipeline])
      await graph.start()
      await world.receivers.get('r')!.emit(sent)
      expect(graph.ledger().unrouted).toEqual({ 'receiver r': unrouted })
    },
  )
})

describe('what this machine cannot serve', () => {
  const warnings: unknown[] = []
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (message, fields) => void warnings.push([message, fields]),
    error() {},
  }

  test('a component that is unavailable stands aside, by its factory or by its start; the rest runs', async () => {
    const world = newWorld()
    world.behaviour.set('receiver a', { unavailable: 'no addon' })
    world.behaviour.set('receiver b', {
      start: () => {
        throw new UnavailableError('no cgroup v2')
      },
    })
    const graph = buildFake(world, ['one: a b -> -> x', 'two: c -> -> x'], { logger })
    await graph.start()
    await world.receivers.get('c')!.emit(items(2))
    expect(world.exporters.get('x')!.items).toBe(2)
    expect(graph.status().map(({ id, status }) => [id.id, status])).toEqual([
      ['a', { state: 'unavailable', reason: 'no addon' }],
      ['b', { state: 'unavailable', reason: 'no cgroup v2' }],
      ['c', { state: 'ok' }],
      ['x', { state: 'ok' }],
    ])
    expect(warnings).toEqual([['pipeline has no working receiver: nothing will flow through it', { pipeline: 'one' }]])
    await graph.shutdown()
    expect(graph.status()[0]!.status.state).toBe('unavailable')
  })

  test('what is sent to an unavailable exporter is dropped, with the reason in the ledger', async () => {
    const world = newWorld()
    world.behaviour.set('exporter gone', { unavailable: 'not here' })
    const graph = buildFake(world, ['all: r -> -> gone x'])
    await graph.start()
    const outcome = await world.receivers.get('r')!.emit(items(4))
    expect(outcome.kind).toBe('permanent')
    expect(world.exporters.get('x')!.items).toBe(4)
    expect(graph.ledger().rows.find((row) => row.id === 'gone')).toMatchObject({
      in: 4,
      dropped: { unavailable: 4 },
      held: 0,
    })
  })
})

describe('start failure', () => {
  test('names the component, stops what was started, and starts nothing else', async () => {
    const world = newWorld()
    world.behaviour.set('processor p', {
      start: () => {
        throw new Error('listen EADDRINUSE 127.0.0.1:9464')
      },
    })
    const graph = buildFake(world, ['all: r -> p -> x'])
    await expect(graph.start()).rejects.toThrow(
      'processor p (pipeline all) could not start: listen EADDRINUSE 127.0.0.1:9464',
    )
    expect(world.journal).toEqual([
      'start exporter x',
      'start processor p',
      'stop receiver r',
      'stop processor p',
      'stop exporter x',
    ])
    await graph.shutdown()
    expect(world.journal).toHaveLength(5)
  })

  test('a component that cannot be made is named too', () => {
    const world = newWorld()
    const build = () =>
      buildFake(world, ['all: r -> p -> x'], {
        process: () => {
          throw new Error('no such expression')
        },
      })
    expect(build).toThrow('processor p (pipeline all) could not be made: no such expression')
  })
})

describe('status', () => {
  test('a start that has begun something and reports so is not ok before it says that', async () => {
    const world = newWorld()
    let host: Host | undefined
    world.behaviour.set('receiver r', {
      start: (its) => {
        host = its
        its.report({ state: 'starting' })
      },
    })
    const graph = buildFake(world, ['all: r -> -> x'])
    const receiver = () => graph.status().find(({ id }) => id.kind === 'receiver')!.status.state
    await graph.start()
    expect(receiver()).toBe('starting')
    host!.report({ state: 'ok' })
    expect(receiver()).toBe('ok')
    await graph.shutdown()
  })

  test('what a component reports is told on; a start that reported nothing is ok', async () => {
    const world = newWorld()
    const changes: string[] = []
    world.behaviour.set('receiver r', { start: (host) => host.report({ state: 'degraded', reason: 'bus is down' }) })
    const graph = buildFake(world, ['all: r -> -> x'], {
      onStatus: (id, _pipeline, status) => void changes.push(`${id.id} ${status.state}`),
    })
    await graph.start()
    expect(changes).toEqual(['x starting', 'x ok', 'r starting', 'r degraded'])
  })
})

describe('a component that cannot keep what should outlive the agent', () => {
  test('is degraded while it would be ok, and as it says itself otherwise', async () => {
    const world = newWorld()
    let keeping: Settings['keeping']
    let host: Host | undefined
    world.behaviour.set('processor p', {
      start: (its) => {
        host = its
        keeping?.('counts cannot be kept: ENOENT')
      },
    })
    const graph = buildFake(world, ['all: r -> p -> x'], {
      process: (settings, next) => {
        keeping = settings.keeping
        return next
      },
    })
    const processor = () => graph.status().find(({ id }) => id.kind === 'processor')!.status
    await graph.start()
    const unkept = { state: 'degraded', reason: 'counts cannot be kept: ENOENT' }
    expect(processor()).toEqual(unkept)
    host!.report({ state: 'degraded', reason: 'bus is down' })
    expect(processor()).toEqual({ state: 'degraded', reason: 'bus is down' })
    host!.report({ state: 'ok' })
    expect(processor()).toEqual(unkept)
    keeping!(undefined)
    expect(processor()).toEqual({ state: 'ok' })
    await graph.shutdown()
    keeping!('counts cannot be kept: ENOSPC')
    expect(processor()).toEqual({ state: 'stopped' })
  })
})

describe('a component that breaks its promise', () => {
  test('consume that throws loses its batch, counted, and answers permanent', async () => {
    const world = newWorld()
    let calls = 0
    const graph = buildFake(world, ['all: r -> p -> x'], {
      process: (_settings, next) => ({
        async consume(batch) {
          if (calls++ === 0) throw new TypeError('undefined is not a function')
          return next.consume(batch)
        },
      }),
    })
    await graph.start()
    expect(await world.receivers.get('r')!.emit(items(2))).toEqual(permanent('internal error'))
    await world.receivers.get('r')!.emit(items(3))
    expect(graph.ledger().rows.find((row) => row.id === 'p')).toMatchObject({
      in: 5,
      out: 3,
      dropped: { internal_error: 2 },
      held: 0,
    })
  })

  test('a receiver that emits after shutdown reaches nobody, and is counted', async () => {
    const world = newWorld()
    const graph = buildFake(world, ['all: r -> -> x'])
    await graph.start()
    await graph.shutdown()
    await world.receivers.get('r')!.emit(items(2))
    expect(world.exporters.get('x')!.items).toBe(0)
    expect(graph.ledger().rows.find((row) => row.id === 'x')).toMatchObject({ dropped: { not_running: 2 } })
  })
})

test('a refused batch has not crossed: the receiver still holds it, and no other row knows of it', async () => {
  const world = newWorld()
  const graph = buildFake(world, ['all: r -> p -> x'])
  await graph.start()
  world.exporters.get('x')!.respond = () => retryable('busy', 50)
  expect(await world.receivers.get('r')!.emit(items(2))).toEqual(retryable('busy', 50))
  const [receiver, ...others] = graph.ledger().rows
  expect(receiver).toMatchObject({ in: 2, out: 0, held: 2 })
  for (const row of others) expect(row).toMatchObject({ in: 0, out: 0, held: 0 })
})
