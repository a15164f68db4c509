import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Batch } from '../../src/data/batch.js'
import { batchOf } from '../../src/data/batch.js'
import type { Metric, NumberPoint } from '../../src/data/metric.js'
import { createPrometheusExporter } from '../../src/exporters/prometheus/prometheus.js'
import { type Config, schema } from '../../src/exporters/prometheus_remote_write/config.js'
import { createRemoteWriteExporter } from '../../src/exporters/prometheus_remote_write/remote-write.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { type RecordingTelemetry, seededRandom, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { type Clock, systemClock } from '../../src/util/clock.js'
import { freePort } from '../support/free-port.js'
import { type Prometheus, startPrometheus } from '../support/start-prometheus.js'
import { gauge, host, smallMachine, spanId, traceId, unitOf } from '../unit/exporters/prometheus/fixture.js'

// Debian's Prometheus takes what the exporter writes; its API is asked for what it has then.

let prometheus: Prometheus
beforeAll(async () => {
  prometheus = await startPrometheus([])
})
afterAll(() => prometheus?.stop())

/** Whole milliseconds: that is all Prometheus keeps. */
const nowMs = (): number => Date.now()
const nano = (ms: number): bigint => BigInt(ms) * 1_000_000n

describe('a small machine', () => {
  let atMs = 0
  beforeAll(async () => {
    atMs = nowMs()
    const { exporter, telemetry } = await started()
    const batch = smallMachine(nano(atMs))
    expect(await exporter.consume(batch)).toEqual({ kind: 'ok' })
    await exporter.shutdown()
    expect([...telemetry.drops]).toEqual([])
    expect(telemetry.processedItems).toBe(countOf(batch))
  })

  test('has the names, labels and numbers of the page a scraper would read', async () => {
    const page = await pageOf(smallMachine(nano(atMs)))
    const written = await allSamples('{job="unitscope"}')
    const fromPage = page.filter(({ name }) => name !== 'target_info').map(({ id, value }) => `${id} ${value}`)
    expect(fromPage.length).toBeGreaterThan(30)
    expect(written.map(({ id, value }) => `${id} ${value}`).sort()).toEqual(fromPage.sort())
  })

  test('has the times of measurement', async () => {
    const points = await allSamples('{job="unitscope",__name__!="unitscope_events_total"}')
    expect(new Set(points.map(({ timeMs }) => timeMs))).toEqual(new Set([atMs]))
  })

  test('is told from others by job and instance', async () => {
    const [state] = await series('systemd_unit_state{unit="crashy.service",systemd_unit_active_state="failed"}')
    expect(state?.metric).toMatchObject({ job: 'unitscope', instance: 'node1' })
  })

  const exemplarsOf: readonly (readonly [query: string, value: string, labels: object])[] = [
    ['systemd_service_restarts_total{unit="crashy.service"}', '1', { trace_id: traceId, span_id: spanId }],
    ['unitscope_events_total{event="systemd.unit.failed"}', '1', { trace_id: traceId }],
    ['unitscope_otlp_processing_duration_seconds_bucket{le="1.0"}', '0.64', { trace_id: traceId, thread_name: 'main' }],
  ]
  test.each(exemplarsOf)('the exemplar of %s leads to its trace', async (query, value, labels) => {
    const path = `/api/v1/query_exemplars?query=${encodeURIComponent(query)}&start=0&end=9999999999`
    const found = (await prometheus.api(path)) as readonly { exemplars: readonly unknown[] }[]
    expect(found.map(({ exemplars }) => exemplars)).toEqual([[{ labels, value, timestamp: atMs / 1000 }]])
  })
})

