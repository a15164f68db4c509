import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { type Outcome, ok, permanent, retryable } from '../../../../src/component/outcome.js'
import { batchOf } from '../../../../src/data/batch.js'
import { otlpJsonLines } from '../../../../src/lib/otlp/json.js'
import { HttpEndpoint } from '../../../../src/receivers/otlp/http.js'
import { Intake } from '../../../../src/receivers/otlp/intake.js'
import { sampleEvent, sampleGauge, sampleSpan } from '../../../../src/testkit/sample.js'
import { testSettings } from '../../../../src/testkit/test-settings.js'
import { ByteBudget } from '../../../../src/util/byte-budget.js'
import { freePort } from '../../../support/free-port.js'
import { decodeMessage, hexed } from '../../../support/otlp-sink/decode.js'
import { cleanUp, own, requestOf, startHttpReceiver } from './rig.js'

afterEach(cleanUp)

const kProtobuf = 'application/x-protobuf'
const kJson = 'application/json'
const spans = [sampleSpan(), sampleSpan({ name: 'second' })]
const protobuf = requestOf({ spans })
const [json] = otlpJsonLines(batchOf({ spans }), { name: 'test', version: '1' }) as [string]

async function post(
  port: number,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
  path = '/v1/traces',
  method = 'POST',
) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { 'content-type': kProtobuf, ...headers },
    ...(method === 'GET' ? {} : { body }),
  })
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) }
}

const bytes = (of: Buffer): Uint8Array<ArrayBuffer> => Uint8Array.from(of)

describe('a program that speaks OTLP over HTTP', () => {
  const forms = [
    ['protobuf', bytes(protobuf), { 'content-type': kProtobuf }],
    ['JSON', json, { 'content-type': `${kJson}; charset=utf-8` }],
    ['protobuf in gzip', bytes(gzipSync(protobuf)), { 'content-type': kProtobuf, 'content-encoding': 'gzip' }],
    ['JSON in gzip', bytes(gzipSync(json)), { 'content-type': kJson, 'content-encoding': 'gzip' }],
  ] as const
  for (const [name, body, headers] of forms)
    test(`delivers ${name}, and is answered in its own form`, async () => {
      const { port, batches } = await startHttpReceiver()
      const answer = await post(port, body, headers)
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, headers['content-type'].split(';')[0]])
      expect(answer.body.toString()).toBe(name.startsWith('JSON') ? '{}' : '')
      expect(batches.flatMap((batch) => batch.spans.map((span) => span.name))).toEqual(['work', 'second'])
    })

  test('finds each signal at its path', async () => {
    const { port, batches } = await startHttpReceiver()
    expect((await post(port, bytes(requestOf({ events: [sampleEvent()] })), {}, '/v1/logs')).status).toBe(200)
    expect((await post(port, bytes(requestOf({ metrics: [sampleGauge()] })), {}, '/v1/metrics')).status).toBe(200)
    expect(batches.map(({ events, metrics }) => [events.length, metrics.length])).toEqual([
      [1, 0],
      [0, 1],
    ])
  })

  test('is told to wait by 503 and Retry-After, and not to try again by 400', async () => {
    const later = await startHttpReceiver({}, () => retryable('the queue is full', 2500))
    const waited = await post(later.port, bytes(protobuf))
    expect([waited.status, waited.headers.get('retry-after')]).toEqual([503, '3'])
    expect(decodeMessage('RpcStatus', waited.body)).toMatchObject({ message: 'the queue is full' })
    const never = await startHttpReceiver({}, () => permanent('poison'))
    const refused = await post(never.port, json, { 'content-type': kJson })
    expect([refused.status, JSON.parse(refused.body.toString())]).toEqual([400, { code: 3, message: 'poison' }])
  })

  test('is told of spans without valid IDs', async () => {
    const { port } = await startHttpReceiver()
    const spoilt = json.replace(/"traceId":"[0-9a-f]+"/, '"traceId":"0011"')
    const answer = await post(port, spoilt, { 'content-type': kJson })
    expect(JSON.parse(answer.body.toString())).toMatchObject({ partialSuccess: { rejectedSpans: '1' } })
  })
})

