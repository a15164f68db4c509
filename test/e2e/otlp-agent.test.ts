import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { type Signal, signals } from '../../src/data/batch.js'
import { describeLab } from '../lab/describe-lab.js'
import { type Lab, waitFor, withLab } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { type Complete, completeLine, distinctRecords, sortedRecords } from '../support/otlp-sink/complete.js'
import type { Decoded } from '../support/otlp-sink/decode.js'
import { type OtlpSink, startOtlpSink } from '../support/otlp-sink/otlp-sink.js'
import { makeAuthority } from '../support/tls-files.js'
import { type Agent, running, type Workspace, withAgent } from './agent.js'

// The whole program with a file beside the OTLP server: what is in the file is what was to be delivered.

const crasher =
  '[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=4\n' +
  '[Service]\nExecStart=/bin/sh -c "sleep 0.1; exit 3"\nRestart=on-failure\nRestartSec=100ms\n'

const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp()
})

async function sinkAt(options: Parameters<typeof startOtlpSink>[0] = {}): Promise<OtlpSink> {
  const sink = await startOtlpSink(options)
  cleanUps.push(() => sink.close())
  return sink
}

/** Runs an agent that watches a lab and tells both the OTLP server and a file. */
function observe(
  otlp: object,
  body: (lab: Lab, agent: Agent, workspace: Workspace) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  return withLab(async (lab) => {
    lab.writeUnit('crasher.service', crasher)
    await lab.daemonReload()
    const config = (workspace: Workspace): object => ({
      receivers: {
        systemd: { address: lab.busAddress, collection_interval: '1s' },
        cgroup: { root: lab.cgroupRoot, collection_interval: '1s' },
        self_telemetry: { collection_interval: '1s' },
      },
      // Many requests rather than few: one reading of a machine with all controllers has thousands of points.
      processors: {
        crash_loop: {},
        lifecycle_spans: {},
        batch: { send_batch_size: 300, send_batch_max_size: 300 },
      },
      exporters: { otlp, file: { path: workspace.path('out.jsonl'), max_size: '1GiB' } },
      service: {
        pipelines: {
          main: {
            receivers: ['systemd', 'cgroup', 'self_telemetry'],
            processors: ['crash_loop', 'lifecycle_spans', 'batch'],
            exporters: ['otlp', 'file'],
          },
        },
      },
    })
    await withAgent(
      config,
      async (agent, workspace) => {
        await agent.logged(running)
        await waitFor('the first reading of the units', () => workspace.text().includes('"systemd.unit.state"'))
        await body(lab, agent, workspace)
      },
      { env },
    )
  })
}

/** What is told last of a crash loop. */
const kGivenUp = 'systemd.unit.start_limit_hit'

/** One crash loop, from the first start until systemd has given up and the file says so. */
async function crashLoop(lab: Lab, workspace: Workspace): Promise<void> {
  const episodes = (): number => workspace.output().events.filter(({ name }) => name === kGivenUp).length
  const before = episodes()
  await lab.systemctl('reset-failed')
  await lab.exec(['systemctl', 'start', 'crasher.service'], { allowFailure: true })
  await waitFor('the end of the crash loop in the file', () => episodes() > before)
}

/** What the file holds of a signal, every field by the published definitions. */
function filed(workspace: Workspace, signal: Signal): readonly Complete[] {
  const lines = workspace.text().split('\n').filter(Boolean).map(completeLine)
  return lines.filter((line) => line.signal === signal).flatMap(({ records }) => records)
}

/** Log records, spans and metric points: the items of every counter. */
function itemsOf(of: (signal: Signal) => readonly Complete[]): number {
  const points = of('metrics').flatMap(
    ({ record }): Decoded[] => (record.gauge ?? record.sum ?? record.histogram).data_points,
  )
  return of('logs').length + of('traces').length + points.length
}

function expectOrderlyEnd(agent: Agent, delivered: number, filedItems: number, reasons: readonly string[]): void {
  const { exported, dropped } = agent.totals()
  expect(Object.keys(dropped).sort()).toEqual([...reasons].sort())
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0)
  // Two exporters: the file took everything, the server what was not lost.
  expect(exported).toBe(filedItems + delivered)
  expect(delivered + lost).toBe(filedItems)
}

/** A server that gets no CPU for some seconds is neither asked twice nor given up at the end. */
const unhurried = { timeout: '60s', sending_queue: { shutdown_timeout: '6s' } }

/** Quick to come back, and never giving up by itself. */
const patient = {
  retry: { initial_delay: '50ms', max_delay: '200ms', max_elapsed_time: '0s' },
  circuit_breaker: { failure_threshold: 10_000 },
}

