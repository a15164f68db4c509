import type {
  Component,
  Consumer,
  ExporterFactory,
  Host,
  ProcessorFactory,
  ReceiverFactory,
  Settings,
} from '../../../src/component/component.js'
import { type Kind, parseComponentId } from '../../../src/component/id.js'
import { silentLogger } from '../../../src/component/logger.js'
import type { AgentConfig, ComponentConfig, PipelineConfig } from '../../../src/config/agent-config.js'
import { type Batch, batchOf, itemsOf, type Signal, signals } from '../../../src/data/batch.js'
import { ResourcePool } from '../../../src/data/resource.js'
import { type BuildOptions, buildGraph } from '../../../src/graph/build.js'
import { ComponentCounters } from '../../../src/telemetry/component-counters.js'
import { MemoryExporter } from '../../../src/testkit/memory-exporter.js'
import { testSettings } from '../../../src/testkit/test-settings.js'

/** What happened, in order: `start exporter a`, `stop receiver r`, ... */
export type Journal = string[]

/** How a fake component misbehaves. */
export interface Behaviour {
  /** Of an exporter. */
  create?: () => void
  start?: (host: Host) => Promise<void> | void
  shutdown?: () => Promise<void> | void
  unavailable?: string
  signals?: readonly Signal[]
  makes?: ProcessorFactory['makes']
  /** Of a receiver: it counts what it read when that is answered. */
  countsAnswered?: boolean
}

export interface FakeReceiver {
  /** Offers a batch; the same one again is a retry of what was read once. */
  emit(batch: Batch): ReturnType<Consumer['consume']>
}

export interface World {
  readonly journal: Journal
  readonly receivers: Map<string, FakeReceiver>
  readonly exporters: Map<string, MemoryExporter>
  readonly behaviour: Map<string, Behaviour>
  /** Calls of create, by id. */
  readonly made: Map<string, number>
}

export function newWorld(): World {
  return { journal: [], receivers: new Map(), exporters: new Map(), behaviour: new Map(), made: new Map() }
}

const head = { stability: 'stable', description: 'for tests', capabilities: [] } as const
const configSchema = { type: 'object', description: 'nothing', properties: {} } as const

function lifeOf(world: World, name: string): Component {
  return {
    async start(host) {
      world.journal.push(`start ${name}`)
      await world.behaviour.get(name)?.start?.(host)
    },
    async shutdown() {
      world.journal.push(`stop ${name}`)
      await world.behaviour.get(name)?.shutdown?.()
    },
  }
}

function made(world: World, id: string): void {
  world.made.set(id, (world.made.get(id) ?? 0) + 1)
}

export type MakeProcessor = (settings: Settings, next: Consumer) => Consumer

const passOn: MakeProcessor = (_settings, next) => next

function componentConfig(world: World, kind: Kind, id: string, process: MakeProcessor): ComponentConfig {
  const componentId = parseComponentId(kind, id)!
  const behaviour = world.behaviour.get(`${kind} ${id}`) ?? {}
  const unavailable = () => behaviour.unavailable
  const receiver: ReceiverFactory = {
    ...head,
    kind: 'receiver',
    type: componentId.type,
    configSchema,
    unavailable,
    create(settings, _config, next) {
      made(world, id)
      const read = new WeakSet<Batch>()
      world.receivers.set(id, {
        async emit(batch) {
          const count = (): void => settings.telemetry.processed(itemsOf(batch))
          if (behaviour.countsAnswered) {
            const outcome = await next.consume(batch)
            if (outcome.kind !== 'retryable') count()
            return outcome
          }
          if (!read.has(batch)) count()
          read.add(batch)
          return next.consume(batch)
        },
      })
      return lifeOf(world, `receiver ${id}`)
    },
  }
  const processor: ProcessorFactory = {
    ...head,
    kind: 'processor',
    type: componentId.type,
    configSchema,
    unavailable,
    ...(behaviour.makes === undefined ? {} : { makes: behaviour.makes }),
    create(settings, _config, next) {
      made(world, id)
      return { ...lifeOf(world, `processor ${id}`), ...process(settings, next) }
    },
  }
  const exporter: ExporterFactory = {
    ...head,
    kind: 'exporter',
    type: componentId.type,
    configSchema,
    unavailable,
    signals: behaviour.signals ?? signals,
    create(settings) {
      made(world, id)
      world.behaviour.get(`exporter ${id}`)?.create?.()
      const memory = new MemoryExporter()
      world.exporters.set(id, memory)
      return {
        ...lifeOf(world, `exporter ${id}`),
        async consume(batch) {
          const outcome = await memory.consume(batch)
          if (outcome.kind === 'ok') settings.telemetry.processed(itemsOf(batch))
          if (outcome.kind === 'permanent') settings.telemetry.dropped(itemsOf(batch), 'refused')
          return outcome
        },
      }
    },
  }
  const factory = { receiver, processor, exporter }[kind as 'receiver' | 'processor' | 'exporter']
  return { id: componentId, factory, config: {} }
}

