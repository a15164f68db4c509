import { createServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { batchOf, countItems } from '../../../../src/data/batch.js'
import type { Metric } from '../../../../src/data/metric.js'
import { type Config, check } from '../../../../src/exporters/prometheus/config.js'
import { PageCache } from '../../../../src/exporters/prometheus/page-cache.js'
import { createPrometheusExporter } from '../../../../src/exporters/prometheus/prometheus.js'
import { textFormat } from '../../../../src/lib/openmetrics/exposition.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { systemClock } from '../../../../src/util/clock.js'
import { freePort } from '../../../support/free-port.js'
import { gauge, smallMachine, unitOf } from './fixture.js'
import { cleanUp, cleanUps } from './serve.js'

afterEach(cleanUp)

describe('the exporter', () => {
  test('a port in use is a clear error', async () => {
    const blocker = createServer()
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
    cleanUps.push(() => void blocker.close())
    const { port } = blocker.address() as { port: number }
    const exporter = createPrometheusExporter(
      testSettings('exporter', 'prometheus'),
      config({ endpoint: `127.0.0.1:${port}` }),
    )
    await expect(exporter.start(new TestHost())).rejects.toThrow(`127.0.0.1:${port} is in use by another process`)
    await exporter.shutdown()
  })

  test('serves what it was given, at most a second old, and frees the port on shutdown, twice', async () => {
    const telemetry = new RecordingTelemetry()
    const clock = new FakeClock()
    const port = await freePort()
    const exporter = createPrometheusExporter(
      testSettings('exporter', 'prometheus', { telemetry, clock }),
      config({ endpoint: `127.0.0.1:${port}` }),
    )
    await exporter.start(new TestHost())
    const scrape = async (): Promise<string> => (await get(`http://127.0.0.1:${port}/metrics`)).text()
    expect(await scrape()).toBe('')
    await clock.advance(1000)
    const batch = smallMachine(clock.unixNano())
    expect(await exporter.consume(batch)).toEqual({ kind: 'ok' })
    expect(await scrape()).toContain(
      'systemd_service_restarts_total{unit="crashy.service",systemd_unit_restart_cause="auto"} 5',
    )
    expect(telemetry.processedItems).toBe(countItems(batch))
    await clock.advance(300_000)
    expect(await scrape()).toBe(
      '# HELP unitscope_events_total Events seen since the agent started, by name and unit\n# TYPE unitscope_events_total counter\nunitscope_events_total{event="systemd.unit.failed",unit="crashy.service"} 2\n',
    )
    await exporter.shutdown()
    await exporter.shutdown()
    await expect(scrape()).rejects.toThrow()
    expect(clock.pending).toBe(0)
  })

  test('shutdown ends a page that is being made, however long it would be', async () => {
    const pages = new PageCache(systemClock, function* () {
      for (;;) yield undefined
    })
    const ended = expect(pages.page(textFormat)).rejects.toThrow('the exporter is shutting down')
    await pages.close()
    await ended
  })

  test('a page of more than 512 MiB is told as degraded, with what to do; a page that fits heals it', async () => {
    const telemetry = new RecordingTelemetry()
    const clock = new FakeClock()
    const host = new TestHost()
    const port = await freePort()
    const exporter = createPrometheusExporter(
      testSettings('exporter', 'prometheus', { telemetry, clock }),
      config({ endpoint: `127.0.0.1:${port}` }),
    )
    cleanUps.push(() => exporter.shutdown())
    await exporter.start(host)
    // Five times one text of 128 MiB, which is in memory once.
    const description = 'x'.repeat(2 ** 27)
    const metrics = ['a', 'b', 'c', 'd', 'e'].map((name) => ({
      ...gauge(name, 'By', unitOf('a.service'), [{ attributes: {}, timeUnixNano: 1n, value: 1 }]),
      description,
    }))
    await exporter.consume(batchOf({ metrics }))
    const url = `http://127.0.0.1:${port}/metrics`
    expect((await get(url)).status).toBe(500)
    expect(host.last).toEqual({
      state: 'degraded',
      reason: 'the page cannot be made: it would be larger than 512 MiB; lower max_series',
    })
    expect(telemetry.errors).toEqual(new Map([['page_failed', 1]]))
    expect(telemetry.counters.get('requests_refused')).toBe(1)
    await clock.advance(300_000)
    expect((await get(url)).status).toBe(200)
    expect(host.last).toEqual({ state: 'ok' })
  })

  test('an exemplar whose trace ID is none stays off the page, and is counted', async () => {
    const telemetry = new RecordingTelemetry()
    const port = await freePort()
    const exporter = createPrometheusExporter(
      testSettings('exporter', 'prometheus', { telemetry }),
      config({ endpoint: `127.0.0.1:${port}` }),
    )
    cleanUps.push(() => exporter.shutdown())
    await exporter.start(new TestHost())
    const exemplars = [{ timeUnixNano: 1n, value: 1, traceId: 'x'.repeat(200) }]
    const point = { attributes: {}, timeUnixNano: 1n, value: 1, exemplars }
    const metric: Metric = { ...gauge('c', '', unitOf('a.service'), [point]), type: 'sum', monotonic: true } as Metric
    await exporter.consume(batchOf({ metrics: [metric] }))
    const accept = 'application/openmetrics-text;version=1.0.0'
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } })).text()
    expect(text).toContain('c_total{unit="a.service"} 1\n')
    expect(telemetry.counters.get('invalid_ids')).toBe(1)
  })

  test('counts points beyond max_series', async () => {
    const telemetry = new RecordingTelemetry()
    const exporter = createPrometheusExporter(
      testSettings('exporter', 'prometheus', { telemetry }),
      config({ max_series: 10 }),
    )
    const batch = smallMachine(1n)
    await exporter.consume(batch)
    expect(telemetry.drops.get('series_limit')).toBeGreaterThan(0)
    expect(telemetry.processedItems + telemetry.drops.get('series_limit')!).toBe(countItems(batch))
    expect(telemetry.gauges.get('series')!()).toBe(10)
  })
})

