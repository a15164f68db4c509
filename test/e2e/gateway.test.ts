import { afterEach, expect, it } from 'vitest'
import { batchOf } from '../../src/data/batch.js'
import type { Span } from '../../src/data/span.js'
import { OtlpEncoder } from '../../src/lib/otlp/encode.js'
import { otlpJsonLines } from '../../src/lib/otlp/json.js'
import { sampleSpan } from '../../src/testkit/sample.js'
import { waitFor } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { OtlpClient } from '../support/otlp-client.js'
import { startOtlpSink } from '../support/otlp-sink/otlp-sink.js'
import { running, withAgent } from './agent.js'

// The processors and exporters of pipelines/gateway.yaml, with ports of the test's own.

const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp()
})

const scope = { name: 'test', version: '1' }
const traceOf = (n: number): string => n.toString(16).padStart(2, '0').repeat(16)
const span = (trace: number, name: string, part: Partial<Span> = {}): Span =>
  sampleSpan({ traceId: traceOf(trace), name, ...part })

it('whole traces with errors leave, each tenant’s in requests with its own header, over gRPC and HTTP alike', async () => {
  const sink = await startOtlpSink()
  cleanUps.push(() => sink.close())
  const [grpc, http] = [await freePort(), await freePort()]
  await withAgent(
    (workspace) => ({
      receivers: {
        otlp: {
          protocols: { grpc: { endpoint: `127.0.0.1:${grpc}` }, http: { endpoint: `127.0.0.1:${http}` } },
          include_metadata: ['x-scope-orgid'],
        },
      },
      extensions: { file_queue: { directory: workspace.path('queue') } },
      processors: {
        memory_limiter: { limit: '400MiB' },
        // Longer than anybody here goes without a CPU: both parts of a trace are there by then.
        tail_sampling: { decision_wait: '6s', sampled_percentage: 0 },
        batch: { send_batch_size: 2048 },
      },
      exporters: {
        otlp: { endpoint: `http://${sink.address}`, sending_queue: { storage: 'file_queue', overflow: 'block' } },
      },
      service: {
        extensions: ['file_queue'],
        pipelines: {
          traces: {
            receivers: ['otlp'],
            processors: ['memory_limiter', 'tail_sampling', 'batch'],
            exporters: ['otlp'],
          },
        },
      },
    }),
    async (agent) => {
      await waitFor('the gateway to run', () => running.test(agent.stderr))
      const client = new OtlpClient(grpc)
      cleanUps.push(() => client.close())
      const [request] = new OtlpEncoder(scope).encode(
        batchOf({ spans: [span(1, 'front of 1'), span(2, 'front of 2'), span(3, 'front of 3')] }),
      )
      const failed = { status: { code: 'error', message: 'no disk' } } as const
      const [json] = otlpJsonLines(batchOf({ spans: [span(1, 'back of 1', failed), span(2, 'back of 2')] }), scope)
      const answers = await Promise.all([
        client.export('traces', Buffer.concat(request!.chunks), { 'x-scope-orgid': 'blue' }),
        fetch(`http://127.0.0.1:${http}/v1/traces`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-scope-orgid': 'green' },
          body: json!,
        }),
      ])
      expect([answers[0].code, answers[1].status]).toEqual([0, 200])
      await sink.until(() => sink.spans().length === 2)
      const arrived = sink.received.map(({ headers, message }) => [
        headers['x-scope-orgid'],
        message['resource_spans'].flatMap((of: { scope_spans: { spans: { name: string }[] }[] }) =>
          of.scope_spans.flatMap(({ spans }) => spans.map(({ name }) => name)),
        ),
      ])
      expect(arrived.sort()).toEqual([
        ['blue', ['front of 1']],
        ['green', ['back of 1']],
      ])
      expect((await agent.stop()).code).toBe(0)
      expect(agent.totals()).toMatchObject({ received: 5, exported: 2, dropped: { sampled: 3 } })
    },
  )
})
