import { describe, expect, test } from 'vitest'
import { ok, permanent } from '../../../src/component/outcome.js'
import type { AgentConfig } from '../../../src/config/agent-config.js'
import { GraphLostError } from '../../../src/graph/graph.js'
import { unaccounted } from '../../../src/graph/ledger.js'
import { ComponentCounters } from '../../../src/telemetry/component-counters.js'
import { testSettings } from '../../../src/testkit/test-settings.js'
import { buildFake, configOf, items, type MakeProcessor, newWorld } from './support.js'

/** The same counters for the same component, as the agent has them. */
function countersOf() {
  const known = new Map<string, ComponentCounters>()
  const keyOf = (id: ComponentCounters['id'], pipeline: string | undefined) => `${id.kind} ${id.id} ${pipeline}`
  return {
    settingsFor(id: ComponentCounters['id'], pipeline: string | undefined) {
      const telemetry = known.get(keyOf(id, pipeline)) ?? new ComponentCounters(id, pipeline)
      known.set(keyOf(id, pipeline), telemetry)
      return { ...testSettings(id.kind, id.id), telemetry }
    },
    counters: (kind: string, id: string) => known.get(`${kind} ${id} undefined`)!,
    onGone: (id: ComponentCounters['id'], pipeline: string | undefined) => void known.delete(keyOf(id, pipeline)),
  }
}

async function rig(lines: readonly string[]) {
  const world = newWorld()
  const { counters, ...options } = countersOf()
  const graph = buildFake(world, lines, options)
  await graph.start()
  world.journal.length = 0
  return { world, graph, counters, emit: (count: number) => world.receivers.get('r')!.emit(items(count)) }
}

/** The configuration with other settings of one exporter. */
function changing(config: AgentConfig, id: string): AgentConfig {
  const part = config.exporters.get(id)!
  return { ...config, exporters: new Map([...config.exporters, [id, { ...part, config: { changed: true } }]]) }
}

describe('what is configured as before', () => {
  test('goes on: nothing is stopped, started or made anew', async () => {
    const { world, graph, emit } = await rig(['all: r -> p -> x'])
    await graph.reload(configOf(world, ['all: r -> p -> x']))
    expect(world.journal).toEqual([])
    expect(await emit(3)).toEqual({ kind: 'ok' })
    expect(world.exporters.get('x')!.items).toBe(3)
  })

  test('is joined to what is new beside it', async () => {
    const { world, graph, emit } = await rig(['all: r -> p -> x'])
    await graph.reload(configOf(world, ['all: r -> p q -> x y', 'logs: r -> -> y']))
    expect(world.journal).toEqual(['start exporter y', 'start processor q'])
    await emit(2)
    // y has them from both pipelines.
    expect([world.exporters.get('x')!.items, world.exporters.get('y')!.items]).toEqual([2, 4])
  })
})

