import { expect, test } from 'vitest'
import type { ExporterFactory, Factory, ReceiverFactory } from '../../../src/component/component.js'
import { type Kind, parseComponentId } from '../../../src/component/id.js'
import type { AgentConfig, ComponentConfig } from '../../../src/config/agent-config.js'
import {
  type Batch,
  batchOf,
  countItems,
  isEmpty,
  itemsOf,
  type Signal,
  selectSignals,
  signals,
} from '../../../src/data/batch.js'
import type { Span } from '../../../src/data/span.js'
import { unaccounted } from '../../../src/graph/ledger.js'
import type { Parcel } from '../../../src/lib/delivery/bounded-queue.js'
import { createDelivery } from '../../../src/lib/delivery/delivery.js'
import type { SendResult } from '../../../src/lib/delivery/sender.js'
import { factory as batchFactory } from '../../../src/processors/batch/factory.js'
import { factory as selfTelemetry } from '../../../src/receivers/self_telemetry/factory.js'
import { createService } from '../../../src/service/service.js'
import { createTestConfig } from '../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../src/testkit/fake-clock.js'
import { sampleBatch, sampleEvent, sampleSpan } from '../../../src/testkit/sample.js'
import { seededRandom } from '../../../src/testkit/test-settings.js'
import { parsePipeline } from '../graph/support.js'

// The agent with its own receiver, `batch` and exporters that deliver as otlp does, to servers in this process.

const head = { stability: 'stable', description: 'for tests', capabilities: [] } as const
const configSchema = { type: 'object', description: 'nothing', properties: {} } as const

interface Request extends Parcel {
  readonly signal: Signal
  readonly batch: Batch
}

/** What a server answers to its n-th request; by default that it has it. */
type Server = (request: Request, call: number) => SendResult

class World {
  readonly clock = new FakeClock(1_700_000_000_000_000_000n)
  readonly got = new Map<string, Request[]>()
  readonly servers = new Map<string, Server>()
  emit: (batch: Batch) => Promise<unknown> = async () => {}

