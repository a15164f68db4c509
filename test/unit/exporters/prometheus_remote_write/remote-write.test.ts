import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { uncompress } from 'snappyjs'
import { afterEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../../../src/component/logger.js'
import { batchOf } from '../../../../src/data/batch.js'
import { schema } from '../../../../src/exporters/prometheus_remote_write/config.js'
import { createRemoteWriteExporter } from '../../../../src/exporters/prometheus_remote_write/remote-write.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { makeAuthority } from '../../../support/tls-files.js'
import { failure, gauge, host, unitOf } from '../prometheus/fixture.js'

// Servers that behave as no healthy Prometheus does; the real one is in test/e2e/prometheus-remote-write.test.ts. Time stands
// still unless a test moves it: a busy machine may take longer than any limit for an answer that was given at once.

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

describe('a server in trouble', () => {
  test('429 and 503 are tried again, no sooner than it asks for', async () => {
    const answers = [
      { status: 429, retryAfter: '1' },
      { status: 503, retryAfter: undefined },
      { status: 204, retryAfter: undefined },
    ]
    const clock = new FakeClock()
    const at: number[] = []
    const { url, requests } = await serving((_, response) => {
      const { status, retryAfter } = answers[at.length]!
      at.push(clock.monotonicMs())
      response.writeHead(status, retryAfter === undefined ? {} : { 'Retry-After': retryAfter }).end()
    })
    const settings = {
      retry: { initial_delay: '1ms', max_delay: '1ms' },
      // A server that asks for time is left alone by everybody; then one request tries.
      circuit_breaker: { timeout: '1ms' },
    }
    const { exporter, telemetry } = await started(url, settings, true, clock)
    await exporter.consume(points(1))
    await retried(telemetry, 1)
    await clock.advance(999)
    expect(at).toEqual([0])
    await clock.advance(1)
    await retried(telemetry, 2)
    await clock.advance(10)
    await exporter.shutdown()
    expect(requests).toHaveLength(3)
    expect(at[1]).toBe(1000)
    expect(telemetry.processedItems).toBe(1)
    expect(telemetry.counters.get('retries')).toBe(2)
  })

  test('one that does not answer is given up after the timeout', async () => {
    const { url, requests } = await serving((_, response) => {
      if (requests.length > 1) response.writeHead(204).end()
    })
    const clock = new FakeClock()
    const settings = { timeout: '50ms', retry: { initial_delay: '1ms' } }
    const { exporter, telemetry } = await started(url, settings, true, clock)
    await exporter.consume(points(1))
    while (requests.length < 1) await settle()
    await clock.advance(49)
    expect(telemetry.errors.get('timeout')).toBe(undefined)
    await clock.advance(1)
    while (telemetry.errors.get('timeout') === undefined) await settle()
    await clock.advance(10)
    await exporter.shutdown()
    expect(requests).toHaveLength(2)
    expect(telemetry.processedItems).toBe(1)
    expect(telemetry.errors.get('timeout')).toBe(1)
  })

  test('an answer without end is not read to its end', async () => {
    const { url } = await serving((_, response) => {
      response.writeHead(400)
      const more = (): void =>
        void (response.write('no '.repeat(10_000)) ? setImmediate(more) : response.once('drain', more))
      more()
    })
    const { exporter, telemetry } = await started(url)
    await exporter.consume(points(1))
    await exporter.shutdown()
    expect([...telemetry.drops]).toEqual([['permanent', 1]])
  })

  test('a token that has expired is told as degraded, without the token', async () => {
    const { url } = await serving((request, response) => {
      response.writeHead(401).end(`unknown: ${request.headers.authorization}`)
    })
    const { exporter, told } = await started(url, { headers: { Authorization: 'Bearer s3cret' } })
    await exporter.consume(points(1))
    await exporter.shutdown()
    expect(told.last).toEqual({ state: 'degraded', reason: 'HTTP 401: unknown: [REDACTED]; data is dropped' })
  })
})

test('a token in a file is sent; the one that replaces it, too, and neither is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-remote-write-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'token')
  writeFileSync(file, 'sk-first-0123\n', { mode: 0o600 })
  const { url, requests } = await serving(({ headers }, response) => {
    if (headers.authorization?.endsWith('sk-first-0123')) response.writeHead(204).end()
    else response.writeHead(401).end('sk-first-0123 and sk-second-0123 have expired')
  })
  const clock = new FakeClock()
  const { exporter, told, said } = await started(
    url,
    { bearer_token_file: file, headers: { 'X-Scope-OrgID': 'team' } },
    true,
    clock,
  )
  await exporter.consume(points(1))
  while (requests.length < 1) await settle()
  writeFileSync(`${file}.new`, 'sk-second-0123\n', { mode: 0o600 })
  renameSync(`${file}.new`, file)
  await clock.advance(10_000)
  while (!said.includes('a secret has changed; the new one is used')) await settle()
  await exporter.consume(points(1))
  await exporter.shutdown()
  expect(requests[0]!.headers).toMatchObject({ authorization: 'Bearer sk-first-0123', 'x-scope-orgid': 'team' })
  expect(requests.at(-1)!.headers.authorization).toBe('Bearer sk-second-0123')
  expect(told.last).toEqual({
    state: 'degraded',
    reason: 'HTTP 401: [REDACTED] and [REDACTED] have expired; data is dropped',
  })
})

