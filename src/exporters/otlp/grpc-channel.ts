import { tellable } from '../../lib/credentials/tellable.js'
import type { SendResult } from '../../lib/delivery/sender.js'
import { GrpcClient } from '../../lib/grpc/client.js'
import { bodyOf } from '../../lib/otlp/encode.js'
import { methods } from '../../lib/otlp/methods.js'
import { readPartialSuccess } from '../../lib/otlp/response.js'
import { type Channel, kMaxAnswerBytes } from './channel.js'
import { sendResultOf } from './grpc-status.js'
import type { Peer } from './peer.js'

/** OTLP/gRPC over one connection. Connecting is left to the first request. */
export function openGrpcChannel(peer: Peer): Channel {
  const client = new GrpcClient({ ...peer, maxAnswerBytes: kMaxAnswerBytes })
  return {
    async export(request, signal, onSent) {
      if (request.encoding !== 'proto') return notOurs
      const { status, message, sent } = await client.unary(
        methods[request.signal],
        bodyOf(request),
        signal,
        request.metadata,
      )
      if (sent === true) onSent()
      return status.name === 'OK' ? delivered(message, peer.secrets()) : sendResultOf(status, peer.secrets())
    },
    close: () => client.close(),
  }
}

/** From a queue on disk, made when the exporter spoke HTTP. */
const notOurs: SendResult = { kind: 'permanent', reason: 'UNIMPLEMENTED: a request in JSON, which gRPC does not carry' }

function delivered(answer: Uint8Array | undefined, secrets: Iterable<string>): SendResult {
  const partial = answer && readPartialSuccess(answer, (text) => tellable(text, secrets))
  return partial === undefined ? { kind: 'delivered' } : { kind: 'delivered', ...partial }
}