describe('what is changed', () => {
  test('is stopped and replaced; its neighbours go on, and the ledger adds up over both', async () => {
    const { world, graph, emit } = await rig(['all: r -> p -> x y'])
    await emit(5)
    await graph.reload(changing(configOf(world, ['all: r -> p -> x y']), 'x'))
    expect(world.journal).toEqual(['stop exporter x', 'start exporter x'])
    await emit(2)
    expect(world.exporters.get('x')!.items).toBe(2)
    expect(world.exporters.get('y')!.items).toBe(7)
    const ledger = graph.ledger()
    expect(ledger.rows.find(({ id }) => id === 'x')).toMatchObject({ in: 7, out: 7, held: 0 })
    expect(unaccounted(ledger, true)).toEqual({})
  })

  test('loses nothing that comes meanwhile: whoever has it is asked to come again', async () => {
    const { world, graph, emit } = await rig(['all: r -> p -> x'])
    let flushed = (): void => {}
    world.behaviour.set('exporter x', {
      shutdown: () =>
        new Promise<void>((resolve) => {
          flushed = resolve
        }),
    })
    const reloaded = graph.reload(changing(configOf(world, ['all: r -> p -> x']), 'x'))
    await new Promise(setImmediate)
    expect(world.journal).toEqual(['stop exporter x'])
    expect((await emit(4)).kind).toBe('retryable')
    flushed()
    await reloaded
    expect((await emit(4)).kind).toBe('ok')
    expect(graph.ledger().rows.flatMap(({ dropped }) => Object.keys(dropped))).toEqual([])
  })

  test('may find on disk what the one before it left there: that came in once only', async () => {
    const { world, graph, emit, counters } = await rig(['all: r -> p -> x'])
    const otlp = counters('exporter', 'x')
    await emit(5)
    // Three of five are delivered, two lie in its queue; MemoryExporter has counted all.
    otlp.processed({ logs: -2 })
    let queued = 2
    otlp.gauge('queue_items', '', '', () => ({ logs: queued }))
    world.behaviour.set('exporter x', { start: () => otlp.produced({ logs: 2 }) })
    for (const settings of [{ round: 1 }, { round: 2 }]) {
      const config = configOf(world, ['all: r -> p -> x'])
      await graph.reload({
        ...config,
        exporters: new Map([['x', { ...config.exporters.get('x')!, config: settings }]]),
      })
      expect(graph.ledger().rows.find(({ id }) => id === 'x')).toMatchObject({ in: 5, produced: 0, held: 2, queued: 2 })
    }
    queued = 0
    otlp.processed({ logs: 2 })
    expect(unaccounted(graph.ledger(), true)).toEqual({})
  })

  test('does not make up for what the one before it lost: only what exporters leave lies on a disk', async () => {
    const world = newWorld()
    const process: MakeProcessor = () => ({ consume: async () => ok })
    const graph = buildFake(world, ['all: r -> p -> x'], { ...countersOf(), process })
    await graph.start()
    await world.receivers.get('r')!.emit(items(3))
    const config = configOf(world, ['all: r -> p -> x'], process)
    const p = config.processors.get('p')!
    await graph.reload({ ...config, processors: new Map([['p', { ...p, config: { changed: true } }]]) })
    expect(unaccounted(graph.ledger(), true)).toEqual({ 'processor p (all), logs': 3 })
  })

  test('is no longer told of once it is gone, but its account stays', async () => {
    const { world, graph, emit } = await rig(['all: r -> p -> x y'])
    world.exporters.get('y')!.respond = () => permanent('no')
    await emit(5)
    await graph.reload(configOf(world, ['all: r -> p -> x']))
    expect(graph.status().map(({ id }) => id.id)).toEqual(['r', 'p', 'x'])
    expect(graph.ledger().rows.find(({ id }) => id === 'y')).toMatchObject({ in: 5, dropped: { refused: 5 }, held: 0 })
  })

  test('comes back later and finds on disk what it left: its account goes on, and nothing is counted twice', async () => {
    const { world, graph, emit, counters } = await rig(['all: r -> p -> x y'])
    const stored = () => {
      counters('exporter', 'y').produced({ logs: 2 })
      counters('exporter', 'y').gauge('queue_items', '', '', () => ({ logs: 2 }))
    }
    const leaves = () => counters('exporter', 'y').processed({ logs: -2 }) // MemoryExporter has counted all
    await emit(5)
    counters('exporter', 'y').gauge('queue_items', '', '', () => ({ logs: 2 }))
    const rows = () => graph.ledger().rows.filter(({ id }) => id === 'y')
    const account = { in: 5, produced: 0, out: 3, held: 2, queued: 2, signals: { logs: 5, metrics: 0, traces: 0 } }
    world.behaviour.set('exporter y', { shutdown: leaves, start: stored })
    await graph.reload(configOf(world, ['all: r -> p -> x']))
    expect(rows()).toMatchObject([account])
    world.behaviour.set('exporter y', { start: stored })
    await graph.reload(configOf(world, ['all: r -> p -> x y']))
    expect(rows()).toMatchObject([account])
    // It is gone again, and a rollback brings it back; it is changed; it delivers what was left.
    world.behaviour.set('exporter z', {
      start: () => {
        throw new Error('port 80 is in use')
      },
    })
    await expect(graph.reload(configOf(world, ['all: r -> p -> x z']))).rejects.toThrow('port 80')
    expect(rows()).toMatchObject([account])
    await graph.reload(changing(configOf(world, ['all: r -> p -> x y']), 'y'))
    expect(rows()).toMatchObject([account])
    counters('exporter', 'y').processed({ logs: 2 })
    counters('exporter', 'y').gauge('queue_items', '', '', () => ({ logs: 0 }))
    await emit(1)
    expect(rows()).toMatchObject([{ in: 6, produced: 0, out: 6, held: 0, queued: 0 }])
    expect(unaccounted(graph.ledger(), true)).toEqual({})
  })
})

