import { ProtobufWriter } from './protobuf-writer.js'

/** Export*ServiceResponse of opentelemetry-proto; the three signals share field numbers. Empty when all was taken. */
export function writePartialSuccess(rejected: number, message: string): Uint8Array {
  const writer = new ProtobufWriter()
  if (rejected > 0 || message !== '') {
    const partial = writer.begin(1)
    if (rejected > 0) writer.varint(1, rejected)
    writer.string(2, message)
    writer.end(partial)
  }
  return new Uint8Array(writer.written())
}

/** google.rpc.Status with a RetryInfo, when there is a time to wait: that is how OTLP tells back-pressure. */
export function writeStatus(code: number, message: string, retryAfterMs?: number): Uint8Array {
  const writer = new ProtobufWriter()
  writer.varint(1, code)
  writer.string(2, message)
  if (retryAfterMs !== undefined) {
    const detail = writer.begin(3)
    writer.string(1, 'type.googleapis.com/google.rpc.RetryInfo')
    const info = writer.begin(2)
    const delay = writer.begin(1)
    writer.varint(1, Math.floor(retryAfterMs / 1000))
    writer.varint(2, Math.round((retryAfterMs % 1000) * 1e6))
    writer.end(delay)
    writer.end(info)
    writer.end(detail)
  }
  return new Uint8Array(writer.written())
}
