import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type Batch, batchOf } from '../../src/data/batch.js'
import { schema } from '../../src/exporters/otlp/config.js'
import { createOtlpExporter } from '../../src/exporters/otlp/otlp.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { sampleEvent, sampleSpan } from '../../src/testkit/sample.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { waitFor } from '../lab/lab.js'
import { marksOf } from '../support/otlp-backend/marks.mjs'
import { type BackendOptions, type OtlpBackend, startOtlpBackend } from '../support/otlp-backend/otlp-backend.js'
import { makeAuthority } from '../support/tls-files.js'

// The exporter against a real backend over OTLP/HTTP: what is delivered, what is dropped, what is never told.

const cleanUps: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function backendWith(options: BackendOptions = {}): Promise<OtlpBackend> {
  const backend = await startOtlpBackend(options)
  cleanUps.push(() => backend.stop())
  return backend
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'unitscope-http-'))
  cleanUps.push(() => rmSync(made, { recursive: true, force: true }))
  return made
}

function items(from: number, count: number): Batch {
  const numbers = Array.from({ length: count }, (_, n) => from + n)
  const body = (seq: number): string => `line ${seq}`
  return batchOf({
    events: numbers
      .filter((seq) => seq % 2 === 0)
      .map((seq) => sampleEvent({ body: body(seq), attributes: { ...marksOf('a', seq, body(seq)) } })),
    spans: numbers
      .filter((seq) => seq % 2 === 1)
      .map((seq) => sampleSpan({ name: body(seq), attributes: { ...marksOf('a', seq, body(seq)) } })),
  })
}

async function exporterTo(written: object) {
  const telemetry = new RecordingTelemetry()
  const host = new TestHost()
  const lines: string[] = []
  const say = (message: string, fields: object = {}): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
  const logger = { debug: say, info: say, warn: say, error: say }
  const settings = testSettings('exporter', 'otlp', { clock: systemClock, telemetry, logger })
  const config = createTestConfig(schema, {
    protocol: 'http',
    retry: { initial_delay: '20ms', max_delay: '50ms' },
    sending_queue: { request_interval: '0s', shutdown_timeout: '100ms' },
    ...written,
  })
  const exporter = createOtlpExporter(settings, config)
  cleanUps.push(() => exporter.shutdown())
  await exporter.start(host)
  return { exporter, telemetry, host, lines }
}

const all = (end: number) => ({ end, distinct: end, duplicates: 0, damaged: 0, missing: [] })

test.each([
  ['proto', ''],
  ['proto', '/tenants/one'],
  ['json', ''],
])('as %s under "%s" everything arrives, once, over connections that are kept', async (encoding, pathPrefix) => {
  const backend = await backendWith({ pathPrefix })
  const { exporter, telemetry } = await exporterTo({ encoding, endpoint: `http://${backend.http}${pathPrefix}` })
  for (let from = 0; from < 2000; from += 100) expect(await exporter.consume(items(from, 100))).toEqual({ kind: 'ok' })
  await backend.until('all of it', ({ runs }) => runs['a']?.distinct === 2000)
  await waitFor('the account', () => telemetry.processedItems === 2000)
  const { runs, accepted, headers } = await backend.report()
  expect(runs['a']).toEqual(all(2000))
  expect(accepted).toBeLessThanOrEqual(4)
  expect(headers).toMatchObject({ 'content-type': encoding === 'json' ? 'application/json' : 'application/x-protobuf' })
  expect(telemetry.drops.size).toBe(0)
})