/** `id: receivers -> processors -> exporters`, each list separated by blanks: `logs: a b -> f -> x y`. */
export function parsePipeline(line: string): PipelineConfig {
  const [id = '', rest = ''] = line.split(':')
  const [receivers = '', processors = '', exporters = ''] = rest.split('->')
  const words = (text: string) => text.trim().split(/\s+/).filter(Boolean)
  const signal = signals.find((s) => s === id.split('/')[0])
  return {
    id,
    signals: new Set(signal === undefined ? signals : [signal]),
    receivers: words(receivers),
    processors: words(processors),
    exporters: words(exporters),
  }
}

export function configOf(world: World, lines: readonly string[], process: MakeProcessor = passOn): AgentConfig {
  const pipelines = lines.map(parsePipeline)
  const all = (kind: Kind, ids: readonly string[]) =>
    new Map([...new Set(ids)].map((id) => [id, componentConfig(world, kind, id, process)]))
  return {
    receivers: all(
      'receiver',
      pipelines.flatMap((p) => p.receivers),
    ),
    processors: all(
      'processor',
      pipelines.flatMap((p) => p.processors),
    ),
    exporters: all(
      'exporter',
      pipelines.flatMap((p) => p.exporters),
    ),
    extensions: new Map(),
    pipelines,
    extensionIds: [],
    telemetry: { log_level: 'info', log_format: 'json' },
    maintenance: [],
    warnings: [],
  }
}

/** Builds the graph of these pipelines from fake components that write into `world`. */
export function buildFake(
  world: World,
  lines: readonly string[],
  more: Partial<BuildOptions & { process: MakeProcessor }> = {},
) {
  return buildGraph(configOf(world, lines, more.process), {
    logger: silentLogger,
    settingsFor: (id, pipeline) => ({
      ...testSettings(id.kind, id.id),
      telemetry: new ComponentCounters(id, pipeline),
    }),
    ...more,
  })
}

const resource = new ResourcePool().intern('host', () => ({}))

/** A batch of so many events, metric points and spans. */
export function items(events: number, points = 0, spans = 0): Batch {
  return batchOf({
    events: Array.from({ length: events }, (_, n) => ({
      timeUnixNano: BigInt(n),
      observedTimeUnixNano: BigInt(n),
      name: 'test.item.made',
      severity: 9 as const,
      body: `item ${n}`,
      attributes: {},
      resource,
    })),
    metrics:
      points === 0
        ? []
        : [
            {
              name: 'test.points',
              unit: '1',
              description: '',
              type: 'gauge',
              valueType: 'int',
              resource,
              points: Array.from({ length: points }, (_, n) => ({ attributes: { n }, timeUnixNano: 0n, value: n })),
            },
          ],
    spans: Array.from({ length: spans }, () => ({
      traceId: '1'.repeat(32),
      spanId: '2'.repeat(16),
      name: 'run',
      kind: 'internal' as const,
      startTimeUnixNano: 0n,
      endTimeUnixNano: 1n,
      attributes: {},
      events: [],
      links: [],
      status: { code: 'unset' as const },
      resource,
    })),
  })
}