  readonly #source: ReceiverFactory = {
    ...head,
    kind: 'receiver',
    type: 'source',
    configSchema,
    create: ({ telemetry }, _config, next) => {
      this.emit = (batch) => {
        telemetry.processed(itemsOf(batch))
        return next.consume(batch)
      }
      return { start: async () => {}, shutdown: async () => {} }
    },
  }

  readonly #exporter: ExporterFactory = {
    ...head,
    kind: 'exporter',
    type: 'remote',
    configSchema,
    signals,
    create: ({ id, telemetry, logger, clock, random }) => {
      const got: Request[] = []
      this.got.set(id.id, got)
      let calls = 0
      const delivery = createDelivery<Request>({
        policy: {
          queue: { maxItems: 1000, maxBytes: 1e6, concurrency: 1, overflow: 'block' },
          retry: { initialMs: 1000, maxMs: 1000, multiplier: 1, jitter: 0, maxElapsedMs: 60_000 },
          breaker: { failureThreshold: 100, openMs: 1000 },
          shutdownMs: 1000,
        },
        send: async (request) => {
          const result = this.servers.get(id.id)?.(request, calls++) ?? { kind: 'delivered' }
          if (result.kind === 'delivered') got.push(request)
          return result
        },
        clock,
        random,
        telemetry,
        logger,
        signalsOf: ({ signal, items }) => ({ [signal]: items }),
        laneOf: ({ signal }) => signal,
        tracing: { signalOf: ({ signal }) => signal, attributesOf: () => ({ 'server.address': 'backend' }) },
        onHealth: () => {},
      })
      return {
        start: () => delivery.start(),
        shutdown: () => delivery.shutdown(),
        consume: async (batch) =>
          delivery.offer(
            signals
              .map((signal) => ({ signal, batch: selectSignals(batch, new Set([signal])) }))
              .filter((part) => !isEmpty(part.batch))
              .map((part) => ({ ...part, items: countItems(part.batch), byteLength: 100 })),
          ),
      }
    },
  }

  /** @param lines - `id: receivers -> processors -> exporters` */
  configOf(lines: readonly string[], samplingRatio: number): AgentConfig {
    const pipelines = lines.map(parsePipeline)
    const part = (kind: Kind, id: string, factory: Factory, written: object = {}): [string, ComponentConfig] => [
      id,
      { id: parseComponentId(kind, id)!, factory, config: createTestConfig(factory.configSchema, written) },
    ]
    const self = { traces: { sampling_ratio: samplingRatio } }
    return {
      receivers: new Map([
        part('receiver', 'source', this.#source),
        part('receiver', 'self_telemetry', selfTelemetry, self),
      ]),
      processors: new Map([part('processor', 'batch', batchFactory, { timeout: '100ms', send_batch_size: 5 })]),
      exporters: new Map(['remote', 'remote/self'].map((id) => part('exporter', id, this.#exporter))),
      extensions: new Map(),
      pipelines,
      extensionIds: [],
      telemetry: { log_level: 'error', log_format: 'json' },
      maintenance: [],
      warnings: [],
    }
  }

  async start(lines: readonly string[], samplingRatio = 1, seed = 1) {
    const levels = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
    const logger = { ...levels, child: () => levels, lostLines: 0, flush: () => {}, close: async () => {} }
    const config = this.configOf(lines, samplingRatio)
    const service = createService({ config, logger, clock: this.clock, random: seededRandom(seed), version: '1' })
    await service.start()
    await settle()
    return service
  }

  /** The agent's own spans that came to an exporter's server. */
  ownSpans(exporter: string): readonly Span[] {
    const spans = (this.got.get(exporter) ?? []).flatMap(({ batch }) => batch.spans)
    return spans.filter(({ resource }) => resource.attributes['service.name'] === 'unitscope')
  }

  async stop(service: Awaited<ReturnType<World['start']>>): Promise<void> {
    const stopped = service.shutdown()
    await this.clock.advance(10_000)
    await stopped
    expect(unaccounted(service.summary().ledger, true)).toEqual({})
  }
}

const eventsOf = (count: number): Batch => batchOf({ events: Array.from({ length: count }, () => sampleEvent()) })

const named = (spans: readonly Span[], name: string): readonly Span[] => spans.filter((span) => span.name === name)

test('a backend that fails twice shows in the trace of that export: tries, waits, reasons', async () => {
  const world = new World()
  const service = await world.start(['logs: source -> batch -> remote', 'traces: self_telemetry -> -> remote/self'])
  world.servers.set('remote', (_, call) =>
    call < 2 ? { kind: 'retryable', reason: 'UNAVAILABLE: connection refused' } : { kind: 'delivered' },
  )
  void world.emit(eventsOf(3))
  await world.clock.advance(20_000)
  const [span, ...others] = named(world.ownSpans('remote/self'), 'exporter/remote/logs')
  expect(others).toEqual([])
  const { events, attributes, status } = span!
  expect(events.map(({ name, attributes }) => [name, attributes])).toEqual([
    ['Sending request.', { retry_num: 0 }],
    [
      'Exporting failed. Will retry the request after interval.',
      { error: 'UNAVAILABLE: connection refused', interval: '1000ms' },
    ],
    ['Sending request.', { retry_num: 1 }],
    [
      'Exporting failed. Will retry the request after interval.',
      { error: 'UNAVAILABLE: connection refused', interval: '1000ms' },
    ],
    ['Sending request.', { retry_num: 2 }],
  ])
  expect(attributes).toEqual({
    'unitscope.component': 'remote',
    'server.address': 'backend',
    'items.sent': 3,
    'items.failed': 0,
    'unitscope.request.bytes': 100,
    'unitscope.request.tries': 3,
    'unitscope.request.outcome': 'delivered',
  })
  expect(status).toEqual({ code: 'unset' })
  expect(span!.endTimeUnixNano - span!.startTimeUnixNano).toBe(2_000_000_000n)
  await world.stop(service)
})

test('what a backend refuses is an error of the span, with what was lost', async () => {
  const world = new World()
  const service = await world.start(['logs: source -> -> remote', 'traces: self_telemetry -> -> remote/self'])
  const answers: readonly SendResult[] = [
    { kind: 'permanent', reason: 'UNAUTHENTICATED: no token' },
    { kind: 'delivered', rejected: 2, message: 'too old' },
  ]
  world.servers.set('remote', (_, call) => answers[call]!)
  for (let n = 0; n < 2; n++) await world.emit(eventsOf(9))
  await world.clock.advance(10_000)
  const spans = named(world.ownSpans('remote/self'), 'exporter/remote/logs')
  expect(spans.map(({ status, attributes }) => ({ status, ...attributes }))).toMatchObject([
    {
      status: { code: 'error', message: 'UNAUTHENTICATED: no token' },
      'items.sent': 0,
      'items.failed': 9,
      'error.type': 'UNAUTHENTICATED',
      'error.permanent': true,
      'unitscope.request.outcome': 'permanent',
    },
    {
      status: { code: 'error', message: 'partial_success: too old' },
      'items.sent': 7,
      'items.failed': 2,
      'unitscope.request.outcome': 'partial_success',
    },
  ])
  await world.stop(service)
})

test('a batch says what made it go', async () => {
  const world = new World()
  const service = await world.start(['logs: source -> batch -> remote', 'traces: self_telemetry -> -> remote/self'])
  void world.emit(eventsOf(1))
  await world.clock.advance(1000)
  void world.emit(eventsOf(3))
  void world.emit(eventsOf(3))
  await world.clock.advance(10_000)
  const spans = named(world.ownSpans('remote/self'), 'processor/batch')
  expect(spans.map(({ attributes }) => attributes)).toEqual([
    {
      'unitscope.component': 'batch',
      'unitscope.pipeline': 'logs',
      'unitscope.batch.items': 1,
      'unitscope.batch.offers': 1,
      'unitscope.batch.parts': 1,
      'unitscope.batch.trigger': 'timeout',
      'unitscope.batch.outcome': 'ok',
    },
    expect.objectContaining({
      'unitscope.batch.items': 6,
      'unitscope.batch.offers': 2,
      'unitscope.batch.trigger': 'size',
    }),
  ])
  await world.stop(service)
})

test('off by default: no span', async () => {
  const world = new World()
  const service = await world.start(['all: source self_telemetry -> batch -> remote'], 0)
  void world.emit(sampleBatch(9))
  await world.clock.advance(30_000)
  expect(world.got.get('remote')!.length).toBeGreaterThan(0)
  expect(world.ownSpans('remote')).toEqual([])
  await world.stop(service)
})

test('what is exported of self-traces makes none: after the last other operation there are no more', async () => {
  // By way of a batch and an exporter of their own, and of those that everything else takes, too.
  for (const lines of [
    ['logs: source -> batch -> remote', 'traces: self_telemetry -> batch -> remote/self'],
    ['logs: source -> batch -> remote', 'traces: source self_telemetry -> batch -> remote'],
  ]) {
    const world = new World()
    const service = await world.start(lines)
    for (let n = 0; n < 20; n++) {
      void world.emit(eventsOf(3))
      await world.clock.advance(1000)
    }
    const exporter = lines[1]!.endsWith('/self') ? 'remote/self' : 'remote'
    await world.clock.advance(20_000)
    const spans = world.ownSpans(exporter)
    // A batch and a request for each of the twenty; none of the requests and batches that carried these spans.
    expect(named(spans, 'exporter/remote/logs')).toHaveLength(20)
    expect(named(spans, 'processor/batch')).toHaveLength(20)
    expect(spans).toHaveLength(40)
    await world.clock.advance(600_000)
    expect(world.ownSpans(exporter)).toHaveLength(40)
    await world.stop(service)
  }
})

test('spans of others are traced on their way where no self-traces go', async () => {
  const world = new World()
  const service = await world.start([
    'traces: source -> batch -> remote',
    'traces/self: self_telemetry -> batch -> remote/self',
  ])
  void world.emit(batchOf({ spans: [sampleSpan()] }))
  await world.clock.advance(60_000)
  const names = world.ownSpans('remote/self').map(({ name }) => name)
  expect(names.toSorted()).toEqual(['exporter/remote/traces', 'processor/batch'])
  await world.stop(service)
})

test('a reload that sends self-traces another way makes no loop of them, nor one that turns them on', async () => {
  const world = new World()
  const apart = ['traces: source -> batch -> remote', 'traces/self: self_telemetry -> -> remote/self']
  const together = ['traces: source self_telemetry -> batch -> remote', 'logs: source -> -> remote/self']
  const service = await world.start(together, 0)
  const reload = async (lines: readonly string[], ratio: number) => {
    const reloaded = service.reload(async () => world.configOf(lines, ratio))
    await world.clock.advance(5000)
    await reloaded
  }
  const goOn = async () => {
    void world.emit(batchOf({ spans: [sampleSpan()] }))
    await world.clock.advance(60_000)
    return world.ownSpans('remote').length + world.ownSpans('remote/self').length
  }
  expect(await goOn()).toBe(0)
  await reload(together, 1)
  expect(await goOn()).toBe(0)
  await reload(apart, 1)
  const some = await goOn()
  expect(some).toBe(2)
  expect(await goOn()).toBe(4)
  await reload(together, 1)
  const before = await goOn()
  expect(await goOn()).toBe(before)
  await reload(together, 0)
  expect(await goOn()).toBe(before)
  await world.stop(service)
})
