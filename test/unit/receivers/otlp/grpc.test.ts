import { afterEach, describe, expect, test } from 'vitest'
import { type Outcome, ok, permanent, retryable } from '../../../../src/component/outcome.js'
import { sampleEvent, sampleGauge, sampleSpan } from '../../../../src/testkit/sample.js'
import { OtlpClient } from '../../../support/otlp-client.js'
import { encodeRequest } from '../../../support/otlp-sink/decode.js'
import { cleanUp, own, requestOf, startReceiver, status } from './rig.js'

afterEach(cleanUp)

const kGzip = 2

describe('a program with OpenTelemetry’s gRPC exporter', () => {
  for (const gzip of [false, true])
    test(`delivers logs, metrics and spans${gzip ? ', compressed' : ''}`, async () => {
      const { port, batches, telemetry } = await startReceiver()
      const client = own(new OtlpClient(port, gzip ? { 'grpc.default_compression_algorithm': kGzip } : {}))
      const events = Array.from({ length: 300 }, (_, n) => sampleEvent({ body: `line ${n}` }))
      const answers = await Promise.all([
        client.export('logs', requestOf({ events })),
        client.export('metrics', requestOf({ metrics: [sampleGauge([1, 2.5])] })),
        client.export('traces', requestOf({ spans: [sampleSpan()] })),
      ])
      expect(answers.map(({ code, rejected }) => [code, rejected])).toEqual(Array(3).fill([0, 0]))
      expect(batches.flatMap((batch) => batch.events.map(({ body }) => body))).toEqual(events.map(({ body }) => body))
      expect(batches.flatMap((batch) => batch.metrics)).toMatchObject([
        { name: 'test.level', points: [{ value: 1 }, { value: 2.5 }] },
      ])
      expect(batches.flatMap((batch) => batch.spans)).toMatchObject([{ name: 'work', traceId: sampleSpan().traceId }])
      expect(telemetry.processedItems).toBe(303)
    })

  const answers: readonly [Outcome, object][] = [
    [ok, { code: status.OK }],
    [
      retryable('the queue is full', 2500),
      { code: status.UNAVAILABLE, details: 'the queue is full', retryAfterMs: 2500 },
    ],
    [retryable('no time named'), { code: status.UNAVAILABLE, retryAfterMs: 1000 }],
    [
      permanent('poison: 100 %, naïve'),
      { code: status.INVALID_ARGUMENT, details: 'poison: 100 %, naïve', retryAfterMs: undefined },
    ],
  ]
  for (const [outcome, answer] of answers)
    test(`is told ${JSON.stringify(answer)} when the pipeline answers ${outcome.kind}`, async () => {
      const { port } = await startReceiver({}, () => outcome)
      expect(await own(new OtlpClient(port)).export('traces', requestOf({ spans: [sampleSpan()] }))).toMatchObject(
        answer,
      )
    })

  test('is answered when the pipeline has answered, not before', async () => {
    let take: (outcome: Outcome) => void = () => {}
    let offered: () => void = () => {}
    const isOffered = new Promise<void>((resolve) => {
      offered = resolve
    })
    const { port } = await startReceiver({}, () => {
      offered()
      return new Promise<Outcome>((resolve) => {
        take = resolve
      })
    })
    let answered = false
    const answer = own(new OtlpClient(port))
      .export('logs', requestOf({ events: [sampleEvent()] }))
      .finally(() => {
        answered = true
      })
    await isOffered
    expect(answered).toBe(false)
    take(ok)
    expect(await answer).toMatchObject({ code: status.OK })
  })

  test('has spans without valid IDs counted with the others when all are refused for good', async () => {
    const { port, telemetry } = await startReceiver({}, () => permanent('poison'))
    const spans = [
      { trace_id: Buffer.alloc(15, 1), span_id: Buffer.alloc(8, 1), name: 'short' },
      { trace_id: Buffer.alloc(16, 1), span_id: Buffer.alloc(8, 1), name: 'good' },
    ]
    const request = encodeRequest('traces', { resource_spans: [{ scope_spans: [{ spans }] }] })
    expect(await own(new OtlpClient(port)).export('traces', request)).toMatchObject({ code: status.INVALID_ARGUMENT })
    // Who answered `permanent` has counted the other one.
    expect([telemetry.processedItems, [...telemetry.drops]]).toEqual([2, [['invalid', 1]]])
  })

  test('is told how many spans had no valid ID, and the others are taken', async () => {
    const { port, batches, telemetry } = await startReceiver()
    const spans = [
      { trace_id: Buffer.alloc(15, 1), span_id: Buffer.alloc(8, 1), name: 'short' },
      { trace_id: Buffer.alloc(16), span_id: Buffer.alloc(8, 1), name: 'zero' },
      { trace_id: Buffer.alloc(16, 1), span_id: Buffer.alloc(8, 1), name: 'right' },
    ]
    const request = encodeRequest('traces', { resource_spans: [{ scope_spans: [{ spans }] }] })
    expect(await own(new OtlpClient(port)).export('traces', request)).toMatchObject({
      code: status.OK,
      rejected: 2,
      message: expect.stringContaining('2 without valid IDs'),
    })
    expect(batches.flatMap((batch) => batch.spans.map(({ name }) => name))).toEqual(['right'])
    expect(Object.fromEntries(telemetry.drops)).toEqual({ invalid: 2 })
    expect(telemetry.processedItems).toBe(3)
  })

  test('is told where a request that is cut off ends, and what it is not to send again', async () => {
    const { port, telemetry } = await startReceiver()
    const request = requestOf({ spans: [sampleSpan()] })
    const answer = await own(new OtlpClient(port)).export('traces', request.subarray(0, 40))
    expect(answer).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(/announced.*at byte \d+/),
    })
    expect(Object.fromEntries(telemetry.errors)).toEqual({ malformed_request: 1 })
  })
})
