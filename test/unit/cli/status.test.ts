import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { statusText } from '../../../src/cli/status-text.js'
import { parseConfig } from '../../../src/config/config.js'
import { registrations } from '../../../src/registry.js'
import { createService, type Service } from '../../../src/service/service.js'
import type { StatusReport } from '../../../src/service/status-report.js'
import { openStatusSocket, type StatusSocket } from '../../../src/service/status-socket.js'
import { createLogger } from '../../../src/telemetry/logger.js'
import { systemClock } from '../../../src/util/clock.js'
import { runCli } from './support.js'

const folder = mkdtempSync(join(tmpdir(), 'unitscope-status-'))
const path = join(folder, 'status.sock')
let service: Service
let socket: StatusSocket

/** Two exporters: a file that takes all, and a server that is not there. */
const text = `
receivers: { self_telemetry: { collection_interval: 1h } }
processors: { filter: { exclude: [{ names: ["process.*"] }] } }
exporters:
  file: { path: ${folder}/out.jsonl }
  otlp: { endpoint: "127.0.0.1:1", tls: { insecure: true } }
service: { pipelines: { all: { receivers: [self_telemetry], processors: [filter], exporters: [file, otlp] } } }
`

beforeAll(async () => {
  const sources = { env: {}, readFile: async () => Promise.reject(new Error('none')) }
  const config = await parseConfig(text, 'agent.yaml', registrations, sources)
  const sink = { write: () => true, drain: async () => {}, flushSync: () => {}, lost: 0 } as never
  const logger = createLogger({ level: 'error', format: 'json', color: false, clock: systemClock, sink })
  service = createService({ config, logger, clock: systemClock, random: Math.random, version: '1.2.3' })
  await service.start()
  socket = await openStatusSocket(path, () => service.report())
  const isDown = () => service.status().some(({ status }) => status.state === 'degraded')
  // What the file was given is in it, too: then nothing moves any more.
  const isWritten = () =>
    service.report().ledger.rows.some(({ id, out, held }) => id === 'file' && out > 0 && held === 0)
  while (!isDown() || !isWritten()) await new Promise((resolve) => setTimeout(resolve, 20))
})
afterAll(async () => {
  await socket.close()
  await service.shutdown()
  rmSync(folder, { recursive: true })
})

describe('a running agent whose backend is away', () => {
  test('is asked how it is: which component, why, and what waits; exit code 1', async () => {
    const { exit, stdout, stderr } = await runCli(['status', '--socket', path])
    expect([exit, stderr]).toEqual([1, ''])
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^unitscope 1\.2\.3, pid \d+, up \d+s: 3 of 4 components ok$/)
    expect(lines).toHaveLength(5)
    expect(lines[2]).toMatch(/^ {2}processor {2}filter \(all\) +ok$/)
    expect(lines[4]).toMatch(/^ {2}exporter {3}otlp +degraded {2}.+; [\d,]+ items wait/)
  })

  test('tells where every item is, in rows that add up', async () => {
    const { exit, stdout } = await runCli(['status', '-s', path, '--ledger'])
    expect(exit).toBe(1)
    const rows = [
      ...stdout.matchAll(
        /^(receiver|processor|exporter) (\S+)(?: \(all\))? +([\d,]+) +(\d+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)$/gm,
      ),
    ]
    expect(rows.map(([, kind, id]) => `${kind} ${id}`)).toEqual([
      'receiver self_telemetry',
      'processor filter',
      'exporter file',
      'exporter otlp',
    ])
    for (const [row, , , ...cells] of rows) {
      const [taken, produced, out, dropped, held] = cells.map((cell) => Number(cell.replaceAll(',', '')))
      expect(taken! + produced!, row).toBe(out! + dropped! + held!)
    }
    expect(stdout).toMatch(/^processor filter \(all\) +filtered +\d+$/m)
    expect(stdout).toMatch(/^metrics +[\d,]+ +[\d,]+ +[\d,]+ +[\d,]+ +[\d,]+$/m)
    expect(stdout).toContain('in + produced = out + dropped + held for every component and signal\n')
  })

  test('is read by scripts', async () => {
    const { stdout } = await runCli(['status', '-s', path, '--json'])
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ version: '1.2.3', healthy: false, ledger: { unaccounted: {} } })
    const otlp = report.components.find(({ id }: { id: string }) => id === 'otlp')
    expect(otlp).toMatchObject({ kind: 'exporter', state: 'degraded' })
    expect(otlp.gauges.queue_items).toBeGreaterThan(0)
    expect(otlp.gauges).toHaveProperty('breaker_state')
    const row = report.ledger.rows.find(({ id }: { id: string }) => id === 'otlp')
    expect(row.queued).toBe(row.held)
    const { received, to_exporters } = report.ledger.signals.metrics
    // Both exporters take what the filter lets pass of it.
    const { filtered } = report.ledger.rows.find(({ id }: { id: string }) => id === 'filter').dropped
    expect(to_exporters).toBe(2 * (received - filtered))
    // One exporter has written its share, the other keeps it: of each signal what came is somewhere.
    const { exported, queued, dropped } = report.ledger.signals.metrics
    expect(exported + queued).toBe(to_exporters)
    expect(dropped).toEqual({ filtered })
    expect(row.by_signal.metrics).toMatchObject({ in: row.in, held: row.held, queued: row.queued })
  })
})

test('an open circuit breaker is told once, also where the reason tells it', () => {
  const told = (reason: string): string | undefined => {
    const otlp = { kind: 'exporter', id: 'otlp', state: 'degraded', reason, gauges: { breaker_state: 2 }, errors: {} }
    const text = statusText({ ...service.report(), components: [otlp] } as StatusReport, { color: false } as never)
    return text.split('\n')[1]
  }
  expect(told('away')).toMatch(/ away; breaker open$/)
  expect(told('away; circuit breaker open')).toMatch(/ away; circuit breaker open$/)
})

test('what is no socket is not taken for an agent that is gone', async () => {
  const { exit, stderr } = await runCli(['status', '--socket', folder])
  expect([exit, stderr]).toEqual([69, expect.stringContaining(`${folder} is no socket`)])
})

test('where no agent runs it says what to do, with a code of its own', async () => {
  const { exit, stdout, stderr } = await runCli(['status', '--socket', join(folder, 'none.sock')])
  expect([exit, stdout]).toEqual([69, ''])
  expect(stderr).toContain('systemctl status unitscope')
  expect(stderr).toContain('--socket PATH')
})

test('where no agent answers a script gets JSON as well: a reader of nothing would fail without a word', async () => {
  const none = join(folder, 'none.sock')
  const { exit, stdout, stderr } = await runCli(['status', '--socket', none, '--json'])
  expect(exit).toBe(69)
  const { error, ...rest } = JSON.parse(stdout)
  expect(rest).toEqual({ healthy: false, socket: none })
  expect(error).toContain('systemctl status unitscope')
  expect(stderr).toBe(`unitscope: ${error}\n`)
})
