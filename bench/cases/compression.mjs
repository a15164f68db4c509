import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { startAgent } from '../agent/agent.mjs'
import { amount } from '../lib/amount.mjs'
import { product } from '../lib/product.mjs'

const recording = fileURLToPath(new URL('../../test/fixtures/recordings/lab.usrec.gz', import.meta.url))
/** Of each request: what a storm sends at once; a larger one of metrics is what a collection is. */
const kBytes = 24_000
const kLimitMs = 60_000
const points = [
  { name: 'events', path: '/v1/logs', bytes: kBytes, times: 400 },
  { name: 'spans', path: '/v1/traces', bytes: kBytes, times: 400 },
  { name: 'metrics', path: '/v1/metrics', bytes: 900_000, times: 20 },
]

const gzipAt = (level) => (chunks) => promisify(gzip)(Buffer.concat(chunks), { level })
let sent

/** What an agent sends of the recording, by path: requests are lists of the same kind, so joined ones are one. */
async function requestsOf() {
  const bodies = new Map(points.map(({ path }) => [path, []]))
  const server = createServer(async (request, response) => {
    for await (const chunk of request) bodies.get(request.url)?.push(chunk)
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const agent = startAgent({
    receivers: { replay: { file: recording, speed: 100, collection_interval: '1s' } },
    processors: { lifecycle_spans: {}, batch: {} },
    exporters: {
      otlp: { protocol: 'http', endpoint: `http://127.0.0.1:${server.address().port}`, compression: 'none' },
    },
    service: {
      pipelines: { main: { receivers: ['replay'], processors: ['lifecycle_spans', 'batch'], exporters: ['otlp'] } },
    },
  })
  try {
    const lengthOf = (path) => bodies.get(path).reduce((sum, { length }) => sum + length, 0)
    for (const end = performance.now() + kLimitMs; points.some(({ path, bytes }) => lengthOf(path) < bytes); )
      if (performance.now() > end) throw new Error('the recording is too short')
      else await sleep(100)
    await agent.stop()
  } finally {
    await agent.close()
    server.close()
  }
  return bodies
}

function way(name, compress) {
  return {
    name,
    async run({ chunks, compress: ours, point }, options) {
      const times = amount(options, { whole: point.times, quick: point.times / 4, once: 2 })
      const by = compress ?? ours
      let after = (await by(chunks)).length
      const start = process.cpuUsage()
      for (let done = 0; done < times; done++) after = (await by(chunks)).length
      const { user, system } = process.cpuUsage(start)
      return { cpu: (user + system) / times, after, times: point.bytes / after }
    },
  }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'compression',
  question: 'What does it cost to compress what is sent to another machine, and what does it save?',
  notes:
    'What an agent sends over OTLP of the committed recording (`replay`, `lifecycle_spans`, `batch`), cut to one length for each signal: events and spans as ' +
    'a storm has them in one request, metrics as a collection. CPU is user and system time of all threads, one request after the other.',
  figures: {
    cpu: { title: 'CPU us per request', ratio: true },
    after: { title: 'bytes after' },
    times: { title: 'bytes before / after' },
  },
  points,
  async setUp(point) {
    sent ??= requestsOf()
    const bytes = Buffer.concat((await sent).get(point.path)).subarray(0, point.bytes)
    return { chunks: [bytes], compress: (await product('util/chunks.js')).gzipped, point }
  },
  tearDown() {},
  ways: [way('unitscope'), way("zlib's level 6, its own choice", gzipAt(6)), way('level 1', gzipAt(1))],
  // Of a small request most of the cost is what any level has: a thread of the pool, and a compressor's memory.
  gates: [
    ['events', 1.1],
    ['spans', 1.1],
    ['metrics', 2],
  ].map(([point, atLeast]) => ({
    figure: 'cpu',
    way: "zlib's level 6, its own choice",
    over: 'unitscope',
    point,
    atLeast,
  })),
}
