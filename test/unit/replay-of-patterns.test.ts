import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { Machine } from '../../bench/patterns/machine.mjs'
import { cgroupFields } from '../../src/binding/cgroup-layout.js'
import type { Component, Consumer, Factory, Registration, Settings } from '../../src/component/component.js'
import { silentLogger } from '../../src/component/logger.js'
import { ok } from '../../src/component/outcome.js'
import { Shared } from '../../src/component/shared.js'
import { parseConfig } from '../../src/config/config.js'
import { type Batch, itemsOf } from '../../src/data/batch.js'
import { type RawEvent, Severity } from '../../src/data/event.js'
import { ResourcePool } from '../../src/data/resource.js'
import { buildGraph } from '../../src/graph/build.js'
import { OtlpEncoder } from '../../src/lib/otlp/encode.js'
import { agentScope } from '../../src/lib/otlp/scope.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { gapEvent } from '../../src/lib/systemd/source-event.js'
import { hostResource, unitResource } from '../../src/lib/systemd/unit-resource.js'
import { sampleMetrics } from '../../src/receivers/cgroup/sample-metrics.js'
import { schema as replaySchema } from '../../src/receivers/replay/config.js'
import { createReplayReceiver } from '../../src/receivers/replay/replay-receiver.js'
import { registrations } from '../../src/registry.js'
import { ComponentCounters } from '../../src/telemetry/component-counters.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { FakeClock } from '../../src/testkit/fake-clock.js'
import { seededRandom, testSettings } from '../../src/testkit/test-settings.js'
import { freePort } from '../support/free-port.js'

// pipelines/host.yaml as it ships, all patterns in it, told the same twice: the same bytes leave the agent, and the same lie in its
// state directory. Only the sources are others, and what stands for the OTLP server keeps the requests.

const hostYaml = readFileSync(new URL('../../pipelines/host.yaml', import.meta.url), 'utf8')
const recording = fileURLToPath(new URL('../fixtures/recordings/lab.usrec.gz', import.meta.url))
const parts = {
  ...{ attr, event, Severity, unitResource, hostResource, sampleMetrics, cgroupFields, gapEvent, ResourcePool },
}

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

const kMinute = 60_000
const kHour = 60 * kMinute
const kDay = 24 * kHour
const kDays = 1.3 * kDay
const mebibyte = 2 ** 20

/** What is told, and how time goes meanwhile. */
interface Source {
  readonly clock: FakeClock
  readonly pool: ResourcePool
  /** Resolves when all of it was told. */
  tell(settings: Settings, next: Consumer): Promise<void>
}

/** A good day of a host on which something of every pattern happens. */
function story(): Source {
  const machine = new Machine(parts as never, 7)
  const { chance } = machine
  const [loop, rhythm, follower, leak, odd] = ['loop', 'rhythm', 'follower', 'leak', 'odd'].map((name) =>
    machine.service(`${name}.service`),
  )
  for (const service of machine.services) service.start(1000)
  for (let n = 0; n < 8; n++) loop.crash(2 * kHour + n * 3000, 500)
  for (let n = 1; n <= 24; n++) rhythm.crash(n * kHour + chance.normal(0, 20_000), 500)
  const job = machine.service('job.service')
  for (let atMs = kHour; atMs < kDays; atMs += chance.between(0.5, 1.5) * kHour) {
    job.start(atMs)
    job.end(atMs + kMinute)
    if (chance.next() < 0.8) follower.crash(atMs + chance.between(90, 100) * 1000, 500)
  }
  let usec = 0
  for (let atMs = kMinute; atMs < kDays; atMs += 5 * kMinute) {
    const held = 100 * mebibyte + (300 * mebibyte * atMs) / kDays
    const busy = atMs > 1.2 * kDay ? 1 : chance.between(0.01, 0.02)
    usec += busy * 300e6
    for (const [service, memory, cpuUserUsec] of [
      [leak, held, 1000 * (atMs / kMinute)],
      [odd, 50 * mebibyte * chance.between(0.98, 1.02), usec],
    ] as const)
      service.sample(atMs, {
        cpuUserUsec: Math.round(cpuUserUsec),
        cpuSystemUsec: 0,
        memoryCurrent: Math.round(memory * 1.2),
        memoryMax: 512 * mebibyte,
        'memoryStat.anon': Math.round(memory),
        'memoryStat.file': Math.round(memory * 0.2),
        'memoryStat.kernel': 0,
        'memoryStat.shmem': 0,
        'memoryStat.slab_reclaimable': 0,
        pidsCurrent: chance.whole(3, 6),
      })
  }
  machine.until(kDays)
  const clock = new FakeClock(BigInt(machine.startMs) * 1_000_000n)
  return {
    clock,
    pool: machine.pool,
    async tell(settings, next) {
      const offered: Promise<unknown>[] = []
      for (const { atMs, batch } of machine.steps() as readonly { atMs: number; batch: Batch }[]) {
        await clock.advance(atMs - clock.monotonicMs())
        settings.telemetry.processed(itemsOf(batch))
        // Taken when the pipeline's own batch is full, or its time is over.
        offered.push(next.consume(batch))
      }
      await clock.advance(kMinute)
      expect(new Set(await Promise.all(offered))).toEqual(new Set([ok]))
    },
  }
}