describe('a configuration that cannot work gets a complaint', () => {
  const cases: readonly [string, Partial<Config>, string][] = [
    ['all addresses', { endpoint: '0.0.0.0:9464' }, 'insecure_bind: true'],
    ['all IPv6 addresses', { endpoint: '[::]:9464' }, 'insecure_bind: true'],
    ['no host', { endpoint: ':9464' }, '127.0.0.1:9464'],
    ['port 0', { endpoint: '127.0.0.1:0' }, 'port 0'],
    ['port 65536', { endpoint: '127.0.0.1:65536' }, 'port 65536'],
    ['a URL', { endpoint: 'http://127.0.0.1:9464' }, 'is not host:port'],
    ['a profile twice', { profiles: ['unitscope', 'unitscope'] }, 'twice'],
  ]
  for (const [name, part, reason] of cases)
    test(name, () => {
      const complaints = check(config(part))
      expect(complaints.map((c) => c.reason).join()).toContain(reason)
    })
  test('insecure_bind is enough for all addresses', () => {
    expect(check(config({ endpoint: '0.0.0.0:9464', insecure_bind: true }))).toEqual([])
  })
})

/** Over a connection of its own: one that is kept ends after 5 s, which may be over when the next request is on its way. */
const get = (url: string): Promise<Response> => fetch(url, { headers: { connection: 'close' } })

function config(part: Partial<Config> = {}): Config {
  return {
    endpoint: '127.0.0.1:9464',
    path: '/metrics',
    profiles: ['unitscope'],
    metric_expiration: 300_000,
    max_series: 1000,
    allowed_hosts: [],
    insecure_bind: false,
    ...part,
  }
}
