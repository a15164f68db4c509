import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExporterFactory, Factory, ReceiverFactory, Settings } from '../../src/component/component.js'
import type { Batch } from '../../src/data/batch.js'
import { batchOf } from '../../src/data/batch.js'
import type { Config as DebugConfig } from '../../src/exporters/debug/config.js'
import { createDebugExporter } from '../../src/exporters/debug/debug.js'
import { OtlpEncoder } from '../../src/lib/otlp/encode.js'
import { RecordingWriter } from '../../src/lib/recording/writer.js'
import { attr, metric, event as names } from '../../src/lib/systemd/names.js'
import { unloadedState } from '../../src/lib/systemd/unit-phase.js'
import { createJournaldReceiver } from '../../src/receivers/journald/journald-receiver.js'
import { createSystemdReceiver } from '../../src/receivers/systemd/systemd-receiver.js'
import type { WrittenConfig } from '../../src/testkit/contract/contract-case.js'
import { deepFreeze, sampleBatch, sampleEvent, sampleGauge, sampleSpan } from '../../src/testkit/sample.js'
import { systemClock } from '../../src/util/clock.js'
import { freePort } from '../support/free-port.js'
import { OtlpClient } from '../support/otlp-client.js'
import { entry, text } from '../unit/lib/journal/export-text.js'
import { FakeSource } from '../unit/receivers/systemd/fake-source.js'

/** How a component is put to the test: each entry is one run of its suite. Without an entry it runs with its defaults. */
export interface Subject {
  /** Shown beside the type where a component has several. */
  readonly label?: string
  readonly config?: WrittenConfig
  readonly batches?: readonly Batch[]
  readonly provoke?: () => Promise<void>
  readonly silent?: string
  readonly delivered?: () => Promise<number>
  readonly beforeShutdown?: () => Promise<void>
  /** The registered factory with a world of the test's around its component. */
  readonly around?: (factory: Factory) => Factory
}

/** A port nobody listens on: 1 (tcpmux) is privileged and unused, and refuses at once. */
const kDeadEndpoint = '127.0.0.1:1'

const folders: string[] = []

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-contract-'))
  folders.push(folder)
  return folder
}

export function removeTempFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
}

/** Five rounds of one crashing unit: enough for a crash loop, a rhythm, and for traces. */
function crashBatches(everyS = 1): readonly Batch[] {
  return Array.from({ length: 5 }, (_, round) => {
    const usec = 1_700_000_000_000_000 + round * everyS * 1_000_000
    const run = (index: number) => (index + 1).toString(16).padStart(32, '0')
    const make = (name: string, invocation: number, atUsec: number) =>
      sampleEvent({
        name,
        timeUnixNano: BigInt(atUsec) * 1000n,
        attributes: {
          [attr.unit]: 'demo.service',
          [attr.invocationId]: run(invocation),
          [attr.restartCause]: 'auto',
          [attr.result]: 'exit-code',
          [attr.exitCode]: 3,
          [attr.activeState]: 'failed',
          [attr.inactiveExitUsec]: usec,
          [attr.activeEnterUsec]: usec,
          [attr.activeExitUsec]: usec + 500_000,
          [attr.inactiveEnterUsec]: usec + 500_000,
        },
      })
    return deepFreeze(
      batchOf({
        events: [
          make(names.failed, round, usec + 500_000),
          make(names.restarting, round, usec + 500_010),
          make(names.restarted, round + 1, usec + 1_000_000),
        ],
      }),
    )
  })
}

/** So short that forty readings make a leak. */
const kShortLeak = { window: '1s', warm_up: '0s', min_duration: '8s', host_memory: '1GiB' }

/** A unit that takes a twentieth of its limit with each reading. */
function leakBatches(): readonly Batch[] {
  const limit = 1e8
  return Array.from({ length: 19 }, (_, n) => {
    const timeUnixNano = BigInt(1_700_000_000 + n) * 1_000_000_000n
    const gauge = (name: string, value: number, attributes = {}) =>
      sampleGauge([], { name, points: [{ attributes, timeUnixNano, value }] })
    const held = (limit / 20) * (n + 1)
    return deepFreeze(
      batchOf({
        metrics: [
          gauge(metric.memoryUsage, held),
          gauge(metric.memoryLimit, limit),
          gauge(metric.memoryStat, held, { 'systemd.memory.kind': 'anon' }),
        ],
      }),
    )
  })
}

/** What memory_leak says of a leak with a limit. */
const leakFinding = sampleEvent({
  name: 'pattern.memory_leak.detected',
  attributes: {
    [attr.unit]: 'demo.service',
    'pattern.kind': 'memory',
    'pattern.memory_leak.time_to_limit': 7200,
    'pattern.memory_leak.time_to_limit_low': 3600,
    'pattern.memory_leak.time_to_limit_high': 9000,
  },
})