describe('what is no request is refused', () => {
  const zeros = gzipSync(Buffer.alloc(4 * 2 ** 20))
  const cases: readonly [string, Parameters<typeof post> extends [number, ...infer R] ? R : never, number][] = [
    ['cut off', [bytes(protobuf.subarray(0, 30))], 400],
    ['no JSON', ['{', { 'content-type': kJson }], 400],
    ['not gzip', [bytes(protobuf), { 'content-encoding': 'gzip' }], 400],
    ['another type', ['x', { 'content-type': 'text/plain' }], 415],
    ['another encoding', ['x', { 'content-encoding': 'zstd' }], 415],
    ['another path', ['x', {}, '/v1/profiles'], 404],
    ['a path with a query', ['x', {}, '/v1/traces?a=b'], 404],
    ['another method', ['x', {}, '/v1/traces', 'GET'], 405],
    ['too large', [new Uint8Array(70_000)], 413],
    ['4 MiB of zeros in 4 KiB of gzip', [bytes(zeros), { 'content-encoding': 'gzip' }], 413],
  ]
  for (const [name, args, status] of cases)
    test(`${name}: ${status}`, async () => {
      const { port, batches, telemetry, receiver } = await startHttpReceiver({ max_request_size: '64KiB' })
      expect((await post(port, ...args)).status).toBe(status)
      expect(batches).toEqual([])
      expect(telemetry.counters.get('requests_refused')).toBe(1)
      await receiver.shutdown()
      expect(telemetry.gauges.get('held_bytes')?.()).toBe(0)
    })

  test('of JSON the field is named, for a byte of what was made of it would tell nobody anything', async () => {
    const { port } = await startHttpReceiver()
    const json = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"x"}]}]}]}'
    const { body } = await post(port, json, { 'content-type': kJson }, '/v1/logs')
    const answer = JSON.parse(body.toString()) as { message: string }
    expect(answer.message).toMatch(/^no request of logs: .*logRecords\[0\]\.timeUnixNano is no integer$/)
  })

  test('more than all requests may hold together: 503, and room again once the others are answered', async () => {
    let go: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const { port, batches } = await startHttpReceiver(
      { max_request_size: '64KiB', max_requests_size: '128KiB' },
      async () => {
        await gate
        return ok
      },
    )
    const big = bytes(requestOf({ spans: [sampleSpan({ attributes: { big: 'x'.repeat(60_000) } })] }))
    const held = [post(port, big), post(port, big)]
    while (batches.length < 2) await new Promise((resolve) => setImmediate(resolve))
    const refused = await post(port, big)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    go()
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200])
    expect((await post(port, big)).status).toBe(200)
  })

  test('a header of more than 16 KiB: 431', async () => {
    const { port } = await startHttpReceiver()
    expect((await post(port, bytes(protobuf), { 'x-long': 'a'.repeat(20_000) })).status).toBe(431)
  })

  test('two framings at once: 400', async () => {
    const { port } = await startHttpReceiver()
    const socket = connect(port, '127.0.0.1')
    socket.end(
      'POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    )
    const answer = await new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk) => (text += chunk)).on('close', () => resolve(text))
    })
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
  })
})

test('a pipeline that takes longer than a sender may be silent is waited for', async () => {
  const settings = testSettings('receiver', 'otlp')
  const next = { consume: () => new Promise<Outcome>((resolve) => setTimeout(() => resolve(ok), 3000)) }
  const port = await freePort()
  own(
    await HttpEndpoint.listen({
      ...{ host: '127.0.0.1', port, intake: new Intake(settings, next), silenceMs: 1000 },
      ...{ allows: () => true, metadataOf: () => undefined, maxRequestBytes: 65_536, maxConnections: 2 },
      budget: new ByteBudget(2 ** 20),
      ...{ onRefusal: () => {}, onConnectionRefused: () => {}, onFailure: () => {} },
    }),
  )
  expect((await post(port, bytes(protobuf))).status).toBe(200)
})

test('answers in protobuf say what a client of protobufjs reads', async () => {
  const { port } = await startHttpReceiver()
  const spoilt = Buffer.from(protobuf)
  spoilt.fill(
    0,
    spoilt.indexOf(Buffer.from(sampleSpan().traceId, 'hex')),
    spoilt.indexOf(Buffer.from(sampleSpan().traceId, 'hex')) + 16,
  )
  const { body } = await post(port, bytes(spoilt))
  expect(hexed(decodeMessage('ExportResponse', body))).toMatchObject({ partial_success: { rejected: '1' } })
})
