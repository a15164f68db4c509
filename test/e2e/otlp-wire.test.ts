import { constants, createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { concatBatches, countItems, type Signal, signals } from '../../src/data/batch.js'
import { schema } from '../../src/exporters/otlp/config.js'
import { createOtlpExporter } from '../../src/exporters/otlp/otlp.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { sampleBatch } from '../../src/testkit/sample.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { waitFor } from '../lab/lab.js'
import { completeRecords, sortedRecords } from '../support/otlp-sink/complete.js'
import { expectedRecords } from '../support/otlp-sink/expected.js'

// The bytes themselves, read by a bare HTTP/2 server that knows no gRPC library: gRPC's "PROTOCOL-HTTP2" document and
// OTLP's "OTLP/gRPC" section are what is checked here.

interface Call {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const paths: Readonly<Record<string, Signal>> = {
  '/opentelemetry.proto.collector.logs.v1.LogsService/Export': 'logs',
  '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export': 'metrics',
  '/opentelemetry.proto.collector.trace.v1.TraceService/Export': 'traces',
}

let server: Http2Server
let calls: Call[]
/** What the server sends back; the default is an empty message and status 0. */
let answer: (stream: ServerHttp2Stream) => void

beforeEach(async () => {
  calls = []
  answer = (stream) => message(stream, Buffer.alloc(0))
  server = createServer()
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', () => {}) // a client that gives up resets the stream
    stream.on('end', () => {
      calls.push({ headers, body: Buffer.concat(chunks) })
      answer(stream)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  server.close()
})

async function send(written: object, batch = sampleBatch()) {
  const host = new TestHost()
  const telemetry = new RecordingTelemetry()
  const exporter = createOtlpExporter(
    testSettings('exporter', 'otlp', { clock: systemClock, telemetry }),
    createTestConfig(schema, {
      endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      retry: { initial_delay: '20ms', max_delay: '20ms' },
      sending_queue: { shutdown_timeout: '50ms' },
      ...written,
    }),
  )
  cleanUps.push(() => exporter.shutdown())
  await exporter.start(host)
  expect(await exporter.consume(batch)).toEqual({ kind: 'ok' })
  return { batch, host, telemetry }
}

/** The one length-prefixed message of a unary request. */
function messageOf({ body }: Call): { readonly compressed: boolean; readonly bytes: Buffer } {
  expect(body.readUInt32BE(1)).toBe(body.length - 5)
  const compressed = body.readUInt8(0) === 1
  return { compressed, bytes: compressed ? gunzipSync(body.subarray(5)) : body.subarray(5) }
}

for (const [compression, copies, isCompressed] of [
  ['gzip', 100, true],
  ['gzip', 1, false], // a compressor for so little is more work than the bytes it saves
  ['none', 100, false],
  [undefined, 100, false], // to this machine there is nothing to be saved
] as const)
  test(`a request of ${copies} copies with compression ${compression ?? 'as it comes'} is what gRPC and OTLP say it is`, async () => {
    const headers = { 'x-api-key': 'k-123456', 'x-scope-orgid': 'tenant one' }
    const many = concatBatches(Array.from({ length: copies }, () => sampleBatch()))
    const { batch } = await send({ ...(compression && { compression }), headers, timeout: '7s' }, many)
    await waitFor('a request per signal', () => calls.length === 3)
    for (const call of calls) {
      expect(call.headers).toMatchObject({
        ':method': 'POST',
        ':scheme': 'http',
        'content-type': expect.stringMatching(/^application\/grpc/),
        te: 'trailers',
        'user-agent': expect.stringMatching(/^unitscope\/\d+\.\d+\.\d+/),
        ...headers,
      })
      // The server may stop working on what nobody waits for any more.
      const [, digits, unit] = /^(\d+)([mS])$/.exec(String(call.headers['grpc-timeout']))!
      const timeoutMs = Number(digits) * (unit === 'S' ? 1000 : 1)
      expect(timeoutMs).toBeLessThanOrEqual(7000)
      expect(timeoutMs).toBeGreaterThan(0)
      const { compressed, bytes } = messageOf(call)
      expect(compressed).toBe(isCompressed)
      expect(call.headers['grpc-encoding'] ?? 'identity').toBe(compression === 'gzip' ? 'gzip' : 'identity')
      const signal = paths[String(call.headers[':path'])]!
      expect(sortedRecords(completeRecords(signal, bytes))).toEqual(sortedRecords(expectedRecords(signal, batch)))
    }
    expect(calls.map((call) => paths[String(call.headers[':path'])]).sort()).toEqual([...signals])
  })

describe('what answers is no OTLP server just now: told, and repeated until one does', () => {
  const cases: readonly [string, (stream: ServerHttp2Stream) => void, RegExp][] = [
    ['a proxy without a backend (HTTP 503 with a page)', (stream) => page(stream, 503, 'x'.repeat(5000)), /^UNAVAIL/],
    ['a stream that is reset', (stream) => stream.close(constants.NGHTTP2_CANCEL), /^CANCELLED/],
    [
      'a connection that is closed before the answer',
      (stream) => stream.session?.destroy(),
      /^(INTERNAL|UNAVAIL|CANCEL)/,
    ],
    [
      'a stream that ends without a status',
      (stream) => stream.close(constants.NGHTTP2_NO_ERROR),
      /^INTERNAL: Received/,
    ],
    ['a server that crashes in a stream', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR), /^INTERNAL: Rec/],
    ['a proxy that sheds load', (stream) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM), /^RESOURCE_EXHAUSTED/],
    ['a server that never answers', () => {}, /^DEADLINE_EXCEEDED: /],
    ['a proxy that refuses the stream', (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM), /^UNAVAILABLE/],
  ]
  for (const [name, wrong, reason] of cases)
    test(name, async () => {
      const right = answer
      answer = wrong
      // Where an answer comes nobody waits for so long: it is read late while this process stands still.
      const { host, telemetry } = await send(reason.test('DEADLINE_EXCEEDED: ') ? { timeout: '400ms' } : {})
      await waitFor('the trouble to be told', () => host.last?.state === 'degraded')
      const { reason: told } = host.last as { reason: string }
      expect(told).toMatch(reason)
      expect(told.length).toBeLessThan(300)
      answer = right
      await waitFor('everything to be delivered', () => telemetry.processedItems === countItems(sampleBatch()))
      expect(host.last).toEqual({ state: 'ok' })
      expect(telemetry.drops.size).toBe(0)
    })
})

test('a peer that takes the connection and says nothing is given up in time, and shutdown does not wait for it', async () => {
  const sockets: Socket[] = []
  const silent = createTcpServer((socket) => void sockets.push(socket.on('error', () => {})))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const endpoint = `127.0.0.1:${(silent.address() as AddressInfo).port}`
  const { host, telemetry } = await send({ endpoint, timeout: '200ms' })
  await waitFor('the trouble to be told', () => host.last?.state === 'degraded')
  expect(host.last).toMatchObject({ reason: expect.stringMatching(/^DEADLINE_EXCEEDED: /) })
  await cleanUps.pop()!() // the exporter's shutdown
  expect(telemetry.drops).toEqual(new Map([['shutdown', countItems(sampleBatch())]]))
  expect(sockets.length).toBeLessThanOrEqual(1)
})

describe('what answers is no OTLP server at all: asked once per request, and counted', () => {
  const cases: readonly [string, (stream: ServerHttp2Stream) => void][] = [
    ['a server for something else (HTTP 404)', (stream) => page(stream, 404, 'not found')],
    ['an answer of a megabyte', (stream) => message(stream, Buffer.alloc(2 ** 20))],
  ]
  for (const [name, wrong] of cases)
    test(name, async () => {
      answer = wrong
      const { telemetry } = await send({})
      await waitFor('everything to be counted', () => telemetry.drops.get('permanent') === countItems(sampleBatch()))
      expect(calls).toHaveLength(3)
      expect(telemetry.processedItems).toBe(0)
    })
})

function page(stream: ServerHttp2Stream, status: number, text: string): void {
  stream.respond({ ':status': status, 'content-type': 'text/html' })
  stream.end(text)
}

/** A gRPC answer: one message, not compressed, and status OK. */
function message(stream: ServerHttp2Stream, bytes: Buffer): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes.length, 1)
  stream.end(Buffer.concat([head, bytes]))
}
