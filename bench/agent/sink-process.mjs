// The process of sink.mjs. Requests are kept as bytes and decoded when asked, so that decoding delays no arrival.
import { readFileSync } from 'node:fs'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import protobuf from 'protobufjs'

const source = readFileSync(new URL('../../test/support/otlp-sink/otlp.proto', import.meta.url), 'utf8')
const { root } = protobuf.parse(source, { keepCase: true })
const services = {
  logs: { path: '/opentelemetry.proto.collector.logs.v1.LogsService/Export', type: 'ExportLogsServiceRequest' },
  metrics: {
    path: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    type: 'ExportMetricsServiceRequest',
  },
  traces: { path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export', type: 'ExportTraceServiceRequest' },
}

/** A run of 10 k signals a second for ten seconds is below 30 MiB of requests. */
const kMaxBytes = 512 * 2 ** 20
const received = { logs: [], metrics: [], traces: [] }
let bytes = 0

/** Milliseconds since 1970 with the microseconds in the fraction: Date.now() has none. */
const nowMs = () => performance.timeOrigin + performance.now()

const asIs = (value) => value
const server = new Server({ 'grpc.max_receive_message_length': 64 * 2 ** 20 })
for (const [signal, { path }] of Object.entries(services)) {
  const Export = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  }
  server.addService(
    { Export },
    {
      Export({ request }, reply) {
        const atMs = nowMs()
        bytes += request.length
        if (bytes > kMaxBytes) throw new Error('the sink holds too much')
        received[signal].push({ atMs, request })
        reply(null, Buffer.alloc(0))
      },
    },
  )
}

function clear() {
  for (const list of Object.values(received)) list.length = 0
  bytes = 0
  return true
}

/** Of each event: its name, and the milliseconds until it was here since it happened and since it was read. */
function take() {
  const requests = {}
  const events = []
  const total = bytes
  const firstEventAtMs = received.logs[0]?.atMs
  const bytesOf = {}
  for (const [signal, list] of Object.entries(received)) {
    requests[signal] = list.length
    bytesOf[signal] = list.reduce((sum, { request }) => sum + request.length, 0)
  }
  for (const { atMs, request } of received.logs) {
    for (const record of recordsOf('logs', request, 'resource_logs', 'scope_logs', 'log_records')) {
      const since = (nanos) => atMs - Number(BigInt(nanos.toString()) / 1000n) / 1000
      events.push([record.event_name, since(record.time_unix_nano), since(record.observed_time_unix_nano)])
    }
  }
  let points = 0
  for (const { request } of received.metrics)
    for (const { gauge, sum, histogram } of recordsOf(
      'metrics',
      request,
      'resource_metrics',
      'scope_metrics',
      'metrics',
    ))
      points += (gauge ?? sum ?? histogram).data_points.length
  const spans = received.traces.reduce(
    (sum, { request }) => sum + recordsOf('traces', request, 'resource_spans', 'scope_spans', 'spans').length,
    0,
  )
  clear()
  return { requests, bytesOf, bytes: total, firstEventAtMs, events, points, spans }
}

function recordsOf(signal, request, outer, middle, inner) {
  const message = root.lookupType(services[signal].type).decode(request)
  return message[outer].flatMap((group) => group[middle].flatMap((scope) => scope[inner]))
}

process.on('message', (question) => process.send(question === 'clear' ? clear() : take()))
process.on('disconnect', () => process.exit(0))
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  process.send(`127.0.0.1:${port}`)
})