test('every double comes back as it was: tiny, huge, negative zero, infinities, NaN, beyond 2^53', async () => {
  const random = seededRandom(5)
  const special = [0, -0, 5e-324, 1.7976931348623157e308, Infinity, -Infinity, NaN, 0.1, 1 / 3, 2 ** 53, -1e-7]
  const anything = Array.from({ length: 500 }, () => (random() - 0.5) * 10 ** Math.round((random() - 0.5) * 600))
  const values: readonly (number | bigint)[] = [...special, ...anything, 9_007_199_254_740_993n]
  const atMs = nowMs()
  const points = values.map((value, index) => pointAt(atMs, value, { index }))
  const { exporter } = await started()
  await exporter.consume(batchOf({ metrics: [gauge('exact.value', '{thing}', host, points, 'double')] }))
  await exporter.shutdown()
  const found = await allSamples('exact_value')
  const byIndex = new Map(found.map(({ metric, value }) => [metric['index'], value]))
  expect(byIndex.size).toBe(values.length)
  for (const [index, value] of values.entries())
    expect(Object.is(byIndex.get(String(index)), Number(value)), `${index}: ${value}`).toBe(true)
})

describe('nothing is lost', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    test(`when Prometheus is ended (${signal}) and started again while samples are written`, async () => {
      const name = `survives.${signal.toLowerCase()}`
      const { exporter, telemetry } = await started({ retry: quick, circuit_breaker: { timeout: '100ms' } })
      const startMs = nowMs()
      const send = async (from: number, to: number): Promise<void> => {
        for (let at = from; at < to; at++) {
          const points = [0, 1, 2].map((index) => pointAt(startMs + at, at * 3 + index, { index }))
          expect(await exporter.consume(batchOf({ metrics: [gauge(name, '', host, points)] }))).toEqual({ kind: 'ok' })
          // Requests are to be under way when it ends.
          if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
        }
      }
      const before = send(0, 300)
      await prometheus.restart(signal, async () => {
        await before
        await send(300, 600)
      })
      await send(600, 700)
      await exporter.shutdown()
      expect([...telemetry.drops]).toEqual([])
      const found = await allSamples(`${name.replace('.', '_')}`)
      expect(found.map(({ value }) => value).sort((a, b) => a - b)).toEqual(Array.from({ length: 2100 }, (_, i) => i))
      for (const { metric, value, timeMs } of found)
        expect(timeMs).toBe(startMs + Math.floor((value - Number(metric['index'])) / 3))
    })

  test('when the answer to a request is lost on its way: it is written again, and is there once', async () => {
    // The first sample goes alone, the others in one request: its answer is lost, and so is that to its next try.
    const proxy = await losingAnswers(prometheus.url, [2, 3])
    const { exporter, telemetry } = await started({ endpoint: `${proxy.url}/api/v1/write`, retry: quick })
    const startMs = nowMs()
    for (let at = 0; at < 20; at++)
      await exporter.consume(batchOf({ metrics: [gauge('answered.late', '', host, [pointAt(startMs + at, at)])] }))
    await exporter.shutdown()
    await proxy.close()
    expect(proxy.statuses()).toEqual([204, 204, 400, 400])
    expect([...telemetry.drops]).toEqual([])
    expect(telemetry.processedItems).toBe(20)
    expect((await allSamples('answered_late')).map(({ value }) => value)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    )
  })
})

