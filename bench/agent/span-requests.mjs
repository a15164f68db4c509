import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { product } from '../lib/product.mjs'

export const kSpans = 512
const method = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
const kRetryMs = 50
const kStart = 1_795_176_271_000_000_000n

const hex = (value, digits) => value.toString(16).padStart(digits, '0')

/** A span of 365 bytes or so: five attributes, an event, a link, flags as SDKs send them. */
function span(n, resource) {
  return {
    traceId: hex(BigInt(n >> 3) + 0x4bf92f3577b34da6a3ce929d00000000n, 32),
    spanId: hex(BigInt(n) + 0x00f067aa00000000n, 16),
    parentSpanId: hex(BigInt(n >> 1) + 0x10f067aa00000000n, 16),
    name: `GET /api/v1/items/${n % 50}`,
    kind: 'server',
    startTimeUnixNano: kStart + BigInt(n) * 1_000_003n,
    endTimeUnixNano: kStart + BigInt(n) * 1_000_003n + 4_200_017n,
    attributes: {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.path': `/api/v1/items/${n % 50}`,
      'server.address': 'shop.example.com',
      'client.port': 40_000 + (n % 20_000),
    },
    events: [
      {
        timeUnixNano: kStart + BigInt(n) * 1_000_003n + 1_000_000n,
        name: 'cache.miss',
        attributes: { 'cache.key': `item-${n}` },
      },
    ],
    links: [
      { traceId: hex(BigInt(n) + 1n, 32), spanId: hex(BigInt(n) + 1n, 16), attributes: { 'link.kind': 'follows' } },
    ],
    status: { code: 'ok' },
    resource,
    rest: '\x85\x01\x01\x01\x00\x00', // flags 0x101
  }
}

/** Some requests of 512 spans of one service each. @returns {Promise<Buffer[]>} */
export async function spanRequests(count) {
  const { OtlpEncoder } = await product('lib/otlp/encode.js')
  const encoder = new OtlpEncoder({ name: 'bench', version: '1' })
  return Array.from({ length: count }, (_, at) => {
    const attributes = { 'service.name': `shop-${at}`, 'service.version': '1.4.2', 'host.name': `node-${at}` }
    const resource = { key: `${at}`, attributes }
    const spans = Array.from({ length: kSpans }, (_, n) => span(at * kSpans + n, resource))
    return Buffer.concat(encoder.encode({ events: [], metrics: [], spans })[0].chunks)
  })
}

/** A connection over which requests of that sort are sent. */
export class OtlpLoad {
  #client
  requests
  #signal = new AbortController().signal

  static async open(address) {
    const load = new OtlpLoad()
    setMaxListeners(0, load.#signal)
    const { GrpcClient } = await product('lib/grpc/client.js')
    const { systemClock: clock } = await product('util/clock.js')
    const [host, port] = address.split(':')
    load.requests = await spanRequests(16)
    load.#client = new GrpcClient({
      address: { host, port: Number(port), local: true },
      authority: address,
      headers: () => ({}),
      userAgent: 'bench',
      gzip: false,
      timeoutMs: 60_000,
      maxAnswerBytes: 65_536,
      clock,
    })
    return load
  }

  send(n) {
    return this.deliver(this.requests[n % this.requests.length])
  }

  /** Sends until it is taken, as exporters do: a full queue says UNAVAILABLE. Rejects on any other answer. */
  async deliver(request) {
    for (;;) {
      const { status } = await this.#client.unary(method, [request], this.#signal)
      if (status.name === 'OK') return
      if (status.name !== 'UNAVAILABLE') throw new Error(`${status.name}: ${status.details}`)
      await sleep(kRetryMs)
    }
  }

  close() {
    this.#client.close()
  }
}