test('over mutual TLS with a token from a file: a new token is used, the old one is never told', async () => {
  const made = folder()
  const authority = makeAuthority(made, 'ca')
  const { keyFile, certFile } = authority.issue('server', ['DNS:otel.test'])
  const client = authority.issue('agent', ['DNS:agent.test'])
  const backend = await backendWith({ tls: { keyFile, certFile, caFile: authority.caFile } })
  const token = join(made, 'token')
  writeFileSync(token, 'sk-first-0123\n', { mode: 0o600 })
  const { exporter, lines, host } = await exporterTo({
    endpoint: `https://${backend.http}`,
    tls: { ca_file: authority.caFile, server_name: 'otel.test', cert_file: client.certFile, key_file: client.keyFile },
    bearer_token_file: token,
    headers: { 'x-scope-orgid': 'one' },
  })
  await exporter.consume(items(0, 2))
  const first = await backend.until('the first', ({ runs }) => runs['a']?.distinct === 2)
  expect(first.headers).toMatchObject({ authorization: 'Bearer sk-first-0123', 'x-scope-orgid': 'one' })
  writeFileSync(`${token}.new`, 'sk-second-0123\n', { mode: 0o600 })
  renameSync(`${token}.new`, token)
  await waitFor('the change to be seen', () => lines.some((line) => line.startsWith('a secret has changed')))
  await backend.script({
    rules: [{ answer: { kind: 'status', http: 401, message: 'sk-first-0123 and sk-second-0123 have expired' } }],
  })
  await exporter.consume(items(2, 2))
  await waitFor('the trouble', () => host.last?.state === 'degraded')
  expect(host.last).toEqual({
    state: 'degraded',
    reason: 'HTTP 401: [REDACTED] and [REDACTED] have expired; data is dropped',
  })
  const { headers } = await backend.report()
  expect(headers['authorization']).toBe('Bearer sk-second-0123')
  expect(lines.join('\n')).not.toMatch(/sk-(first|second)/)
})

describe('a redirect', () => {
  test('is not followed: who it leads to sees nothing, and the loss is counted', async () => {
    const other = await backendWith()
    const backend = await backendWith()
    await backend.script({
      rules: [{ answer: { kind: 'page', http: 307, headers: { location: `http://${other.http}/v1/logs?key=abc` } } }],
    })
    const { exporter, telemetry, host } = await exporterTo({ endpoint: `http://${backend.http}` })
    await exporter.consume(items(0, 10))
    await waitFor('the drops', () => telemetry.drops.get('permanent') === 10)
    expect((await other.report()).accepted).toBe(0)
    expect(host.last).toMatchObject({ reason: expect.stringMatching(/^HTTP 307: a redirect to ".*", which is not f/) })
    expect(JSON.stringify(host.last)).not.toContain('key=abc')
  })
})

test('goes by way of the proxy that is named, with its credentials, over both protocols', async () => {
  const asked: string[] = []
  const proxy = createServer().on('connect', ({ url, headers }, client) => {
    asked.push(`${url} ${headers['proxy-authorization']}`)
    const [host, port] = url!.split(':')
    const upstream = connect(Number(port), host!).on('error', () => client.destroy())
    client.on('error', () => upstream.destroy()).write('HTTP/1.1 200 OK\r\n\r\n')
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => proxy.close())
  const proxy_url = `http://me:pw@127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const backend = await backendWith()
  for (const [protocol, endpoint] of [
    ['http', `http://${backend.http}`],
    ['grpc', `http://${backend.grpc}`],
  ]) {
    const { exporter } = await exporterTo({ protocol, endpoint, proxy_url, sending_queue: { concurrency: 1 } })
    await exporter.consume(items(0, 1))
    await backend.until(`one over ${protocol}`, ({ lastTries }) => lastTries.at(-1)?.protocol === protocol)
    expect(asked).toContain(`${endpoint!.slice(7)} Basic ${Buffer.from('me:pw').toString('base64')}`)
  }
})

test('two endpoints: when the first dies everything goes to the second, and back when it is up again; nothing is lost', async () => {
  const [first, second] = [await backendWith(), await backendWith()]
  const { exporter, telemetry, lines } = await exporterTo({
    endpoints: [`http://${first.http}`, `http://${second.http}`],
    circuit_breaker: { timeout: '300ms' },
  })
  const send = async (from: number): Promise<void> => {
    for (let at = from; at < from + 1000; at += 50) await exporter.consume(items(at, 50))
    await waitFor('the account', () => telemetry.processedItems === from + 1000)
  }
  await send(0)
  expect((await second.report()).tries).toBe(0)
  await first.down()
  await send(1000)
  expect((await second.run('a')).distinct).toBe(1000)
  await first.up()
  await waitFor('the first to be probed', async () => {
    await exporter.consume(items(0, 1)) // a duplicate on purpose: only traffic probes
    return lines.some((line) => line.startsWith('an endpoint is back'))
  })
  expect((await first.run('a')).distinct).toBe(1000)
  expect(telemetry.drops.size).toBe(0)
})