test('the request is what remote write 1.0 wants', async () => {
  const { url, requests } = await serving((_, response) => response.writeHead(204).end())
  const { exporter } = await started(`${url}/api/v1/push?a=b`, { headers: { 'X-Scope-OrgID': 'team' } })
  await exporter.consume(points(1))
  await exporter.shutdown()
  expect(requests).toHaveLength(1)
  const { method, path, headers, body } = requests[0]!
  expect({ method, path }).toEqual({ method: 'POST', path: '/api/v1/push?a=b' })
  expect(headers).toMatchObject({
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
    'x-prometheus-remote-write-version': '0.1.0',
    'user-agent': expect.stringMatching(/^unitscope\//),
    'x-scope-orgid': 'team',
  })
  const text = Buffer.from(uncompress(body)).toString('latin1')
  const names = ['__name__', 'index', 'instance', 'job']
  expect(names.map((name) => text.indexOf(name))).toEqual(names.map((name) => text.indexOf(name)).sort((a, b) => a - b))
  expect(text).toContain('node1')
})

test('over TLS: only a server that the authority vouches for, with our certificate', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-rw-'))
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  const authority = makeAuthority(folder, 'ca')
  const [server, client] = [authority.issue('server', ['DNS:prometheus.test']), authority.issue('agent', ['DNS:agent'])]
  const tls = {
    ca: readFileSync(authority.caFile),
    cert: readFileSync(server.certFile),
    key: readFileSync(server.keyFile),
    requestCert: true,
    rejectUnauthorized: true,
  }
  const { url, requests } = await serving((_, response) => response.writeHead(204).end(), tls)
  const files = { ca_file: authority.caFile, cert_file: client.certFile, key_file: client.keyFile }
  const good = await started(url, { tls: { ...files, server_name: 'prometheus.test' } })
  await good.exporter.consume(points(1))
  await good.exporter.shutdown()
  expect(good.telemetry.processedItems).toBe(1)

  const impatient = { retry: { max_retries: 1, initial_delay: '1ms' } }
  for (const wrong of [{ ...files, server_name: 'other.test' }, { server_name: 'prometheus.test' }]) {
    const clock = new FakeClock()
    const bad = await started(url, { tls: wrong, ...impatient }, true, clock)
    await bad.exporter.consume(points(1))
    await retried(bad.telemetry, 1)
    await clock.advance(10)
    await bad.exporter.shutdown()
    expect([...bad.telemetry.drops], JSON.stringify(wrong)).toEqual([['retry_exhausted', 1]])
  }
  expect(requests).toHaveLength(1)
})