describe('samples that Prometheus cannot take', () => {
  test('are never sent when the exporter knows it, and counted', async () => {
    const { exporter, telemetry } = await started()
    const atMs = nowMs()
    const offer = (ms: number, value: number) =>
      exporter.consume(batchOf({ metrics: [gauge('in.order', '', host, [pointAt(ms, value)])] }))
    for (const [ms, value] of [
      [atMs, 1],
      [atMs, 2],
      [atMs - 500, 3],
      [atMs + 1, 4],
    ] as const)
      expect(await offer(ms, value)).toEqual({ kind: 'ok' })
    await exporter.shutdown()
    expect([...telemetry.drops]).toEqual([['out_of_order', 2]])
    expect((await allSamples('in_order')).map(({ value }) => value)).toEqual([1, 4])
  })

  test('are refused after a restart of the agent by themselves: what is joined with them is written', async () => {
    const atMs = nowMs()
    const first = await started()
    await first.exporter.consume(batchOf({ metrics: [gauge('was.here', '', host, [pointAt(atMs, 1)])] }))
    await first.exporter.shutdown()
    // All three wait for one request.
    const second = await started({ sending_queue: { request_interval: '1s' } }, false)
    for (const [name, ms] of [
      ['new.before', atMs],
      ['was.here', atMs - 10],
      ['new.behind', atMs],
    ] as const)
      await second.exporter.consume(batchOf({ metrics: [gauge(name, '', host, [pointAt(ms, 2)])] }))
    await second.exporter.start(new TestHost())
    await second.exporter.shutdown()
    expect([...second.telemetry.drops]).toEqual([['partial_success', 1]])
    expect(second.telemetry.processedItems).toBe(2)
    expect((await allSamples('{__name__=~"new_before|new_behind|was_here"}')).map(({ value }) => value).sort()).toEqual(
      [1, 2, 2],
    )
  })
})

test('a unit that is gone has no value any more, from the turn on that it missed', async () => {
  const clock = new ShiftedClock()
  const { exporter } = await started({}, true, clock)
  const startMs = nowMs() - 600_000
  const offer = (turn: number, units: readonly string[]) =>
    exporter.consume(
      batchOf({
        metrics: units.map((unit) => gauge('gone.soon', '', unitOf(unit), [pointAt(startMs + turn * 15_000, turn)])),
      }),
    )
  for (let turn = 0; turn < 10; turn++) {
    await offer(turn, turn < 3 ? ['stays.service', 'goes.service'] : ['stays.service'])
    clock.pass(15_000)
  }
  await exporter.shutdown()
  const unitsAt = async (turn: number): Promise<readonly (string | undefined)[]> => {
    const path = `/api/v1/query?query=gone_soon&time=${(startMs + turn * 15_000) / 1000}`
    return resultsOf(await prometheus.api(path))
      .map(({ metric }) => metric['unit'])
      .sort()
  }
  expect(await unitsAt(2.9)).toEqual(['goes.service', 'stays.service'])
  expect(await unitsAt(3.1)).toEqual(['stays.service'])
  expect(await unitsAt(9)).toEqual(['stays.service'])
})

test('what holds without being measured is said again each minute: counts of events, and what is known of a unit', async () => {
  const clock = new ShiftedClock()
  const { exporter, telemetry } = await started({ external_labels: { job: 'again' } }, true, clock)
  const batch = smallMachine(clock.unixNano())
  await exporter.consume(batch)
  clock.pass(10_000)
  await exporter.shutdown()
  const info = await series('target_info{job="again",unit="crashy.service"}')
  expect(info).toMatchObject([
    { metric: { instance: 'node1', service_name: 'crashy.service', unit: 'crashy.service' } },
  ])
  expect(await series('count(target_info{job="again",unit=""})')).toMatchObject([{ value: [expect.anything(), '1'] }])
  expect(telemetry.processedItems).toBe(countOf(batch))
})

const quick = { initial_delay: '20ms', max_delay: '100ms' }

async function started(written: Record<string, unknown> = {}, start = true, clock: Clock = systemClock) {
  const settings = testSettings('exporter', 'prometheus_remote_write', { clock })
  // A Prometheus that gets no CPU for some seconds loses nothing by that.
  const sending_queue = { shutdown_timeout: '60s', ...(written['sending_queue'] as object | undefined) }
  const endpoint = `${prometheus.url}/api/v1/write`
  const config: Config = createTestConfig(schema, { endpoint, ...written, sending_queue })
  const exporter = createRemoteWriteExporter(settings, config)
  if (start) await exporter.start(new TestHost())
  return { exporter, telemetry: settings.telemetry as RecordingTelemetry }
}

