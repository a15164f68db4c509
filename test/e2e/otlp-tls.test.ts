import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { countItems } from '../../src/data/batch.js'
import { schema } from '../../src/exporters/otlp/config.js'
import { createOtlpExporter } from '../../src/exporters/otlp/otlp.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { sampleBatch } from '../../src/testkit/sample.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { waitFor } from '../lab/lab.js'
import { startOtlpBackend } from '../support/otlp-backend/otlp-backend.js'
import { type OtlpSink, startOtlpSink } from '../support/otlp-sink/otlp-sink.js'
import { type Authority, type KeyPair, makeAuthority } from '../support/tls-files.js'

// The exporter against real TLS servers, with certificates openssl made a moment ago.

let folder: string
let ours: Authority
let strangers: Authority
let server: KeyPair
let client: KeyPair
let strangeClient: KeyPair

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-tls-'))
  ours = makeAuthority(folder, 'ours')
  strangers = makeAuthority(folder, 'strangers')
  server = ours.issue('server', ['DNS:otel.test'])
  client = ours.issue('client', ['DNS:client.test'])
  strangeClient = strangers.issue('client', ['DNS:client.test'])
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve(mode: 'tls' | 'mutual' | 'plain'): Promise<OtlpSink> {
  const [key, cert, ca] = [server.keyFile, server.certFile, ours.caFile].map((file) => readFileSync(file))
  const tls = mode === 'plain' ? {} : { tls: { key: key!, cert: cert!, ...(mode === 'mutual' ? { ca: ca! } : {}) } }
  const sink = await startOtlpSink(tls)
  cleanUps.push(() => sink.close())
  return sink
}

async function connect(sink: { readonly address: string }, scheme: string, tls: object, more: object = {}) {
  const telemetry = new RecordingTelemetry()
  const host = new TestHost()
  const exporter = createOtlpExporter(
    testSettings('exporter', 'otlp', { clock: systemClock, telemetry }),
    createTestConfig(schema, {
      endpoint: `${scheme}${sink.address}`,
      tls,
      sending_queue: { shutdown_timeout: '50ms' },
      ...more,
    }),
  )
  cleanUps.push(() => exporter.shutdown())
  await exporter.start(host)
  expect(await exporter.consume(sampleBatch())).toEqual({ kind: 'ok' })
  return { telemetry, host, exporter }
}

describe('is delivered', () => {
  const cases: readonly [string, 'tls' | 'mutual' | 'plain', string, () => object][] = [
    ['to a server our authority vouches for', 'tls', 'https://', () => trusted()],
    ['to this machine over TLS when asked to', 'tls', '', () => ({ insecure: false, ...trusted() })],
    ['with our certificate, where the server wants one', 'mutual', 'https://', () => ({ ...trusted(), ...as(client) })],
    ['to this machine in plain text', 'plain', '', () => ({})],
    ['in plain text when asked to', 'plain', 'http://', () => ({})],
  ]
  for (const [name, mode, scheme, tls] of cases)
    test(name, async () => {
      const sink = await serve(mode)
      const { telemetry } = await connect(sink, scheme, tls())
      await sink.until(() => sink.received.length === 3)
      await waitFor('the account', () => telemetry.processedItems > 0)
      expect(telemetry.drops.size).toBe(0)
    })
})

describe('is kept, then counted as dropped, and the reason is said', () => {
  const cases: readonly [string, 'tls' | 'mutual' | 'plain', string, () => object, RegExp][] = [
    ['by an authority nobody here knows', 'tls', 'https://', () => ({ server_name: 'otel.test' }), /certificate/],
    ['by a wrong authority', 'tls', 'https://', () => ({ ...trusted(), ca_file: strangers.caFile }), /certificate/],
    ['under another name', 'tls', 'https://', () => ({ ca_file: ours.caFile }), /altnames.*127\.0\.0\.1/],
    ['without our certificate, though it is wanted', 'mutual', 'https://', () => trusted(), /UNAVAILABLE/],
    ['with a stranger’s certificate', 'mutual', 'https://', () => ({ ...trusted(), ...as(strangeClient) }), /UNAVAIL/],
    ['in plain text where we want TLS', 'plain', 'https://', () => trusted(), /UNAVAILABLE/],
    ['over TLS where we speak plain text', 'tls', 'http://', () => ({}), /UNAVAILABLE/],
  ]
  for (const [name, mode, scheme, tls, reason] of cases)
    test(`a server ${name}`, async () => {
      const sink = await serve(mode)
      const { telemetry, host, exporter } = await connect(sink, scheme, tls())
      await waitFor('the trouble', () => host.last?.state === 'degraded')
      expect(host.last).toMatchObject({ reason: expect.stringMatching(reason) })
      await exporter.shutdown()
      expect(sink.tries).toBe(0)
      expect(telemetry.processedItems).toBe(0)
      expect([...telemetry.drops.keys()]).toEqual(['shutdown'])
    })
})

describe('a client certificate that is replaced while the exporter runs', () => {
  // Both at once: files are looked at each ten seconds.
  test('is used without a restart, over gRPC and HTTP: what was refused until then is delivered', async () => {
    await Promise.all((['grpc', 'http'] as const).map(replaced))
  })

  async function replaced(protocol: 'grpc' | 'http'): Promise<void> {
    const backend = await startOtlpBackend({
      tls: { keyFile: server.keyFile, certFile: server.certFile, caFile: ours.caFile },
    })
    cleanUps.push(() => backend.stop())
    const [certFile, keyFile] = [join(folder, `${protocol}.crt`), join(folder, `${protocol}.key`)]
    copyFileSync(strangeClient.certFile, certFile)
    copyFileSync(strangeClient.keyFile, keyFile)
    const { telemetry, host } = await connect(
      { address: backend[protocol] },
      'https://',
      {
        ...trusted(),
        ...as({ certFile, keyFile }),
      },
      { protocol, retry: { initial_delay: '50ms', max_delay: '200ms' }, circuit_breaker: { timeout: '200ms' } },
    )
    await waitFor('the trouble', () => host.last?.state === 'degraded')
    copyFileSync(client.certFile, certFile)
    copyFileSync(client.keyFile, keyFile)
    await waitFor('all of it', () => telemetry.processedItems === countItems(sampleBatch()))
    expect(telemetry.drops.size).toBe(0)
    expect(telemetry.gauges.get('tls_certificate_days_left')!()).toBeGreaterThan(0)
    expect(host.last).toEqual({ state: 'ok' })
  }
})

function trusted(): object {
  return { ca_file: ours.caFile, server_name: 'otel.test' }
}

function as({ certFile, keyFile }: KeyPair): object {
  return { cert_file: certFile, key_file: keyFile }
}
