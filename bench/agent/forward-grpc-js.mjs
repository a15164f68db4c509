// The least a forwarder written with gRPC's own library for Node can do: bytes in, the same bytes out, answers passed on.
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js'

const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
const asIs = (bytes) => bytes
const client = new Client(process.argv[2], credentials.createInsecure())
const server = new Server({ 'grpc.max_receive_message_length': 20 * 2 ** 20 })
const codecs = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs }
server.addService(
  { Export: { path, requestStream: false, responseStream: false, ...codecs } },
  { Export: ({ request }, reply) => client.makeUnaryRequest(path, asIs, asIs, request, reply) },
)
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  process.send(`127.0.0.1:${port}`)
})
process.on('disconnect', () => process.exit())