/** A unit of which nothing was known fails every ten minutes. */
function failureBatches(): readonly Batch[] {
  return Array.from({ length: 8 }, (_, n) =>
    deepFreeze(
      batchOf({
        events: [
          sampleEvent({
            name: names.failed,
            timeUnixNano: BigInt(1_700_000_000 + n * 600) * 1_000_000_000n,
            attributes: { [attr.unit]: 'a.service', [attr.result]: 'exit-code', [attr.exitCode]: 1 },
          }),
        ],
      }),
    ),
  )
}

export const subjects: Readonly<Record<string, readonly Subject[]>> = {
  'receiver/systemd': [
    systemdSubject(),
    { label: 'without a bus', config: { address: 'unix:path=/nonexistent/bus' }, silent: 'nobody answers' },
  ],
  'receiver/cgroup': [{}, { label: 'without cgroup v2', config: { root: '/nonexistent/cgroup' } }],
  'receiver/replay': [
    { label: 'as fast as possible', config: async () => ({ file: await recording(), speed: 'max' }) },
    { label: 'at real speed', config: async () => ({ file: await recording() }) },
  ],
  'receiver/journald': [
    journaldSubject(),
    { label: 'without a journal', config: { directory: '/nonexistent/journal' }, silent: 'there is no such folder' },
  ],
  'receiver/self_telemetry': [{}],
  'receiver/otlp': [otlpReceiverSubject()],
  'receiver/nats': [
    { label: 'nobody there', config: { servers: [`nats://${kDeadEndpoint}`] }, silent: 'nobody there' },
  ],

  'processor/tail_sampling': [{}, { label: 'nothing by chance', config: { sampled_percentage: 0 } }],

  'processor/filter': [
    { label: 'some dropped', config: { exclude: [{ names: ['work'] }, { attributes: { index: 1 } }] } },
    { label: 'all dropped', config: { exclude: [{ names: ['*'] }] } },
    { label: 'expression', config: { include: [{ expression: 'kind != "metric" || value > 1.0' }] } },
  ],
  'processor/attributes': [
    {
      config: {
        include: [{ attributes: { index: 1 } }],
        actions: [
          { action: 'insert', key: 'team', value: 'web' },
          { action: 'hash', key: 'tag', length: 16 },
          { action: 'insert', key: 'zone', value: 1, on: 'resource' },
        ],
      },
    },
  ],
  'processor/adaptive_sampler': [{}, { label: 'under load', config: { records_per_second: 1, burst: 2 } }],
  'processor/rate_limiter': [
    {},
    { label: 'drops', config: { rate: 1, burst: 3, kinds: ['event', 'metric', 'span'], spare: [] } },
    // The suite expects its batches to be taken: refusing has its own tests.
    { label: 'would refuse', config: { over_limit: 'refuse' } },
  ],
  'processor/batch': [
    {},
    { label: 'no wait', config: { timeout: '0s' } },
    { label: 'splits', config: { send_batch_size: 3, send_batch_max_size: 4, max_held_items: 25 } },
    {
      label: 'one large batch, split',
      config: { send_batch_size: 10, send_batch_max_size: 10 },
      batches: [sampleBatch(1003)],
    },
  ],
  'processor/crash_loop': [{}, { label: 'a loop', batches: crashBatches() }],
  'processor/time_pattern': [{}, { label: 'an hour', batches: crashBatches(86_400) }],
  'processor/periodic_crash': [{}, { label: 'a rhythm', batches: crashBatches(3600) }],
  'processor/dependency': [{}, { label: 'failures', batches: crashBatches() }],
  'processor/anomaly': [{}, { label: 'many failures', batches: failureBatches() }],
  'processor/memory_leak': [{}, { label: 'a leak', config: kShortLeak, batches: leakBatches() }],
  'processor/prediction': [
    {},
    { label: 'behind a finding', batches: [deepFreeze(batchOf({ events: [leakFinding] }))] },
  ],
  'processor/incident': [{}, { label: 'an incident', config: { grouping_window: '0s' }, batches: crashBatches() }],
  'processor/lifecycle_spans': [{}, { label: 'five runs', batches: crashBatches() }],

  'extension/file_queue': [{ config: async () => ({ directory: join(tempFolder(), 'queue') }) }],

  'exporter/otlp': [{ label: 'nobody there', config: { endpoint: kDeadEndpoint }, delivered: async () => 0 }],
  'exporter/prometheus': [prometheusSubject()],
  'exporter/prometheus_remote_write': [
    {
      label: 'nobody there',
      config: { endpoint: `http://${kDeadEndpoint}/api/v1/write` },
      delivered: async () => 0,
    },
  ],
  'exporter/nats': [
    { label: 'nobody there', config: { servers: [`nats://${kDeadEndpoint}`] }, delivered: async () => 0 },
  ],
  'exporter/debug': [debugSubject()],
  'exporter/file': [fileSubject()],
}

