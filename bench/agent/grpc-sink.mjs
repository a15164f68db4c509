import { createServer } from 'node:http2'

/** Bytes of a gRPC message before its content. */
export const kFrameHead = 5

/** Answers every gRPC call OK once `take(frame)` has seen it, and tells its parent where it listens. Ends with its parent. */
export function serveSink(take) {
  const server = createServer({ settings: { initialWindowSize: 2 ** 20 } })
  server.on('session', (session) => session.setLocalWindowSize(2 ** 22))
  server.on('stream', (stream) => {
    const chunks = []
    stream.on('data', (chunk) => chunks.push(chunk))
    stream.on('error', () => {})
    stream.on('end', () => {
      take(Buffer.concat(chunks))
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(Buffer.alloc(kFrameHead))
    })
  })
  server.listen(0, '127.0.0.1', () => process.send(`127.0.0.1:${server.address().port}`))
  process.on('disconnect', () => process.exit())
}