/** The real time, of which some has passed at once. */
class ShiftedClock implements Clock {
  #passedMs = 0
  readonly #each: (() => void)[] = []
  unixNano = (): bigint => systemClock.unixNano()
  monotonicMs = (): number => systemClock.monotonicMs() + this.#passedMs
  after = (ms: number, fire: () => void) => systemClock.after(ms, fire)
  every(_ms: number, fire: () => void) {
    this.#each.push(fire)
    return { cancel: () => void this.#each.splice(this.#each.indexOf(fire), 1) }
  }
  pass(ms: number): void {
    this.#passedMs += ms
    for (const fire of this.#each) fire()
  }
}

function pointAt(ms: number, value: number | bigint, attributes: NumberPoint['attributes'] = {}): NumberPoint {
  return { timeUnixNano: nano(ms), value, attributes }
}

function countOf({ metrics, events }: Batch): number {
  return events.length + metrics.reduce((sum, { points }: Metric) => sum + points.length, 0)
}

interface Result {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
  readonly values: readonly (readonly [number, string])[]
}

function resultsOf(answer: unknown): readonly Result[] {
  return (answer as { result?: readonly Result[] }).result ?? []
}

async function series(query: string): Promise<readonly Result[]> {
  return resultsOf(await prometheus.api(`/api/v1/query?query=${encodeURIComponent(query)}`))
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly id: string
  readonly value: number
  readonly timeMs: number
}

/** The samples themselves, with their times (a range is not interpolated). */
async function allSamples(selector: string): Promise<readonly Sample[]> {
  const time = Math.ceil(Date.now() / 1000) + 5
  const path = `/api/v1/query?query=${encodeURIComponent(`${selector}[20m]`)}&time=${time}`
  return resultsOf(await prometheus.api(path)).flatMap(({ metric, values }) =>
    values.map(([seconds, value]) => ({
      metric,
      id: idOf(metric),
      value: numberOf(value),
      timeMs: Math.round(seconds * 1000),
    })),
  )
}

function idOf({ __name__, job: _, instance: __, ...labels }: Readonly<Record<string, string>>): string {
  return `${__name__}${JSON.stringify(Object.entries(labels).sort())}`
}

function numberOf(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
}

/** The samples of the page that the `prometheus` exporter would serve. */
async function pageOf(batch: Batch): Promise<readonly { name: string; id: string; value: number }[]> {
  const exporter = createPrometheusExporter(testSettings('exporter', 'prometheus', { clock: systemClock }), {
    endpoint: `127.0.0.1:${await freePort()}`,
    path: '/metrics',
    profiles: ['unitscope'],
    metric_expiration: 300_000,
    max_series: 1000,
    allowed_hosts: [],
    insecure_bind: false,
  })
  await exporter.start(new TestHost())
  await exporter.consume(batch)
  const text = await (await fetch(`http://127.0.0.1:${exporter.address?.port}/metrics`)).text()
  await exporter.shutdown()
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      const pairs = [...labels.matchAll(/([a-z_0-9]+)="([^"]*)"/g)].map(([, key, text]) => [key, text])
      return { name, id: `${name}${JSON.stringify(pairs.sort())}`, value: numberOf(value) }
    })
}

/** A way to Prometheus on which the answers to some requests are lost. */
async function losingAnswers(url: string, lost: readonly number[]) {
  const statuses: number[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const headers = Object.fromEntries(
      ['content-type', 'content-encoding', 'x-prometheus-remote-write-version'].map((name) => [
        name,
        String(request.headers[name]),
      ]),
    )
    const answer = await fetch(url + request.url, { method: 'POST', headers, body: Buffer.concat(chunks) })
    statuses.push(answer.status)
    const text = await answer.text()
    if (lost.includes(statuses.length)) request.socket.destroy()
    else response.writeHead(answer.status).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    statuses: () => statuses,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