/** A program that sends three spans over OpenTelemetry's gRPC library. */
function otlpReceiverSubject(): Subject {
  let port = 0
  return {
    config: async () => {
      port = await freePort()
      return { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } }
    },
    async provoke() {
      const client = new OtlpClient(port)
      const encoder = new OtlpEncoder({ name: 'test', version: '1' })
      const [request] = encoder.encode(batchOf({ spans: [sampleSpan(), sampleSpan(), sampleSpan()] }))
      // Whatever it is answered: that is for the sender to repeat.
      await client.export('traces', Buffer.concat(request!.chunks))
      client.close()
    },
  }
}

/** A recording of two units and no signals. */
async function recording(): Promise<string> {
  const path = join(tempFolder(), 'empty.usrec')
  const writer = await RecordingWriter.create(path, false)
  const units = ['a.service', 'b.service'].map((name) => ({
    name,
    state: { ...unloadedState, activeState: 'active', subState: 'running', invocationId: 'ab'.repeat(16) },
  }))
  await writer.snapshot({ realtimeNs: 1_700_000_000_000_000_000n, units })
  await writer.end('test', false)
  return path
}

function fileSubject(): Subject {
  let path = ''
  return {
    config: async () => {
      path = join(tempFolder(), 'out.jsonl')
      return { path }
    },
    async delivered() {
      const requests = readFileSync(path, 'utf8').split('\n').filter(Boolean)
      return requests.reduce((sum, request) => sum + countOtlpItems(JSON.parse(request)), 0)
    },
  }
}

/** A journalctl that says two lines and waits for more. */
function journaldSubject(): Subject {
  return {
    label: 'two lines',
    around: (factory) => ({
      ...(factory as ReceiverFactory),
      create(settings, config, next) {
        const program = join(tempFolder(), 'journalctl')
        const lines = [entry(1, text('MESSAGE', 'one')), entry(2, text('MESSAGE', 'two'))]
        writeFileSync(`${program}.out`, Buffer.concat(lines))
        // Asked for one entry only, it ends behind what it has; asked to follow, it goes on.
        writeFileSync(program, `#!/bin/sh\ncat "$0.out"; case "$*" in *--follow*) exec sleep 60;; esac\n`, {
          mode: 0o755,
        })
        // Its deadlines are of a real process.
        const real = { ...settings, clock: systemClock }
        return createJournaldReceiver(real, config, next, { journalctl: program, env: {} })
      },
    }),
    config: { start_at: 'beginning' },
  }
}

/** On a bus in memory, on which a unit fails. */
function systemdSubject(): Subject {
  let source = new FakeSource()
  return {
    label: 'on a bus',
    around: (factory) => ({
      ...(factory as ReceiverFactory),
      create(settings, config, next) {
        source = new FakeSource()
        source.units.set('demo.service', { activeState: 'active', subState: 'running' })
        return createSystemdReceiver(settings, config, next, source)
      },
    }),
    async provoke() {
      const state = { ...unloadedState, activeState: 'failed', subState: 'failed', result: 'exit-code' }
      source.send({ kind: 'unit_changed', unit: 'demo.service', state })
    },
  }
}

/** Events are counted on the page, points are lines of it. */
function prometheusSubject(): Subject {
  let endpoint = ''
  let page = ''
  const point = (index: number) =>
    sampleGauge([index], { points: [{ attributes: { index }, timeUnixNano: 1n, value: 1 }] })
  return {
    config: async () => {
      endpoint = `127.0.0.1:${await freePort()}`
      return { endpoint }
    },
    batches: Array.from({ length: 10 }, (_, i) =>
      deepFreeze(batchOf({ events: [sampleEvent()], metrics: [point(i)] })),
    ),
    async beforeShutdown() {
      page = await (await fetch(`http://${endpoint}/metrics`)).text()
    },
    async delivered() {
      const samples = page.split('\n').filter((line) => !line.startsWith('#'))
      const events = samples.filter((line) => line.startsWith('unitscope_events_total{'))
      const points = samples.filter((line) => /^test_level\w*\{/.test(line))
      return points.length + events.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
  }
}

/** Each batch is a line that says how many items it had. */
function debugSubject(): Subject {
  let text = ''
  return {
    config: { verbosity: 'basic' },
    around: (factory) => ({
      ...(factory as ExporterFactory),
      create(settings: Settings, config: DebugConfig) {
        text = ''
        const write = async (bytes: Uint8Array): Promise<void> => {
          text += Buffer.from(bytes).toString()
        }
        return createDebugExporter(settings, config, async () => ({ color: false, write, close: async () => {} }))
      },
    }),
    async delivered() {
      return [...text.matchAll(/(\d+) (?:event|point|span)s?/g)].reduce((sum, [, count]) => sum + Number(count), 0)
    },
  }
}

/** Log records, spans and points of an OTLP/JSON request, at whatever depth they stand. */
function countOtlpItems(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce((sum, [key, part]) => {
    const isItems = key === 'logRecords' || key === 'spans' || key === 'dataPoints'
    return sum + (isItems && Array.isArray(part) ? part.length : countOtlpItems(part))
  }, 0)
}