describe('what cannot be', () => {
  test('made changes nothing at all', async () => {
    const { world, graph, emit, counters } = await rig(['all: r -> p -> x'])
    const config = configOf(world, ['all: r -> p -> x', 'logs: r -> -> y'])
    // A new x is made before y is found to be none; a new component says that nothing is in its queue.
    const broken = changing({ ...config, exporters: new Map([['x', config.exporters.get('x')!]]) }, 'x')
    counters('exporter', 'x').gauge('queue_items', '', '', () => ({ logs: 1 }))
    world.behaviour.set('exporter x', {
      create: () => counters('exporter', 'x').gauge('queue_items', '', '', () => ({ logs: 0 })),
    })
    await expect(graph.reload(broken)).rejects.toThrow('names y but does not define it')
    expect(world.journal).toEqual([])
    expect(graph.ledger().rows.find(({ id }) => id === 'x')).toMatchObject({ queued: 1 })
    expect((await emit(1)).kind).toBe('ok')
  })

  test('started is taken back: what it replaced is made and started again', async () => {
    const { world, graph, emit } = await rig(['all: r -> p -> x y'])
    await emit(1)
    world.behaviour.set('exporter z', {
      start: () => {
        throw new Error('port 80 is in use')
      },
    })
    await expect(graph.reload(configOf(world, ['all: r -> p -> x z']))).rejects.toThrow(
      'exporter z could not start: port 80 is in use',
    )
    expect(world.journal).toEqual(['stop exporter y', 'start exporter z', 'stop exporter z', 'start exporter y'])
    expect(graph.status().every(({ status }) => status.state === 'ok')).toBe(true)
    await emit(2)
    expect(world.exporters.get('x')!.items).toBe(3)
    expect(world.exporters.get('y')!.items).toBe(2)
    expect(unaccounted(graph.ledger(), true)).toEqual({})
  })

  test('started, neither the new nor the old, leaves nothing to go on with, and says both', async () => {
    const { world, graph } = await rig(['all: r -> p -> x y'])
    const fails = (reason: string) => ({
      start: () => {
        throw new Error(reason)
      },
    })
    world.behaviour.set('exporter z', fails('port 80 is in use'))
    world.behaviour.set('exporter y', fails('the disk is gone'))
    const failure = await graph.reload(configOf(world, ['all: r -> p -> x z'])).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(GraphLostError)
    expect(String(failure)).toMatch(/port 80 is in use.*the disk is gone/)
    await graph.shutdown()
  })
})

test('a stop that comes while it goes over waits for that, and stops what there is then', async () => {
  const { world, graph } = await rig(['all: r -> p -> x'])
  let started = (): void => {}
  world.behaviour.set('exporter y', {
    start: () =>
      new Promise<void>((resolve) => {
        started = resolve
      }),
  })
  const reloaded = graph.reload(configOf(world, ['all: r -> p -> x y']))
  await new Promise(setImmediate)
  const stopped = graph.shutdown()
  await new Promise(setImmediate)
  expect(world.journal).toEqual(['start exporter y'])
  started()
  await Promise.all([reloaded, stopped])
  expect(world.journal.filter((line) => line.startsWith('stop')).sort()).toEqual([
    'stop exporter x',
    'stop exporter y',
    'stop processor p',
    'stop receiver r',
  ])
})
