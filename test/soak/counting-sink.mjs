// An OTLP/gRPC server that counts what it is given, by its own reading of the bytes, and forgets it. A process of its own: says its
// address over IPC, answers every message with the counts, ends when the channel does.
import { Server, ServerCredentials } from '@grpc/grpc-js'

const kLength = 2
/** How many bytes a field of each wire type has behind its tag; of the others the bytes say so (protobuf, "Encoding"). */
const fixed = new Map([
  [1, 8],
  [5, 4],
])

/** Calls `take(field, bytes)` for each field of a message that has a length. */
function eachPart(message, take) {
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++]
      if (byte === undefined) throw new RangeError('the request ends inside a number')
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = varint()
    const wireType = tag & 7
    if (wireType === kLength) {
      const end = varint() + at
      if (end > message.length) throw new RangeError('a field is longer than the request')
      take(tag >>> 3, message.subarray(at, end))
      at = end
    } else if (fixed.has(wireType)) at += fixed.get(wireType)
    else varint()
  }
}

/** How many messages stand at the end of a path of field numbers. */
function count(message, [field, ...rest]) {
  let found = 0
  eachPart(message, (number, bytes) => {
    if (number === field) found += rest.length === 0 ? 1 : count(bytes, rest)
  })
  return found
}

// resource_*, scope_*, records; of metrics the points of a gauge (5), sum (7) or histogram (9).
const kinds = {
  logs: { service: 'logs.v1.LogsService', paths: [[1, 2, 2]] },
  traces: { service: 'trace.v1.TraceService', paths: [[1, 2, 2]] },
  metrics: { service: 'metrics.v1.MetricsService', paths: [5, 7, 9].map((type) => [1, 2, 2, type, 1]) },
}
const counted = { logs: 0, traces: 0, metrics: 0, requests: 0 }
const asIs = (value) => value

const server = new Server({ 'grpc.max_receive_message_length': 64 * 2 ** 20 })
for (const [kind, { service, paths }] of Object.entries(kinds)) {
  const Export = {
    path: `/opentelemetry.proto.collector.${service}/Export`,
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
        for (const path of paths) counted[kind] += count(request, path)
        counted.requests++
        reply(null, Buffer.alloc(0))
      },
    },
  )
}

process.on('message', () => process.send(counted))
process.on('disconnect', () => process.exit(0))
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  process.send(`127.0.0.1:${port}`)
})
