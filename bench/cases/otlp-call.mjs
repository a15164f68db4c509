import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { startSink } from '../agent/sink.mjs'
import { amount } from '../lib/amount.mjs'
import { product } from '../lib/product.mjs'

const method = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'
/** As many senders as an exporter has by default. */
const kAtOnce = 4
const kMinGzipBytes = 8 * 1024
const points = [
  { name: '1 event', events: 1, calls: 2000 },
  { name: '35 events', events: 35, calls: 600 },
  { name: '350 events', events: 350, calls: 200 },
]

/** A request as a crash makes it, made by the product's own encoder. */
async function requestOf(events) {
  const { OtlpEncoder } = await product('lib/otlp/encode.js')
  const resources = Array.from({ length: 100 }, (_, n) => ({
    key: `unit:${n}`,
    attributes: {
      'service.name': `bench-${n}.service`,
      'host.name': 'bench',
      'systemd.unit.name': `bench-${n}.service`,
    },
  }))
  const batch = {
    metrics: [],
    spans: [],
    events: Array.from({ length: events }, (_, n) => ({
      timeUnixNano: 1_795_176_271_000_000_000n + BigInt(n) * 1_000_003n,
      observedTimeUnixNano: 1_795_176_271_000_100_000n + BigInt(n) * 1_000_003n,
      name: 'systemd.unit.failed',
      severity: 17,
      body: `bench-${n % 100}.service failed: exit-code 1, will restart`,
      attributes: { 'systemd.unit.result': 'exit-code', 'process.exit.code': 1, 'systemd.unit.restarts': n },
      traceId: (n + 1).toString(16).padStart(32, '0'),
      spanId: (n + 1).toString(16).padStart(16, '0'),
      resource: resources[n % 100],
    })),
  }
  return Buffer.concat(new OtlpEncoder({ name: 'unitscope', version: '0' }).encode(batch)[0].chunks)
}

async function ours(address) {
  const { GrpcClient } = await product('lib/grpc/client.js')
  const { systemClock: clock } = await product('util/clock.js')
  const [host, port] = address.split(':')
  const client = new GrpcClient({
    address: { host, port: Number(port) },
    authority: address,
    headers: () => ({ 'x-api-key': 'bench' }),
    userAgent: 'bench',
    gzip: true,
    timeoutMs: 10_000,
    maxAnswerBytes: 65_536,
    clock,
  })
  const { signal } = new AbortController()
  return {
    async call(bytes) {
      const { status } = await client.unary(method, [bytes], signal)
      if (status.name !== 'OK') throw new Error(`${status.name}: ${status.details}`)
    },
    close: () => client.close(),
  }
}

/** grpc-js as an exporter would use it: one channel, deadlines, gzip from the same size on. */
function grpcJs(address) {
  const compressed = new Client(address, credentials.createInsecure(), { 'grpc.default_compression_algorithm': 2 })
  const plain = new Client(address, credentials.createInsecure())
  const metadata = new Metadata()
  metadata.set('x-api-key', 'bench')
  const asIs = (bytes) => bytes
  return {
    call: (bytes) =>
      new Promise((resolve, reject) => {
        const client = bytes.length < kMinGzipBytes ? plain : compressed
        const options = { deadline: Date.now() + 10_000 }
        const done = (error) => (error ? reject(error) : resolve())
        client.makeUnaryRequest(method, asIs, asIs, Buffer.from(bytes), metadata, options, done)
      }),
    close() {
      compressed.close()
      plain.close()
    },
  }
}

/** @returns {import('../lib/case.d.mts').Way<any, any>} */
function way(name, open) {
  return {
    name,
    async run({ sink, request, point }, options) {
      const calls = amount(options, { whole: point.calls, quick: point.calls / 4, once: 2 * kAtOnce })
      const client = await open(sink.address)
      try {
        const sendAll = async (count) => {
          let left = count
          const sender = async () => {
            while (left-- > 0) await client.call(request)
          }
          await Promise.all(Array.from({ length: kAtOnce }, sender))
        }
        await sendAll(kAtOnce) // connects
        await sink.clear()
        const start = process.cpuUsage()
        await sendAll(calls)
        const { user, system } = process.cpuUsage(start)
        const { requests, events: arrived } = await sink.take()
        if (requests.logs !== calls || arrived.length !== calls * point.events)
          throw new Error(`${name}: of ${calls} requests ${requests.logs} arrived`)
        return { cpu: (user + system) / calls, bytes: request.length }
      } finally {
        client.close()
      }
    },
  }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'otlp-call',
  question: 'What does an OTLP request cost this process?',
  notes:
    'Requests of log records from one process to a gRPC server (grpc-js) in another, four at once. CPU is user and system time of ' +
    'all threads of the sending process; the bytes are made before. Both compress from 8 KiB on.',
  figures: {
    cpu: { title: 'CPU us per request', ratio: true },
    bytes: { title: 'bytes before compression' },
  },
  points,
  setUp: async (point) => ({ sink: await startSink(), request: await requestOf(point.events), point }),
  tearDown: ({ sink }) => sink.close(),
  ways: [way('unitscope', ours), way('grpc-js', grpcJs)],
  gates: points.slice(0, 2).map(({ name: point }) => ({
    figure: 'cpu',
    way: 'grpc-js',
    over: 'unitscope',
    point,
    atLeast: 1.5,
    aim: 2.5,
  })),
}
