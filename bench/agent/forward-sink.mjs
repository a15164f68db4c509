// Takes OTLP spans over gRPC, in a process of its own, and counts them by a walk over lengths: so little work that it is
// nobody's bottleneck. Asked 'take' it says how many there were, and forgets them.
import { createServer } from 'node:http2'

let spans = 0

function varint(bytes, at) {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]
    value += (byte & 127) * 2 ** shift
    if (byte < 128) return [value, at]
  }
}

/** Calls `each(from, to)` for each field 2 with a length, or 1 where `number` says so. */
function fields(bytes, from, end, number, each) {
  for (let at = from; at < end; ) {
    let tag
    let length
    ;[tag, at] = varint(bytes, at)
    ;[length, at] = varint(bytes, at)
    if ((tag & 7) !== 2) throw new Error('the sink knows messages only')
    if (tag >>> 3 === number) each(at, at + length)
    at += length
  }
}

function count(frame) {
  fields(frame, 5, frame.length, 1, (from, end) =>
    fields(frame, from, end, 2, (scope, scopeEnd) => fields(frame, scope, scopeEnd, 2, () => spans++)),
  )
}

const server = createServer({ settings: { initialWindowSize: 2 ** 20 } })
server.on('session', (session) => session.setLocalWindowSize(2 ** 22))
server.on('stream', (stream) => {
  const chunks = []
  stream.on('data', (chunk) => chunks.push(chunk))
  stream.on('error', () => {})
  stream.on('end', () => {
    count(Buffer.concat(chunks))
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.alloc(5))
  })
})
server.listen(0, '127.0.0.1', () => process.send(`127.0.0.1:${server.address().port}`))
process.on('message', () => {
  process.send(spans)
  spans = 0
})
process.on('disconnect', () => process.exit())