/** What a real systemd has told, recorded; time stands still while it is played. */
function played(): Source {
  return {
    clock: new FakeClock(),
    pool: new ResourcePool({ 'host.name': 'lab' }),
    async tell(settings, next) {
      let end = (): void => {}
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      const logger = { ...silentLogger, info: end }
      const config = createTestConfig(replaySchema, { file: recording, speed: 'max' })
      const receiver = createReplayReceiver({ ...settings, logger }, config, next)
      await receiver.start({ report() {} })
      await ended
      await receiver.shutdown()
    },
  }
}

const lifeless: Component = { async start() {}, async shutdown() {} }

/** The components that ship, but for the sources, and for the OTLP server behind its encoder. */
function withSource({ tell }: Source, told: () => void, out: { bytes: Buffer[]; events: RawEvent[] }): Registration[] {
  const replaced = (factory: Factory): Factory => {
    if (factory.kind === 'receiver')
      return {
        ...factory,
        unavailable: () => undefined,
        create: (settings, _config, next) =>
          factory.type === 'systemd'
            ? { ...lifeless, start: async () => void tell(settings, next).then(told) }
            : lifeless,
      }
    if (factory.kind !== 'exporter' || factory.type !== 'otlp') return factory
    return {
      ...factory,
      create({ telemetry }: Settings) {
        const encoder = new OtlpEncoder(agentScope())
        const consume = async (batch: Batch) => {
          for (const { chunks } of encoder.encode(batch)) out.bytes.push(Buffer.concat(chunks))
          out.events.push(...batch.events)
          telemetry.processed(itemsOf(batch))
          return ok
        }
        return { ...lifeless, consume }
      },
    }
  }
  return registrations.map((one) => ({ ...one, load: async () => replaced(await one.load()) }))
}

/** All that an agent gives away of a source, and all it keeps. */
async function run(source: Source) {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-replay-'))
  folders.push(stateDirectory)
  const port = await freePort()
  // How much memory this very process uses is no part of the story, nor is looking each second (24 s of CPU, and 16 s so).
  const text = hostYaml.replace('limit: 200MiB', 'limit: 64GiB\n    check_interval: 1h').replace(':9464', `:${port}`)
  const out = { bytes: [] as Buffer[], events: [] as RawEvent[] }
  let told = (): void => {}
  const isTold = new Promise<void>((resolve) => {
    told = resolve
  })
  const config = await parseConfig(text, 'host.yaml', withSource(source, told, out), {
    env: {},
    readFile: () => Promise.reject(new Error('no file')),
  })
  const random = seededRandom(1)
  const shared = new Shared()
  const graph = buildGraph(config, {
    logger: silentLogger,
    settingsFor: (id, pipeline) => ({
      ...testSettings(id.kind, id.id, { clock: source.clock, random, resources: source.pool, shared, stateDirectory }),
      ...(pipeline === undefined ? {} : { pipeline }),
      telemetry: new ComponentCounters(id, pipeline),
    }),
  })
  await graph.start()
  await isTold
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  await graph.shutdown()
  const state = readdirSync(stateDirectory).map((name) => [name, readFileSync(join(stateDirectory, name), 'utf8')])
  return { otlp: Buffer.concat(out.bytes), events: out.events, page, state: Object.fromEntries(state) }
}

const namesOf = (events: readonly RawEvent[]): readonly string[] => [...new Set(events.map(({ name }) => name))]

describe.each([
  [
    'a good day in which something of every pattern happens',
    story,
    ['crash_loop', 'periodic_crash', 'time_pattern', 'memory_leak', 'anomaly', 'prediction'],
  ],
  ['the recording of a real systemd', played, ['crash_loop']],
] as const)('%s', (_, make, patterns) => {
  test('told twice gives the same bytes', { timeout: 120_000 }, async () => {
    const first = await run(make())
    expect(namesOf(first.events)).toEqual(
      expect.arrayContaining([...patterns.map((pattern) => `pattern.${pattern}.detected`), 'incident.opened']),
    )
    expect(first.page).toContain('systemd_unit_pattern{')
    const second = await run(make())
    expect(second.otlp.length).toBeGreaterThan(100_000)
    expect(second.otlp.equals(first.otlp)).toBe(true)
    expect(second.page).toBe(first.page)
    expect(second.state).toEqual(first.state)
    expect(Object.keys(first.state)).toContain('processor.crash_loop@units.pattern')
  })
})
