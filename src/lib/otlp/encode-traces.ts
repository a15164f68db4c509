import type { Span } from '../../data/span.js'
import { beginResourceAndScope, endResourceAndScope, writeAttributes } from './encode-common.js'
import { spanKind, statusCode } from './enums.js'
import { groupByResource } from './group.js'
import type { ProtobufWriter } from './protobuf-writer.js'
import type { Scope } from './scope.js'

/** Writes an ExportTraceServiceRequest (opentelemetry-proto trace.proto). */
export function writeTracesRequest(writer: ProtobufWriter, spans: readonly Span[], scope: Scope): void {
  for (const [resource, group] of groupByResource(spans)) {
    const open = beginResourceAndScope(writer, resource, scope)
    for (const span of group) writeSpan(writer, span)
    endResourceAndScope(writer, open)
  }
}

function writeSpan(writer: ProtobufWriter, span: Span): void {
  const start = writer.begin(2)
  writer.hex(1, span.traceId)
  writer.hex(2, span.spanId)
  if (span.parentSpanId !== undefined) writer.hex(4, span.parentSpanId)
  writer.string(5, span.name)
  writer.varint(6, spanKind[span.kind])
  writer.fixed64(7, span.startTimeUnixNano)
  writer.fixed64(8, span.endTimeUnixNano)
  writeAttributes(writer, 9, span.attributes)
  for (const event of span.events) {
    const at = writer.begin(11)
    writer.fixed64(1, event.timeUnixNano)
    writer.string(2, event.name)
    writeAttributes(writer, 3, event.attributes)
    if (event.rest !== undefined) writer.put(event.rest)
    writer.end(at)
  }
  for (const link of span.links) {
    const at = writer.begin(13)
    writer.hex(1, link.traceId)
    writer.hex(2, link.spanId)
    writeAttributes(writer, 4, link.attributes)
    if (link.rest !== undefined) writer.put(link.rest)
    writer.end(at)
  }
  const status = writer.begin(15)
  if (span.status.message !== undefined) writer.string(2, span.status.message)
  writer.varint(3, statusCode[span.status.code])
  writer.end(status)
  if (span.rest !== undefined) writer.put(span.rest)
  writer.end(start)
}
