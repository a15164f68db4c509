import type { Signal } from '../../data/batch.js'
import { HttpClient } from '../../lib/http/client.js'
import { bodyOf, type Encoding } from '../../lib/otlp/encode.js'
import { type Channel, kMaxAnswerBytes } from './channel.js'
import { sendResultOfHttp } from './http-answer.js'
import type { Peer } from './peer.js'

const paths: Readonly<Record<Signal, string>> = { logs: '/v1/logs', metrics: '/v1/metrics', traces: '/v1/traces' }

const contentTypes: Readonly<Record<Encoding, string>> = { proto: 'application/x-protobuf', json: 'application/json' }

/** OTLP/HTTP over connections that are kept, as many as there are senders. Connecting is left to the requests. */
export function openHttpChannel(peer: Peer, maxSockets: number): Channel {
  const client = new HttpClient({ ...peer, maxSockets, maxAnswerBytes: kMaxAnswerBytes })
  return {
    async export(request, signal, onSent) {
      const contentType = contentTypes[request.encoding]
      const path = peer.path + paths[request.signal]
      const result = await client.post(path, bodyOf(request), contentType, signal, request.metadata)
      if (result.kind === 'answer' && result.sent && result.status < 300) onSent()
      return sendResultOfHttp(result, peer.secrets(), Number(peer.clock.unixNano() / 1_000_000n))
    },
    close: () => client.close(),
  }
}
