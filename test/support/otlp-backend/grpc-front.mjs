// OTLP/gRPC by grpc-js. Connections are accepted here and handed to it, so that one can be cut in the middle of a call.
import { createServer } from 'node:net'
import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js'
import { encode, itemsOfProto } from './requests.mjs'

const services = {
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
}

/** @returns {import('node:net').Server} not listening yet; `connections` are told to `onSocket` */
export function grpcFront({ tls, decide, onSocket }) {
  const grpc = new Server({ 'grpc.max_receive_message_length': 64 * 2 ** 20 })
  const sockets = new Map()
  for (const [signal, path] of Object.entries(services))
    grpc.addService(
      { Export: { path, requestStream: false, responseStream: false, ...bytesOnly } },
      { Export: (call, callback) => void serve(signal, call, callback) },
    )
  const injector = grpc.createConnectionInjector(credentialsOf(tls))
  // RST of a connection is the point of having them here.
  return createServer((socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    sockets.set(peer, socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(peer))
    onSocket(socket)
    injector.injectConnection(socket)
  })

  async function serve(signal, call, callback) {
    const headers = call.metadata.getMap()
    const bytes = call.request.length
    const answer = await decide({ protocol: 'grpc', signal, bytes, headers, items: itemsOfProto(signal, call.request) })
    switch (answer.kind) {
      case 'ok':
        return callback(null, Buffer.alloc(0))
      case 'partial':
        return callback(null, encode('response', partialOf(answer)))
      case 'status':
        return callback({
          code: status[answer.grpc ?? 'UNAVAILABLE'],
          details: answer.message ?? 'as told',
          metadata: retryInfo(answer),
        })
      case 'reset':
        return sockets.get(call.getPeer())?.resetAndDestroy()
      case 'hang':
        return undefined
      default:
        throw new Error(`gRPC has no answer "${answer.kind}"`)
    }
  }
}

export function partialOf({ rejected, message = 'as told' }) {
  return { partialSuccess: { rejected, errorMessage: message } }
}

const identity = (bytes) => bytes
const bytesOnly = {
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
}

function credentialsOf(tls) {
  if (tls === undefined) return ServerCredentials.createInsecure()
  return ServerCredentials.createSsl(
    tls.ca ?? null,
    [{ private_key: tls.key, cert_chain: tls.cert }],
    tls.ca !== undefined,
  )
}

function retryInfo({ grpc = 'UNAVAILABLE', retryAfterMs }) {
  const metadata = new Metadata()
  if (retryAfterMs === undefined) return metadata
  const retryDelay = { seconds: Math.floor(retryAfterMs / 1000), nanos: (retryAfterMs % 1000) * 1e6 }
  const details = [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: encode('retryInfo', { retryDelay }) }]
  metadata.set('grpc-status-details-bin', encode('status', { code: status[grpc], details }))
  return metadata
}
