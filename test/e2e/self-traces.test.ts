import { expect, test } from 'vitest'
import type { Decoded } from '../support/otlp-sink/decode.js'
import { startOtlpSink } from '../support/otlp-sink/otlp-sink.js'
import { running, withAgent } from './agent.js'

// The whole program with two OTLP servers: one for its data, which is away at first, and one for the spans of that.

const kUnavailable = 14

const attributesOf = (span: Decoded): Readonly<Record<string, unknown>> =>
  Object.fromEntries(span.attributes.map(({ key, value }: Decoded) => [key, Object.values(value)[0]]))

test('the export of the data is a span at another server, with its retries; the export of spans is none', async () => {
  const [data, traces] = await Promise.all([startOtlpSink(), startOtlpSink()])
  data.respond = (_, index) => (index < 2 ? { kind: 'refuse', code: kUnavailable, details: 'away' } : { kind: 'ok' })
  const config = {
    receivers: { self_telemetry: { collection_interval: '1s', traces: { sampling_ratio: 1 } } },
    processors: { batch: {} },
    exporters: {
      // One sender: the first two tries are those of the first request, however late they are answered.
      otlp: {
        endpoint: data.address,
        sending_queue: { concurrency: 1 },
        retry: { initial_delay: '10ms', max_delay: '10ms' },
      },
      'otlp/self': { endpoint: traces.address },
    },
    service: {
      pipelines: {
        metrics: { receivers: ['self_telemetry'], processors: ['batch'], exporters: ['otlp'] },
        traces: { receivers: ['self_telemetry'], processors: ['batch'], exporters: ['otlp/self'] },
      },
    },
  }
  try {
    await withAgent(
      () => config,
      async (agent) => {
        await agent.logged(running)
        await traces.until(() => traces.received.length >= 3)
        const exit = await agent.stop()
        expect(exit.code).toBe(0)
      },
    )
    const spans = traces.spans().map(({ record }) => record)
    expect([...new Set(spans.map(({ name }) => name))].toSorted()).toEqual(['exporter/otlp/metrics', 'processor/batch'])
    // Of the pipeline with the spans: nothing.
    const batches = spans.filter(({ name }) => name === 'processor/batch').map(attributesOf)
    expect([...new Set(batches.map((one) => one['unitscope.pipeline']))]).toEqual(['metrics'])
    const [first] = spans.filter(({ name }) => name === 'exporter/otlp/metrics')
    expect(first!.events.map(({ name }: Decoded) => name)).toEqual([
      'Sending request.',
      'Exporting failed. Will retry the request after interval.',
      'Sending request.',
      'Exporting failed. Will retry the request after interval.',
      'Sending request.',
    ])
    const [host, port] = data.address.split(':')
    const attributes = attributesOf(first!)
    expect(attributes).toMatchObject({
      'unitscope.component': 'otlp',
      'server.address': host,
      'rpc.system.name': 'grpc',
      'rpc.method': 'opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
      'unitscope.request.outcome': 'delivered',
    })
    expect([attributes['server.port'], attributes['unitscope.request.tries']].map(Number)).toEqual([Number(port), 3])
    expect(data.spans()).toEqual([])
    expect(traces.metrics()).toEqual([])
  } finally {
    data.close()
    traces.close()
  }
})
