// Spans that say who they are: the number of each in its span id, and in its trace id that number and a sum of all that follows.
// Ids have a fixed length and come first, so that a span encoded once is marked in place, and is looked at as quickly.
import { crc32 } from 'node:zlib'

/** `0a 10` and 16 bytes, `12 08` and 8 bytes: trace_id and span_id of opentelemetry.proto.trace.v1.Span. */
const kTraceId = 2
const kSpanId = 20
const kIdsEnd = 28
/** Ids of zeros are none. */
const kSome = 0x0f067aa0

function sumOf(bytes, from, to) {
  return crc32(bytes.subarray(from + kIdsEnd, to))
}

export function mark(bytes, from, to, number) {
  bytes.writeUInt32BE(kSome, from + kTraceId)
  bytes.writeUInt32BE(sumOf(bytes, from, to), from + kTraceId + 4)
  bytes.writeUInt32BE(kSome, from + kTraceId + 8)
  bytes.writeUInt32BE(number, from + kTraceId + 12)
  bytes.writeUInt32BE(kSome, from + kSpanId)
  bytes.writeUInt32BE(number, from + kSpanId + 4)
}

/** The number of a span; undefined when it is not what was sent. */
export function numberOf(bytes, from, to) {
  const number = bytes.readUInt32BE(from + kSpanId + 4)
  const whole =
    bytes[from] === 0x0a &&
    bytes[from + kSpanId - 2] === 0x12 &&
    bytes.readUInt32BE(from + kTraceId + 12) === number &&
    bytes.readUInt32BE(from + kTraceId + 4) === sumOf(bytes, from, to)
  return whole ? number : undefined
}
