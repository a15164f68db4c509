import { type AddressInfo, createConnection, createServer } from 'node:net'
import { status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Batch } from '../../../../src/data/batch.js'
import { batchOf } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { Span } from '../../../../src/data/span.js'
import type { Config } from '../../../../src/exporters/otlp/config.js'
import { createOtlpExporter } from '../../../../src/exporters/otlp/otlp.js'
import { OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { sampleSpan } from '../../../../src/testkit/sample.js'
import { RecordingTelemetry, seededRandom, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { attributesOf } from '../../../support/otlp-sink/decode.js'
import { type OtlpSink, startOtlpSink } from '../../../support/otlp-sink/otlp-sink.js'
import { breaker, config } from './test-config.js'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const resource = { key: 'unit:crashy', attributes: { 'service.name': 'crashy.service', 'host.name': 'node1' } }

describe('an OTLP server on the other side', () => {
  test('gets events, metrics with exemplars and spans as they were', async () => {
    const { sink, exporter } = await connected()
    const batch: Batch = {
      events: [event(1)],
      metrics: [
        {
          type: 'sum',
          valueType: 'int',
          monotonic: true,
          name: 'systemd.service.restarts',
          unit: '{restart}',
          description: 'Restarts',
          resource,
          points: [
            {
              attributes: { 'systemd.unit.restart.cause': 'auto' },
              startTimeUnixNano: 1n,
              timeUnixNano: 1_700_000_000_000_000_001n,
              value: 9_007_199_254_740_993n,
              exemplars: [{ timeUnixNano: 5n, value: 1, traceId, spanId: '00f067aa0ba902b7' }],
            },
          ],
        },
      ],
      spans: [
        {
          traceId,
          spanId: '00f067aa0ba902b7',
          name: 'run',
          kind: 'internal',
          startTimeUnixNano: 1n,
          endTimeUnixNano: 2n,
          attributes: {},
          events: [],
          links: [],
          status: { code: 'error', message: 'exit-code' },
          resource,
        },
      ],
    }
    expect(await exporter.consume(batch)).toEqual({ kind: 'ok' })
    await sink.until(() => sink.received.length === 3)

    const [log] = sink.logRecords()
    expect(log.record).toMatchObject({ event_name: 'systemd.unit.failed', trace_id: traceId, severity_number: 17 })
    expect(log.record.time_unix_nano).toBe('1700000000000000001')
    expect(attributesOf(log.resource.attributes)).toEqual(resource.attributes)
    expect(log.scope).toMatchObject({ name: 'unitscope' })
    const point = sink.metrics()[0].record.sum.data_points[0]
    expect(point).toMatchObject({ as_int: '9007199254740993', time_unix_nano: '1700000000000000001' })
    expect(point.exemplars[0]).toMatchObject({ trace_id: traceId, span_id: '00f067aa0ba902b7', as_int: '1' })
    expect(sink.spans()[0].record).toMatchObject({ trace_id: traceId, status: { code: 2, message: 'exit-code' } })
  })

  test('gets headers with each request', async () => {
    const { sink, exporter } = await connected({ headers: { 'x-api-key': 'very-secret-token' } })
    await exporter.consume(events(1))
    await sink.until(() => sink.received.length === 1)
    expect(sink.received[0]!.headers).toMatchObject({ 'x-api-key': 'very-secret-token' })
  })

  for (const [compression, most, least] of [
    ['gzip', 20_000, 0],
    ['none', 300_000, 200_000],
  ] as const)
    test(`gets 200 kB of repetitive text with compression ${compression} in ${least} to ${most} bytes`, async () => {
      const wire = await countingProxy()
      const { sink, exporter } = await connected({ compression, endpoint: wire.address })
      wire.target = sink.address
      await exporter.consume(batchOf({ events: [event(1, 'a'.repeat(200_000))] }))
      await sink.until(() => sink.received.length === 1)
      expect(wire.bytes).toBeGreaterThan(least)
      expect(wire.bytes).toBeLessThan(most)
    })

  test('is reached over a unix socket', async () => {
    const path = `/tmp/unitscope-otlp-${process.pid}.sock`
    const { sink, exporter } = await connected({}, { address: `unix:${path}` })
    await exporter.consume(events(1))
    await sink.until(() => sink.received.length === 1)
  })
})

describe('a failed request', () => {
  const retried = ['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'OUT_OF_RANGE', 'UNAVAILABLE', 'DATA_LOSS'] as const
  for (const code of retried)
    test(`is repeated after ${code}`, async () => {
      const { sink, exporter, clock, telemetry } = await connected()
      sink.respond = (_, index) => (index === 0 ? { kind: 'refuse', code: status[code] } : { kind: 'ok' })
      await exporter.consume(events(1))
      await advanceUntil(clock, sink, () => sink.received.length === 1)
      expect(sink.tries).toBe(2)
      expect(telemetry.drops.size).toBe(0)
    })

  const dropped = [
    'INVALID_ARGUMENT',
    'UNAUTHENTICATED',
    'PERMISSION_DENIED',
    'UNIMPLEMENTED',
    'INTERNAL',
    'RESOURCE_EXHAUSTED',
  ] as const
  for (const code of dropped)
    test(`is dropped once and counted after ${code}, and its neighbours flow`, async () => {
      const { sink, exporter, telemetry } = await connected()
      sink.respond = ({ message }) =>
        JSON.stringify(message).includes('poison') ? { kind: 'refuse', code: status[code] } : { kind: 'ok' }
      await exporter.consume(batchOf({ events: [event(1, 'poison'), event(2, 'poison')] }))
      await exporter.consume(events(3))
      await sink.until(() => sink.received.length === 1 && sink.tries === 2)
      await exporter.shutdown()
      expect(sink.tries).toBe(2)
      expect(telemetry.drops).toEqual(new Map([['permanent', 2]]))
      expect(telemetry.processedItems).toBe(3)
    })

  test('waits at least as long as RetryInfo says, also with RESOURCE_EXHAUSTED', async () => {
    const { sink, exporter, clock, telemetry } = await connected()
    sink.respond = (_, index) =>
      index === 0 ? { kind: 'refuse', code: status.RESOURCE_EXHAUSTED, retryDelayMs: 7000 } : { kind: 'ok' }
    await exporter.consume(events(1))
    await waitFor(() => telemetry.counters.get('retries') === 1) // the answer has arrived: only the back-off waits
    await clock.advance(6999)
    expect(sink.tries).toBe(1)
    await clock.advance(2)
    await sink.until(() => sink.tries === 2)
  })

  test('counts what a partial success rejects, and does not repeat it', async () => {
    const { sink, exporter, telemetry } = await connected()
    sink.respond = () => ({ kind: 'partial', rejected: 3, message: 'too old' })
    await exporter.consume(events(10))
    await sink.until(() => sink.tries === 1)
    await exporter.shutdown()
    expect(sink.tries).toBe(1)
    expect(telemetry.drops).toEqual(new Map([['partial_success', 3]]))
    expect(telemetry.processedItems).toBe(7)
  })

  test('is ended by the timeout when the server hangs, then repeated', async () => {
    const { sink, exporter, clock } = await connected({ timeout: 2000 })
    sink.respond = (_, index) => (index === 0 ? { kind: 'hang' } : { kind: 'ok' })
    await exporter.consume(events(1))
    await sink.until(() => sink.tries === 1)
    await advanceUntil(clock, sink, () => sink.tries === 2)
  })

  test('is repeated when the reply was lost: a duplicate rather than a loss', async () => {
    const { sink, exporter, clock, telemetry } = await connected()
    sink.respond = (_, index) => (index === 0 ? { kind: 'lose_reply' } : { kind: 'ok' })
    await exporter.consume(events(4))
    await advanceUntil(clock, sink, () => sink.received.length === 2)
    await waitFor(() => telemetry.processedItems === 4)
    expect(telemetry.drops.size).toBe(0)
  })

  test('keeps its memory when a later try succeeds: the first may still be on its way, on another connection', async () => {
    const givenBack = vi.spyOn(OtlpEncoder.prototype, 'giveBack')
    const { sink, exporter, clock, telemetry } = await connected()
    sink.respond = (_, index) => (index === 1 ? { kind: 'refuse', code: status.UNAVAILABLE } : { kind: 'ok' })
    await exporter.consume(events(1))
    await waitFor(() => telemetry.processedItems === 1)
    expect(givenBack).toHaveBeenCalledTimes(1)
    await exporter.consume(events(2))
    await advanceUntil(clock, sink, () => sink.tries === 3)
    await waitFor(() => telemetry.processedItems === 3)
    expect(givenBack).toHaveBeenCalledTimes(1)
    givenBack.mockRestore()
  })

  test('never shows a header value, even when the server quotes it', async () => {
    const lines: string[] = []
    const log = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
    const logger = { debug: log, info: log, warn: log, error: log }
    const headers = { authorization: 'Bearer sk-1234567890' }
    const { sink, exporter, host } = await connected({ headers }, { logger })
    sink.respond = () => ({ kind: 'refuse', code: status.UNAUTHENTICATED, details: 'bad token sk-1234567890\nsorry' })
    await exporter.consume(events(1))
    await sink.until(() => sink.tries === 1)
    await exporter.shutdown()
    expect(host.last).toEqual({
      state: 'degraded',
      reason: 'UNAUTHENTICATED: bad token [REDACTED] sorry; data is dropped',
    })
    expect(lines.join('\n') + JSON.stringify(host.reports)).not.toContain('sk-1234567890')
  })

  const token = 'sk-1234567890'
  for (const [what, message, said] of [
    [
      'quoted beside data it rejects',
      `dropped for tenant ${token}\r\nERROR forged`,
      'dropped for tenant [REDACTED] ERROR forged',
    ],
    ['where a long text is cut', `${'\n'.repeat(507)}${token}`, ' [REDACTED]'],
  ] as const)
    test(`never shows a header value that a partial success tells, ${what}, and the text is one line`, async () => {
      const messages: unknown[] = []
      const log = (_: string, fields?: object): void => void messages.push(fields)
      const logger = { debug: log, info: log, warn: log, error: log }
      const { sink, exporter } = await connected({ headers: { authorization: `Bearer ${token}` } }, { logger })
      sink.respond = () => ({ kind: 'partial', rejected: 1, message })
      await exporter.consume(events(2))
      await sink.until(() => sink.tries === 1)
      await exporter.shutdown()
      expect(messages).toContainEqual({ rejected: 1, message: said })
      expect(JSON.stringify(messages)).not.toContain('sk-1')
    })
})

test('70 % random UNAVAILABLE: everything arrives, nothing is dropped', async () => {
  const seed = 70
  const { sink, exporter, clock, telemetry } = await connected({
    circuit_breaker: { ...breaker, failure_threshold: 5 },
  })
  const random = seededRandom(seed)
  sink.respond = () => (random() < 0.7 ? { kind: 'refuse', code: status.UNAVAILABLE } : { kind: 'ok' })
  for (let n = 0; n < 40; n++) expect(await exporter.consume(batchOf({ events: [event(n)] }))).toEqual({ kind: 'ok' })
  await advanceUntil(clock, sink, () => sink.received.length === 40)
  await waitFor(() => telemetry.processedItems === 40)
  const ids = sink.logRecords().map(({ record }) => Number(attributesOf(record.attributes)['n']))
  expect(
    ids.sort((a, b) => a - b),
    `seed ${seed}`,
  ).toEqual(Array.from({ length: 40 }, (_, n) => n))
  expect(telemetry.drops.size).toBe(0)
})

test('a server that is down shows as degraded; when it comes back, as ok, and the queue drains', async () => {
  const { sink, exporter, clock, host } = await connected()
  let down = true
  sink.respond = () => (down ? { kind: 'refuse', code: status.UNAVAILABLE, details: 'maintenance' } : { kind: 'ok' })
  await exporter.consume(events(1))
  await sink.until(() => sink.tries === 1)
  await waitFor(() => host.last?.state === 'degraded')
  expect(host.last).toEqual({ state: 'degraded', reason: 'UNAVAILABLE: maintenance' })
  down = false
  await advanceUntil(clock, sink, () => sink.received.length === 1)
  await waitFor(() => host.last?.state === 'ok')
})

test.each([
  [{ bearer_token_file: '/nope/tok' }, 'bearer_token_file /nope/tok does not exist'],
  [{ header_files: { 'x-key': '/nope/tok' } }, 'header_files.x-key /nope/tok does not exist'],
])('a start that fails names the key: %j', async (more, reason) => {
  const exporter = createOtlpExporter(testSettings('exporter', 'otlp'), config('127.0.0.1:1', more))
  await expect(exporter.start(new TestHost())).rejects.toThrow(reason)
  await exporter.shutdown()
})

test('shutdown without start and twice is harmless; a TLS file that is missing fails the start', async () => {
  const settings = testSettings('exporter', 'otlp')
  const never = createOtlpExporter(settings, config('127.0.0.1:1'))
  await never.shutdown()
  await never.shutdown()
  const bad = createOtlpExporter(settings, config('otel.example.com:4317', { tls: { ca_file: '/nonexistent/ca.pem' } }))
  await expect(bad.start(new TestHost())).rejects.toThrow('tls.ca_file /nonexistent/ca.pem does not exist')
  await bad.shutdown()
})

test('a full queue costs one serialisation of a batch, however often it is offered, and none without room for its items', async () => {
  const { sink, exporter, telemetry } = await connected({
    sending_queue: {
      max_items: 100,
      max_bytes: 10_000,
      concurrency: 1,
      request_interval: 0,
      overflow: 'block',
      shutdown_timeout: 5000,
    },
  })
  let open = (): void => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  sink.respond = async () => {
    await gate
    return { kind: 'ok' }
  }
  let serialised = 0
  const watched = (body: string): Batch =>
    batchOf({
      events: [
        {
          ...event(1),
          get body() {
            serialised++
            return body
          },
        },
      ],
    })
  expect((await exporter.consume(batchOf({ events: [event(0, 'x'.repeat(9000))] }))).kind).toBe('ok')
  // Room for its items, not for its bytes: serialised to know that, and not again.
  const large = watched('y'.repeat(5000))
  for (let n = 0; n < 50; n++) expect(await exporter.consume(large)).toMatchObject({ kind: 'retryable', afterMs: 100 })
  expect(serialised).toBe(1)
  const many = batchOf({ events: [...events(100).events, ...watched('z').events] })
  expect(await exporter.consume(many)).toMatchObject({ kind: 'permanent' })
  serialised = 0
  const filling = batchOf({ events: [...events(99).events, ...watched('z').events] })
  for (let n = 0; n < 50; n++) expect((await exporter.consume(filling)).kind).toBe('retryable')
  expect(serialised).toBe(0)
  open()
  await waitFor(() => telemetry.gauges.get('queue_items')!() === 0)
  serialised = 0
  expect(await exporter.consume(large)).toEqual({ kind: 'ok' })
  expect(serialised).toBe(1)
  await sink.until(() => sink.received.length === 2)
})

test('an invalid ID costs the ID, of a span the span; offered again, each is counted once', async () => {
  const { sink, exporter, telemetry } = await connected({
    sending_queue: { ...config('').sending_queue, max_items: 3, concurrency: 1 },
  })
  const bad: Span = { ...span('00f067aa0ba902b7'), traceId: traceId.slice(1) }
  const batch = batchOf({ events: [{ ...event(1), traceId: 'abc' }, event(2)], spans: [bad] })
  expect(await exporter.consume(events(2))).toEqual({ kind: 'ok' })
  expect(await exporter.consume(batch)).toMatchObject({ kind: 'retryable' })
  expect(telemetry.counters.get('invalid_ids')).toBeUndefined()
  await waitFor(() => telemetry.gauges.get('queue_items')!() === 0)
  expect(await exporter.consume(batch)).toEqual({ kind: 'ok' })
  await waitFor(() => telemetry.processedItems === 4)
  expect(telemetry.drops).toEqual(new Map([['invalid_id', 1]]))
  expect(telemetry.counters.get('invalid_ids')).toBe(1)
  expect(sink.logRecords().map(({ record }) => record.trace_id || '')).toEqual([traceId, traceId, '', traceId])
  expect(sink.spans()).toEqual([])
})

test('spans wait a second for company, where events wait for less', async () => {
  const { sink, exporter, clock, telemetry } = await connected({
    sending_queue: { ...config('').sending_queue, request_interval: 200 },
  })
  const both = batchOf({ events: [event(1)], spans: [span('00f067aa0ba902b7')] })
  expect(await exporter.consume(both)).toEqual({ kind: 'ok' })
  await waitFor(() => telemetry.processedItems === 2)
  expect(await exporter.consume(both)).toEqual({ kind: 'ok' })
  await clock.advance(200)
  await waitFor(() => telemetry.processedItems === 3)
  expect([sink.logRecords().length, sink.spans().length]).toEqual([2, 1])
  expect(await exporter.consume(batchOf({ spans: [span('00f067aa0ba902b8')] }))).toEqual({ kind: 'ok' })
  await clock.advance(800)
  await waitFor(() => telemetry.processedItems === 5)
  expect([sink.received.length, sink.spans().length]).toEqual([4, 3])
})

// --- helpers ---

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function connected(
  part: Partial<Config> = {},
  options: { address?: string; logger?: ReturnType<typeof testSettings>['logger'] } = {},
) {
  const sink = await startOtlpSink(options.address === undefined ? {} : { address: options.address })
  const clock = new FakeClock()
  const telemetry = new RecordingTelemetry()
  const settings = testSettings('exporter', 'otlp', {
    clock,
    telemetry,
    ...(options.logger ? { logger: options.logger } : {}),
  })
  const exporter = createOtlpExporter(settings, config(sink.address, part))
  const host = new TestHost()
  await exporter.start(host)
  cleanUps.push(
    () => sink.close(),
    async () => {
      const stopping = exporter.shutdown()
      await clock.advance(60_000)
      await stopping
    },
  )
  return { sink, exporter, clock, telemetry, host }
}

function event(n: number, body = `event ${n}`): RawEvent {
  return {
    timeUnixNano: 1_700_000_000_000_000_001n,
    observedTimeUnixNano: 1_700_000_000_000_000_002n,
    name: 'systemd.unit.failed',
    severity: 17,
    body,
    attributes: { n },
    traceId,
    resource,
  }
}

function span(spanId: string): Span {
  return sampleSpan({ traceId, spanId, resource })
}

function events(count: number): Batch {
  return batchOf({ events: Array.from({ length: count }, (_, n) => event(n)) })
}

/** Passes bytes on to `target` and counts those of the client. */
async function countingProxy() {
  const proxy = { address: '', target: '', bytes: 0 }
  const server = createServer((client) => {
    const upstream = createConnection({ host: '127.0.0.1', port: Number(proxy.target.split(':')[1]) })
    client.on('data', (chunk) => {
      proxy.bytes += chunk.length
    })
    client.pipe(upstream).pipe(client)
    client.on('error', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy.address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  cleanUps.push(() => void server.close())
  return proxy
}

/** Moves the fake clock while real sockets do their part, until the sink has seen enough. */
async function advanceUntil(clock: FakeClock, sink: OtlpSink, condition: () => boolean): Promise<void> {
  let done = false
  const reached = sink.until(condition).then(() => {
    done = true
  })
  while (!done) await clock.advance(250)
  await reached
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
