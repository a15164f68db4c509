import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type ServerResponse } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { batchOf, countItems } from '../../../../src/data/batch.js'
import type { Metric } from '../../../../src/data/metric.js'
import { type Config, check } from '../../../../src/exporters/prometheus/config.js'
import { keepPlaces } from '../../../../src/exporters/prometheus/places.js'
import { createPrometheusExporter } from '../../../../src/exporters/prometheus/prometheus.js'
import {
  listenForScrapes,
  type ScrapeServer,
  type ScrapeServerSettings,
} from '../../../../src/exporters/prometheus/scrape-server.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { freePort } from '../../../support/free-port.js'
import { gauge, smallMachine, unitOf } from './fixture.js'

const page = `m 1\n${'# padding that compresses well\n'.repeat(100)}`

describe('a request', () => {
  const host = 'Host: localhost'
  const cases: readonly [string, string, number][] = [
    ['for the page', `GET /metrics HTTP/1.1\r\n${host}\r\n\r\n`, 200],
    ['for the page with a query', `GET /metrics?x=1 HTTP/1.1\r\n${host}\r\n\r\n`, 200],
    ['HEAD', `HEAD /metrics HTTP/1.1\r\n${host}\r\n\r\n`, 200],
    ['by HTTP/1.0', `GET /metrics HTTP/1.0\r\n${host}\r\n\r\n`, 200],
    ['for another path', `GET / HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with ..', `GET /x/../metrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with /../', `GET /../metrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with //', `GET //metrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with %00', `GET /metrics%00 HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with an encoded path', `GET /%6detrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['in absolute form', `GET http://localhost/metrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['POST', `POST /metrics HTTP/1.1\r\n${host}\r\nContent-Length: 0\r\n\r\n`, 405],
    ['DELETE', `DELETE /metrics HTTP/1.1\r\n${host}\r\n\r\n`, 405],
    ['with an unknown method', `BREW /metrics HTTP/1.1\r\n${host}\r\n\r\n`, 400],
    ['with a body', `GET /metrics HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\n\r\nabc`, 400],
    ['with a chunked body', `GET /metrics HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [
      'with length and encoding both',
      `GET /metrics HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['with two lengths', `GET /metrics HTTP/1.1\r\n${host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na`, 400],
    ['without Host', 'GET /metrics HTTP/1.1\r\n\r\n', 400],
    ['of a rebound name', 'GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n', 421],
    ['of a name that begins like loopback', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n', 421],
    ['of ::1 with a port', 'GET /metrics HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n', 200],
    ['of an allowed name', 'GET /metrics HTTP/1.1\r\nHost: NODE1.example:9464\r\n\r\n', 200],
    ['with a header of 20 KB', `GET /metrics HTTP/1.1\r\n${host}\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['that is not HTTP', '\u0016\u0003\u0001\u0002\r\n\r\n', 400],
  ]
  for (const [name, raw, status] of cases)
    test(`${name} is answered ${status}`, async () => {
      const { port } = await serve()
      expect(statusOf(await talk(port, raw))).toBe(status)
    })
})

test('HEAD and errors to HEAD carry no body', async () => {
  const { port } = await serve()
  expect(await talk(port, 'HEAD /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n')).toMatch(/\r\n\r\n$/)
  expect(await talk(port, 'HEAD /x HTTP/1.0\r\nHost: localhost\r\n\r\n')).toMatch(/\r\n\r\n$/)
})

test('the format follows Accept, and gzip Accept-Encoding', async () => {
  const { port } = await serve()
  const url = `http://127.0.0.1:${port}/metrics`
  const plain = await fetch(url, { headers: { 'accept-encoding': 'identity' } })
  expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await plain.text()).toBe(page)
  // What Prometheus 2.42 sends.
  const accept =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
  const open = await fetch(url, { headers: { accept } })
  expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  for (const [encoding, zipped] of [
    ['gzip', true],
    ['br, gzip;q=0.8', true],
    ['gzip;q=0', false],
    ['br', false],
  ] as const) {
    const raw = await talk(port, `GET /metrics HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: ${encoding}\r\n\r\n`)
    expect(raw.includes('Content-Encoding: gzip'), encoding).toBe(zipped)
    if (zipped) expect(gunzipSync(Buffer.from(raw.slice(raw.indexOf('\r\n\r\n') + 4), 'latin1')).toString()).toBe(page)
  }
})

test('256 connections that send nothing keep nobody out: the one that waited longest makes room', async () => {
  const { port } = await serve()
  const idle: Socket[] = []
  for (let n = 0; n < 256; n++) idle.push(await opened(port))
  const first = collect(idle[0]!)
  let others = 0
  for (const socket of idle.slice(1)) socket.on('close', () => others++)
  expect(statusOf(await talk(port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'))).toBe(200)
  expect(statusOf(await first)).toBe(408)
  // All the rest are still welcome to ask.
  const last = collect(idle[1]!)
  idle[1]!.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect(statusOf(await last)).toBe(200)
  expect(others).toBe(1)
  for (const socket of idle) socket.destroy()
})

test('a connection kept open between two requests gives way like one that has not asked, and in its turn', async () => {
  const { port } = await serve()
  const scraper = await opened(port)
  scraper.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await new Promise((resolve) => scraper.once('data', resolve))
  const idle: Socket[] = []
  for (let n = 0; n < 255; n++) idle.push(await opened(port))
  const closed = new Promise((resolve) => scraper.once('close', resolve))
  idle.push(await opened(port))
  await closed
  for (const socket of idle) socket.destroy()
})

test('while all 256 are being answered, the next is told 503 and nobody loses his place', async () => {
  const asked: ServerResponse[] = []
  let refused = 0
  const http = createHttpServer((request, response) => {
    if (!places.has(request.socket)) return void request.socket.destroy()
    places.asked(request.socket, response)
    asked.push(response)
  })
  const places = keepPlaces(http, (add) => {
    refused += add
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => {
    http.close()
    http.closeAllConnections()
  })
  const { port } = http.address() as { port: number }
  const answers: Promise<string>[] = []
  for (let n = 0; n < 256; n++) {
    const socket = await opened(port)
    answers.push(collect(socket))
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  }
  while (asked.length < 256) await new Promise((resolve) => setImmediate(resolve))
  expect(statusOf(await talk(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))).toBe(503)
  expect(refused).toBe(1)
  for (const response of asked) response.end()
  expect(new Set((await Promise.all(answers)).map(statusOf))).toEqual(new Set([200]))
})

test('who asks and then reads nothing is cut off', async () => {
  const { port } = await serve({ stalledMs: 200, render: () => 'x'.repeat(2 ** 25) })
  const reader = await opened(port)
  reader.pause()
  reader.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  // The server's end of the connection: 01 is ESTABLISHED (include/net/tcp_states.h).
  const serverEnd = `:${port.toString(16).toUpperCase().padStart(4, '0')} 0100007F:${reader.localPort!.toString(16).toUpperCase().padStart(4, '0')} 01`
  while (readFileSync('/proc/net/tcp', 'utf8').includes(serverEnd))
    await new Promise((resolve) => setImmediate(resolve))
  const answer = collect(reader)
  reader.resume()
  expect((await answer).length).toBeLessThan(2 ** 25)
})

test('a page that cannot be made is answered 500, and the next one is served', async () => {
  // V8's strings end at 512 MiB; this throws what a page beyond it throws.
  let longest = () => 'x'.repeat(2 ** 29)
  const failures: unknown[] = []
  const { port } = await serve({ render: () => longest(), onFailure: (error) => failures.push(error) })
  const url = `http://127.0.0.1:${port}/metrics`
  expect((await fetch(url)).status).toBe(500)
  expect(failures.map(String)).toEqual(['RangeError: Invalid string length'])
  longest = () => page
  expect((await fetch(url)).status).toBe(200)
})

test('a client that never ends its header is cut off, and others are served meanwhile', async () => {
  const { port } = await serve({ headersMs: 300 })
  const slow = await opened(port)
  const answer = collect(slow)
  slow.write('GET /metrics HTTP/1.1\r\nHost: local')
  expect(statusOf(await talk(port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'))).toBe(200)
  expect(statusOf(await answer)).toBe(408)
})

test('a thousand clients that send nothing, or never to the end, are all got rid of, and the next is served', async () => {
  const { port } = await serve({ headersMs: 500 })
  const closed = Array.from({ length: 1000 }, (_, n) => {
    const socket = connect({ host: '127.0.0.1', port })
    if (n % 2 === 0) socket.write('GET /metrics HTTP/1.1\r\nHost: local')
    return collect(socket)
  })
  // The server ends every one; who had sent what was not read yet may see a reset (NaN) before what it is told.
  const statuses = (await Promise.all(closed)).map(statusOf)
  expect(new Set(statuses.filter((status) => !Number.isNaN(status)))).toEqual(new Set([408]))
  expect(await statusOncePlaced(port)).toBe(200)
})

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
    const scrape = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
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

  test('a page larger than any string is told as degraded, with what to do; a page that fits heals it', async () => {
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
    expect((await fetch(url)).status).toBe(500)
    expect(host.last).toEqual({
      state: 'degraded',
      reason: 'the page cannot be made: Invalid string length; lower max_series',
    })
    expect(telemetry.errors).toEqual(new Map([['page_failed', 1]]))
    expect(telemetry.counters.get('requests_refused')).toBe(1)
    await clock.advance(300_000)
    expect((await fetch(url)).status).toBe(200)
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

// --- helpers ---

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

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

async function serve(part: Partial<ScrapeServerSettings> = {}): Promise<{ port: number; server: ScrapeServer }> {
  const server = await listenForScrapes({
    address: { host: '127.0.0.1', port: 0, loopback: true },
    path: '/metrics',
    allowedHosts: ['node1.example'],
    render: () => page,
    onAnswer: () => {},
    onRefusal: () => {},
    onFailure: () => {},
    ...part,
  })
  cleanUps.push(() => server.close())
  return { port: server.address.port, server }
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => resolve(socket))
    socket.on('error', reject)
  })
}

/** Sends raw bytes and returns the answer (latin1) once its head is complete and the server closed or paused. */
async function talk(port: number, raw: string): Promise<string> {
  const socket = await opened(port)
  const answer = collect(socket)
  socket.write(raw, 'latin1')
  // Not before the answer begins: Node's server drops a request whose client has half-closed.
  socket.once('data', () => socket.end())
  return answer
}

/** Asks until there is a place: the server learns of a closed connection a little later than who closed it. */
async function statusOncePlaced(port: number): Promise<number> {
  for (;;) {
    const raw = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    const status = statusOf(await talk(port, raw))
    if (status !== 503) return status
  }
}

function collect(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => resolve(text))
    socket.on('close', () => resolve(text))
  })
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
}