describeLab('the whole agent and an OTLP server', () => {
  it('over mutual TLS with an API key gets what the file gets, in every field, each once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'unitscope-tls-'))
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
    const authority = makeAuthority(folder, 'ca')
    const server = authority.issue('server', ['DNS:otel.test'])
    const client = authority.issue('agent', ['DNS:agent.test'])
    const read = (file: string): Buffer => readFileSync(file)
    const sink = await sinkAt({
      tls: { key: read(server.keyFile), cert: read(server.certFile), ca: read(authority.caFile) },
    })
    const otlp = {
      endpoint: `https://${sink.address}`,
      tls: {
        ca_file: authority.caFile,
        server_name: 'otel.test',
        cert_file: client.certFile,
        key_file: client.keyFile,
      },
      headers: { 'x-api-key': '${env:OTLP_API_KEY}' },
    }
    const secret = 'sk-0123456789abcdef'
    await observe(
      { ...otlp, ...unhurried },
      async (lab, agent, workspace) => {
        await crashLoop(lab, workspace)
        await waitFor('a histogram of its own', () => workspace.text().includes('"histogram"'))
        expect(await agent.stop()).toMatchObject({ code: 0, signal: null })
        for (const signal of signals)
          expect(sink.complete(signal), signal).toEqual(sortedRecords(filed(workspace, signal)))
        const items = itemsOf((signal) => sink.complete(signal))
        expectOrderlyEnd(agent, items, workspace.output().items, [])
        for (const { headers } of sink.received) expect(headers['x-api-key']).toBe(secret)
        expect(agent.stderr).not.toContain(secret)

        const failed = sink.complete('logs').filter(({ record }) => record.event_name === 'systemd.unit.failed')
        const journal = await lab.journal('MESSAGE_ID=39f53479d3a045ac8e11786248231fbf', 'UNIT=crasher.service')
        expect(failed.map(({ record }) => record.trace_id).sort()).toEqual(
          journal.map((entry) => entry['INVOCATION_ID']).sort(),
        )
      },
      { OTLP_API_KEY: secret },
    )
  })

  it('that dies and comes back misses nothing of what happened meanwhile', async () => {
    const first = await sinkAt()
    const { address } = first
    await observe({ endpoint: address, ...patient, ...unhurried }, async (lab, agent, workspace) => {
      await crashLoop(lab, workspace)
      await first.until(() => first.logRecords().some(({ record }) => record.event_name === kGivenUp))
      first.close()
      await agent.logged(/"component":"exporter\/otlp".*"message":"degraded"/)
      await crashLoop(lab, workspace)
      const second = await sinkAt({ address })
      await agent.logged(/"message":"degraded"[\s\S]*"component":"exporter\/otlp".*"message":"ok"/)
      await crashLoop(lab, workspace)
      expect(await agent.stop()).toMatchObject({ code: 0, signal: null })

      for (const signal of signals) {
        // A request whose reply the death of the server swallowed is there twice; nothing else is.
        const got = distinctRecords([...first.complete(signal), ...second.complete(signal)])
        expect(got, signal).toEqual(distinctRecords(filed(workspace, signal)))
      }
      expectOrderlyEnd(agent, workspace.output().items, workspace.output().items, [])
      const episodesAt = (sink: OtlpSink): Decoded[] =>
        sink.logRecords().filter(({ record }) => record.event_name === kGivenUp)
      const known = new Set(episodesAt(first).map(({ record }) => record.trace_id))
      expect(known.size).toBe(1)
      expect(episodesAt(second).filter(({ record }) => !known.has(record.trace_id))).toHaveLength(2)
    })
  })

  it('that is never there costs a bounded queue, each loss is counted by reason, and the file misses nothing', async () => {
    const dead = `127.0.0.1:${await freePort()}`
    const maxItems = 1000
    const otlp = {
      endpoint: dead,
      ...patient,
      sending_queue: { max_items: maxItems, overflow: 'drop_oldest', shutdown_timeout: '100ms' },
    }
    await observe(otlp, async (lab, agent, workspace) => {
      await agent.logged(/"component":"exporter\/otlp","reason":"UNAVAILABLE: .*ECONNREFUSED.*"message":"degraded"/)
      await crashLoop(lab, workspace)
      await waitFor('more than the queue can hold', () => workspace.output().items > 5 * maxItems)
      const queued = workspace
        .output()
        .points.filter(({ name }) => name === 'unitscope_exporter_otlp_queue_items')
        .map(({ value }) => value)
      expect(Math.max(...queued)).toBeGreaterThan(0)
      expect(Math.max(...queued)).toBeLessThanOrEqual(maxItems)
      expect(await agent.stop()).toMatchObject({ code: 0, signal: null })
      expectOrderlyEnd(agent, 0, workspace.output().items, ['queue_full', 'shutdown'])
      expect(agent.totals().dropped['shutdown']).toBeLessThanOrEqual(maxItems)
    })
  })
})
