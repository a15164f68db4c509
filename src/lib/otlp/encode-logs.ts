import type { RawEvent } from '../../data/event.js'
import { beginResourceAndScope, endResourceAndScope, writeAnyValue, writeAttributes } from './encode-common.js'
import { severityText } from './enums.js'
import { groupByResource } from './group.js'
import type { ProtobufWriter } from './protobuf-writer.js'
import type { Scope } from './scope.js'

/** Writes an ExportLogsServiceRequest (opentelemetry-proto logs.proto). */
export function writeLogsRequest(writer: ProtobufWriter, events: readonly RawEvent[], scope: Scope): void {
  for (const [resource, group] of groupByResource(events)) {
    const open = beginResourceAndScope(writer, resource, scope)
    for (const event of group) writeLogRecord(writer, event)
    endResourceAndScope(writer, open)
  }
}

function writeLogRecord(writer: ProtobufWriter, event: RawEvent): void {
  const record = writer.begin(2)
  writer.fixed64(1, event.timeUnixNano)
  writer.varint(2, event.severity)
  writer.string(3, event.severityText ?? severityText[event.severity])
  writeAnyValue(writer, 5, event.encodedBody ?? event.body)
  writeAttributes(writer, 6, event.attributes)
  if (event.traceId !== undefined) writer.hex(9, event.traceId)
  if (event.spanId !== undefined) writer.hex(10, event.spanId)
  writer.fixed64(11, event.observedTimeUnixNano)
  if (event.name !== '') writer.string(12, event.name)
  if (event.rest !== undefined) writer.put(event.rest)
  writer.end(record)
}
