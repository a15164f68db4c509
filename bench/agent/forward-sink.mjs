// Takes OTLP spans over gRPC, in a process of its own, and counts them. Asked 'take' it says how many there were, and forgets them.
import { kFrameHead, serveSink } from './grpc-sink.mjs'
import { walkSpans } from './span-walk.mjs'

let spans = 0

serveSink((frame) => walkSpans(frame, kFrameHead, () => spans++))
process.on('message', () => {
  process.send(spans)
  spans = 0
})
