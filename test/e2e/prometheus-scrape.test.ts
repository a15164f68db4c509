import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { profileNames } from '../../src/exporters/prometheus/page.js'
import { createPrometheusExporter, type PrometheusExporter } from '../../src/exporters/prometheus/prometheus.js'
import { TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { freePort } from '../support/free-port.js'
import { type Prometheus, startPrometheus } from '../support/start-prometheus.js'
import { failure, smallMachine, traceId, unitOf } from '../unit/exporters/prometheus/fixture.js'

// Debian's Prometheus and promtool judge what the exporter serves.

let prometheus: Prometheus
let exporter: PrometheusExporter
let target = ''

beforeAll(async () => {
  exporter = await startExporter([...profileNames])
  target = `127.0.0.1:${exporter.address?.port}`
  await feed(exporter)
  prometheus = await startPrometheus([target])
})

afterAll(async () => {
  await prometheus?.stop()
  await exporter?.shutdown()
})

test('Prometheus scrapes it as healthy, as OpenMetrics', async () => {
  const data = await prometheus.until('/api/v1/targets', (answer) => healthOf(answer) === 'up')
  expect(JSON.stringify(data)).toContain('"lastError":""')
})

test('the exemplar of a restart leads from the counter to the trace', async () => {
  const query = encodeURIComponent('systemd_service_restarts_total')
  const data = await prometheus.until(`/api/v1/query_exemplars?query=${query}&start=0&end=9999999999`, nonEmpty)
  expect(data).toMatchObject([
    {
      seriesLabels: { __name__: 'systemd_service_restarts_total', unit: 'crashy.service' },
      exemplars: [{ labels: { trace_id: traceId }, value: '1' }],
    },
  ])
})

test('the exemplar of a histogram bucket arrives, too', async () => {
  const query = encodeURIComponent('unitscope_otlp_processing_duration_seconds_bucket{le="1.0"}')
  const data = await prometheus.until(`/api/v1/query_exemplars?query=${query}&start=0&end=9999999999`, nonEmpty)
  expect(data).toMatchObject([{ exemplars: [{ labels: { trace_id: traceId }, value: '0.64' }] }])
})

describe('queries that dashboards and alerts make find their series', () => {
  const cases: readonly [string, string][] = [
    ['node_systemd_unit_state{name="crashy.service",state="failed"} == 1', '1'],
    ['node_systemd_units{state="failed"}', '1'],
    ['node_systemd_service_restart_total{name="crashy.service"}', '5'],
    ['systemd_unit_state{name="crashy.service",type="service",state="failed"}', '1'],
    ['sum(systemd_unit_state{type="timer"})', '1'],
    ['unitscope_events_total{event="systemd.unit.failed",unit="crashy.service"}', '2'],
    [
      'systemd_unit_io_bytes_total * on (unit, instance) group_left (service_name) target_info{unit!=""}',
      '9007199254740992',
    ],
  ]
  for (const [query, value] of cases)
    test(query, async () => {
      const data = await prometheus.until(
        `/api/v1/query?query=${encodeURIComponent(query)}`,
        (answer) => resultsOf(answer).length > 0,
      )
      expect(resultsOf(data).map(({ value: [, seen] }) => seen)).toEqual([value])
    })
})

for (const profile of profileNames)
  test(`promtool accepts the page of profile ${profile}`, async () => {
    const one = await startExporter([profile])
    await feed(one)
    const page = await (await fetch(`http://127.0.0.1:${one.address?.port}/metrics`)).text()
    expect(page).toContain('# TYPE')
    // Exit code 3 and a line per finding when it has something to say.
    expect(execFileSync('/usr/bin/promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })).toBe('')
    await one.shutdown()
  })

test('unit names that hurt a parser arrive as they are', async () => {
  const names = ['quote".service', 'back\\x2dslash.service', 'line\nbreak.service', '<b>.service', 'ünï.service']
  const now = systemClock.unixNano()
  await exporter.consume({ metrics: [], events: names.map((name) => failure(unitOf(name), now)), spans: [] })
  const data = await prometheus.until(
    `/api/v1/query?query=${encodeURIComponent('unitscope_events_total{unit!="crashy.service"}')}`,
    (answer) => resultsOf(answer).length === names.length,
  )
  expect(
    resultsOf(data)
      .map(({ metric }) => metric['unit'])
      .sort(),
  ).toEqual([...names].sort())
})

async function startExporter(profiles: PrometheusProfiles): Promise<PrometheusExporter> {
  const settings = testSettings('exporter', 'prometheus', { clock: systemClock })
  const created = createPrometheusExporter(settings, {
    endpoint: `127.0.0.1:${await freePort()}`,
    path: '/metrics',
    profiles,
    metric_expiration: 300_000,
    max_series: 1000,
    allowed_hosts: [],
    insecure_bind: false,
  })
  await created.start(new TestHost())
  return created
}

type PrometheusProfiles = readonly (typeof profileNames)[number][]

async function feed(to: PrometheusExporter): Promise<void> {
  expect(await to.consume(smallMachine(systemClock.unixNano()))).toEqual({ kind: 'ok' })
}

interface Result {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

function resultsOf(answer: unknown): readonly Result[] {
  return (answer as { result?: readonly Result[] }).result ?? []
}

function healthOf(answer: unknown): string | undefined {
  return (answer as { activeTargets?: readonly { health: string }[] }).activeTargets?.[0]?.health
}

function nonEmpty(answer: unknown): boolean {
  return Array.isArray(answer) && answer.length > 0
}
