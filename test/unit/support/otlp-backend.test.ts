import { afterEach, expect, test } from 'vitest'
import { type Batch, batchOf, type Signal } from '../../../src/data/batch.js'
import { GrpcClient } from '../../../src/lib/grpc/client.js'
import { OtlpEncoder } from '../../../src/lib/otlp/encode.js'
import { otlpJsonLines } from '../../../src/lib/otlp/json.js'
import { agentScope } from '../../../src/lib/otlp/scope.js'
import { sampleEvent, sampleGauge, sampleSpan } from '../../../src/testkit/sample.js'
import { systemClock } from '../../../src/util/clock.js'
import { marksOf } from '../../support/otlp-backend/marks.mjs'
import { type OtlpBackend, startOtlpBackend } from '../../support/otlp-backend/otlp-backend.js'

// What the tests of faults rely on: who says that nothing is missing must be seen to notice when something is.

const started: OtlpBackend[] = []
afterEach(async () => {
  for (const backend of started.splice(0)) await backend.stop()
})

async function start(): Promise<OtlpBackend> {
  const backend = await startOtlpBackend()
  started.push(backend)
  return backend
}

/** Items number `from` on, one of each signal in turn. */
function items(from: number, count: number, payloadOf = (seq: number) => `payload ${seq}`): Batch {
  const numbers = Array.from({ length: count }, (_, n) => from + n)
  const pick = (rest: number): number[] => numbers.filter((seq) => seq % 3 === rest)
  const marks = (seq: number, payload = `payload ${seq}`) => ({ ...marksOf('r', seq, payload) })
  const gauge = sampleGauge([])
  return batchOf({
    events: pick(0).map((seq) => sampleEvent({ body: payloadOf(seq), attributes: marks(seq) })),
    spans: pick(1).map((seq) => sampleSpan({ name: payloadOf(seq), attributes: marks(seq) })),
    metrics:
      gauge.type !== 'gauge'
        ? []
        : [
            {
              ...gauge,
              points: pick(2).map((seq) => ({
                attributes: marks(seq, `${seq}.5`),
                timeUnixNano: 1n,
                value: seq + 0.5,
              })),
            },
          ],
  })
}

const postTo: Readonly<Record<Signal, string>> = { logs: '/v1/logs', metrics: '/v1/metrics', traces: '/v1/traces' }

async function post(backend: OtlpBackend, path: string, type: string, body: Uint8Array | string): Promise<Response> {
  const init = { method: 'POST', headers: { 'content-type': type }, body }
  return fetch(`http://${backend.http}${path}`, init)
}

test('items are counted over gRPC, HTTP with protobuf, and with JSON: each once, a gap, a duplicate and a changed one are seen', async () => {
  const backend = await start()
  const encoder = new OtlpEncoder(agentScope())
  const client = new GrpcClient({
    address: { host: '127.0.0.1', port: Number(backend.grpc.split(':')[1]) },
    authority: backend.grpc,
    headers: () => ({}),
    userAgent: 'test/1',
    gzip: true,
    timeoutMs: 10_000,
    maxAnswerBytes: 1000,
    clock: systemClock,
  })
  const service = 'opentelemetry.proto.collector'
  const methods: Readonly<Record<Signal, string>> = {
    logs: `/${service}.logs.v1.LogsService/Export`,
    metrics: `/${service}.metrics.v1.MetricsService/Export`,
    traces: `/${service}.trace.v1.TraceService/Export`,
  }
  for (const { signal, chunks } of encoder.encode(items(0, 30))) {
    const { status } = await client.unary(methods[signal], chunks, new AbortController().signal)
    expect(status.name).toBe('OK')
  }
  client.close()
  for (const { signal, chunks } of encoder.encode(items(30, 30)))
    expect((await post(backend, postTo[signal], 'application/x-protobuf', Buffer.concat(chunks))).status).toBe(200)
  const [logs] = otlpJsonLines(batchOf({ events: items(60, 30).events }), agentScope())
  expect(await (await post(backend, '/v1/logs', 'application/json', logs!)).json()).toEqual({})
  expect(await backend.run('r')).toEqual({
    end: 88,
    distinct: 70,
    duplicates: 0,
    damaged: 0,
    missing: [61, 62, 64, 65, 67, 68, 70, 71, 73, 74, 76, 77, 79, 80, 82, 83, 85, 86],
  })
  await post(backend, '/v1/logs', 'application/json', logs!)
  const changed = otlpJsonLines(batchOf({ events: items(90, 3, () => 'else').events }), agentScope())[0]!
  await post(backend, '/v1/logs', 'application/json', changed)
  const unmarked = otlpJsonLines(batchOf({ events: [sampleEvent()] }), agentScope())[0]!
  await post(backend, '/v1/logs', 'application/json', unmarked)
  expect(await backend.report()).toMatchObject({
    unmarked: 1,
    tries: 10,
    runs: { r: { distinct: 70, duplicates: 10, damaged: 1 } },
  })
})

test('answers as told; a request that is refused, or cut before it was taken, counts nothing', async () => {
  const backend = await start()
  const [logs] = otlpJsonLines(batchOf({ events: items(0, 9).events }), agentScope())
  const send = () => post(backend, '/v1/logs', 'application/json', logs!)
  await backend.script({
    rules: [
      { when: { first: 1 }, answer: { kind: 'status', http: 429, retryAfterMs: 1500, message: 'slow down' } },
      { when: { first: 2 }, answer: { kind: 'reset' } },
      { when: { first: 3 }, answer: { kind: 'partial', rejecting: 'payload 3' } },
      { when: { first: 4 }, answer: { kind: 'reset', taken: true } },
      {
        when: { containing: 'payload 6' },
        answer: { kind: 'page', http: 302, headers: { location: 'http://x.test/' } },
      },
    ],
  })
  const throttled = await send()
  expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '2'])
  expect(await throttled.json()).toEqual({ message: 'slow down' })
  await expect(send()).rejects.toThrow('fetch failed')
  expect(await (await send()).json()).toEqual({ partialSuccess: { rejectedLogRecords: '1', errorMessage: 'as told' } })
  await expect(send()).rejects.toThrow('fetch failed')
  expect((await fetch(`http://${backend.http}/v1/other`, { method: 'POST' })).status).toBe(404)
  expect(await backend.run('r')).toMatchObject({ distinct: 3, duplicates: 2 })
  const { lastTries } = await backend.report()
  expect(lastTries.map(({ answer, taken }) => [answer, taken])).toEqual([
    ['status', 0],
    ['reset', 0],
    ['partial', 2],
    ['reset', 3],
  ])
})

test('is down and up again on the same ports, knows what it knew, and stops also when it is frozen', async () => {
  const backend = await start()
  const [logs] = otlpJsonLines(batchOf({ events: items(0, 3).events }), agentScope())
  const send = () => post(backend, '/v1/logs', 'application/json', logs!)
  await send()
  await backend.down()
  await expect(send()).rejects.toThrow('fetch failed')
  await backend.up()
  await send()
  expect(await backend.run('r')).toMatchObject({ distinct: 1, duplicates: 1 })
  backend.freeze()
  await backend.stop()
})