describe('memory is bounded', () => {
  test('series beyond max_series are dropped and counted, those known go on', async () => {
    const { url } = await serving((_, response) => response.writeHead(204).end())
    const { exporter, telemetry } = await started(url, { max_series: 3 })
    expect(await exporter.consume(points(5))).toEqual({ kind: 'ok' })
    expect(await exporter.consume(points(5))).toEqual({ kind: 'ok' })
    await exporter.shutdown()
    expect([...telemetry.drops]).toEqual([['series_limit', 4]])
    expect(telemetry.processedItems).toBe(6)
    expect(telemetry.gauges.get('series')!()).toBe(3)
  })

  test('a batch that the full queue refuses leaves no trace: offered again, it is written as it was', async () => {
    const { url, requests } = await serving((_, response) => response.writeHead(204).end())
    const { exporter, telemetry } = await started(url, { sending_queue: { max_items: 3 } }, false)
    const [first, second] = [points(2), batchOf({ ...points(1), events: [failure(unitOf('a.service'), 1n)] })]
    expect(await exporter.consume(first)).toEqual({ kind: 'ok' })
    for (let times = 0; times < 3; times++) expect(await exporter.consume(second)).toMatchObject({ kind: 'retryable' })
    await exporter.start(new TestHost())
    while (telemetry.processedItems < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(await exporter.consume(second)).toEqual({ kind: 'ok' })
    await exporter.shutdown()
    expect([...telemetry.drops]).toEqual([])
    expect(telemetry.processedItems).toBe(4)
    expect(valuesIn(requests.at(-1)!.body)).toContain(1) // the event, counted once
    expect(valuesIn(requests.at(-1)!.body)).not.toContain(4)
  })

  test('series that ended make room', async () => {
    const { url } = await serving((_, response) => response.writeHead(204).end())
    const clock = new FakeClock()
    const { exporter, telemetry } = await started(url, { max_series: 3 }, true, clock)
    await exporter.consume(points(2))
    await clock.advance(330_000)
    expect(telemetry.gauges.get('series')!()).toBeLessThan(2)
    await Promise.all([exporter.shutdown(), clock.advance(6000)])
  })
})

let stamp = 1_700_000_000_000_000_000n

/** So many points, later than all before. */
function points(count: number) {
  stamp += 1_000_000_000n
  const of = (index: number) => ({ timeUnixNano: stamp, value: 42.5, attributes: { index } })
  return batchOf({
    metrics: [
      gauge(
        'some.level',
        '',
        host,
        Array.from({ length: count }, (_, at) => of(at)),
      ),
    ],
  })
}

/** Every double in the request, wherever one could stand: field 1, fixed64. */
function valuesIn(body: Uint8Array): readonly number[] {
  const raw = Buffer.from(uncompress(body))
  return Array.from({ length: Math.max(raw.length - 8, 0) }, (_, at) =>
    raw[at] === 9 ? raw.readDoubleLE(at + 1) : NaN,
  )
}

/** Until so many tries have failed, and the next one waits. */
async function retried(telemetry: RecordingTelemetry, times: number): Promise<void> {
  while (telemetry.counters.get('retries') !== times) await settle()
}

async function started(
  endpoint: string,
  written: Record<string, unknown> = {},
  start = true,
  clock: FakeClock = new FakeClock(),
) {
  const said: string[] = []
  const logger = { ...silentLogger, info: (text: string) => void said.push(text) }
  const settings = testSettings('exporter', 'prometheus_remote_write', { clock, logger })
  const exporter = createRemoteWriteExporter(settings, createTestConfig(schema, { endpoint, ...written }))
  const told = new TestHost()
  if (start) await exporter.start(told)
  return { exporter, told, said, telemetry: settings.telemetry as RecordingTelemetry }
}

interface Received {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

async function serving(answer: RequestListener, tls?: object) {
  const requests: Received[] = []
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method, url: path, headers } = request
    requests.push({ method, path, headers, body: Buffer.concat(chunks) })
    answer(request, response)
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  server.keepAliveTimeout = 0 // a connection that is closed after 5 s may be about to be used
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  cleanUps.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`, requests }
}
