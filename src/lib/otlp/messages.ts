/**
 * How a field stands on the wire and in OTLP/JSON ("JSON Protobuf Encoding" of the OTLP specification). `id` is bytes that
 * JSON has in hex, `packed` numbers are repeated ones.
 */
export type ScalarKind =
  | 'string'
  | 'bytes'
  | 'id'
  | 'bool'
  | 'enum'
  | 'uint32'
  | 'sint32'
  | 'int32'
  | 'int64'
  | 'uint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed64'
  | 'double'

export interface FieldType {
  readonly number: number
  /** In lowerCamelCase, as JSON has it. */
  readonly name: string
  readonly kind: ScalarKind | MessageName
  readonly repeated: boolean
}

export interface MessageType {
  readonly name: MessageName
  /** By number. */
  readonly fields: readonly (FieldType | undefined)[]
}

/** One line for each message of opentelemetry-proto 1.9: `number:name:kind`, with `*` for repeated. */
const definitions = {
  AnyValue:
    '1:stringValue:string 2:boolValue:bool 3:intValue:int64 4:doubleValue:double 5:arrayValue:ArrayValue 6:kvlistValue:KeyValueList 7:bytesValue:bytes',
  ArrayValue: '1:values:AnyValue*',
  KeyValueList: '1:values:KeyValue*',
  KeyValue: '1:key:string 2:value:AnyValue',
  InstrumentationScope: '1:name:string 2:version:string 3:attributes:KeyValue* 4:droppedAttributesCount:uint32',
  EntityRef: '1:schemaUrl:string 2:type:string 3:idKeys:string* 4:descriptionKeys:string*',
  Resource: '1:attributes:KeyValue* 2:droppedAttributesCount:uint32 3:entityRefs:EntityRef*',

  LogsRequest: '1:resourceLogs:ResourceLogs*',
  ResourceLogs: '1:resource:Resource 2:scopeLogs:ScopeLogs* 3:schemaUrl:string',
  ScopeLogs: '1:scope:InstrumentationScope 2:logRecords:LogRecord* 3:schemaUrl:string',
  LogRecord:
    '1:timeUnixNano:fixed64 2:severityNumber:enum 3:severityText:string 5:body:AnyValue 6:attributes:KeyValue* 7:droppedAttributesCount:uint32 8:flags:fixed32 9:traceId:id 10:spanId:id 11:observedTimeUnixNano:fixed64 12:eventName:string',

  TracesRequest: '1:resourceSpans:ResourceSpans*',
  ResourceSpans: '1:resource:Resource 2:scopeSpans:ScopeSpans* 3:schemaUrl:string',
  ScopeSpans: '1:scope:InstrumentationScope 2:spans:Span* 3:schemaUrl:string',
  Span: '1:traceId:id 2:spanId:id 3:traceState:string 4:parentSpanId:id 5:name:string 6:kind:enum 7:startTimeUnixNano:fixed64 8:endTimeUnixNano:fixed64 9:attributes:KeyValue* 10:droppedAttributesCount:uint32 11:events:SpanEvent* 12:droppedEventsCount:uint32 13:links:SpanLink* 14:droppedLinksCount:uint32 15:status:Status 16:flags:fixed32',
  SpanEvent: '1:timeUnixNano:fixed64 2:name:string 3:attributes:KeyValue* 4:droppedAttributesCount:uint32',
  SpanLink:
    '1:traceId:id 2:spanId:id 3:traceState:string 4:attributes:KeyValue* 5:droppedAttributesCount:uint32 6:flags:fixed32',
  Status: '2:message:string 3:code:enum',

  MetricsRequest: '1:resourceMetrics:ResourceMetrics*',
  ResourceMetrics: '1:resource:Resource 2:scopeMetrics:ScopeMetrics* 3:schemaUrl:string',
  ScopeMetrics: '1:scope:InstrumentationScope 2:metrics:Metric* 3:schemaUrl:string',
  Metric:
    '1:name:string 2:description:string 3:unit:string 5:gauge:Gauge 7:sum:Sum 9:histogram:Histogram 10:exponentialHistogram:ExponentialHistogram 11:summary:Summary 12:metadata:KeyValue*',
  Gauge: '1:dataPoints:NumberDataPoint*',
  Sum: '1:dataPoints:NumberDataPoint* 2:aggregationTemporality:enum 3:isMonotonic:bool',
  Histogram: '1:dataPoints:HistogramDataPoint* 2:aggregationTemporality:enum',
  ExponentialHistogram: '1:dataPoints:ExponentialHistogramDataPoint* 2:aggregationTemporality:enum',
  Summary: '1:dataPoints:SummaryDataPoint*',
  NumberDataPoint:
    '2:startTimeUnixNano:fixed64 3:timeUnixNano:fixed64 4:asDouble:double 5:exemplars:Exemplar* 6:asInt:sfixed64 7:attributes:KeyValue* 8:flags:uint32',
  HistogramDataPoint:
    '2:startTimeUnixNano:fixed64 3:timeUnixNano:fixed64 4:count:fixed64 5:sum:double 6:bucketCounts:fixed64* 7:explicitBounds:double* 8:exemplars:Exemplar* 9:attributes:KeyValue* 10:flags:uint32 11:min:double 12:max:double',
  ExponentialHistogramDataPoint:
    '1:attributes:KeyValue* 2:startTimeUnixNano:fixed64 3:timeUnixNano:fixed64 4:count:fixed64 5:sum:double 6:scale:sint32 7:zeroCount:fixed64 8:positive:Buckets 9:negative:Buckets 10:flags:uint32 11:exemplars:Exemplar* 12:min:double 13:max:double 14:zeroThreshold:double',
  Buckets: '1:offset:sint32 2:bucketCounts:uint64*',
  SummaryDataPoint:
    '2:startTimeUnixNano:fixed64 3:timeUnixNano:fixed64 4:count:fixed64 5:sum:double 6:quantileValues:ValueAtQuantile* 7:attributes:KeyValue* 8:flags:uint32',
  ValueAtQuantile: '1:quantile:double 2:value:double',
  Exemplar:
    '2:timeUnixNano:fixed64 3:asDouble:double 4:spanId:id 5:traceId:id 6:asInt:sfixed64 7:filteredAttributes:KeyValue*',
} as const

export type MessageName = keyof typeof definitions

export const messages: Readonly<Record<MessageName, MessageType>> = Object.freeze(
  Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [name, { name, fields: fieldsOf(definition) }]),
  ) as Record<MessageName, MessageType>,
)

function fieldsOf(definition: string): readonly (FieldType | undefined)[] {
  const fields: (FieldType | undefined)[] = []
  for (const part of definition.split(' ')) {
    const [number = '', name = '', kind = ''] = part.split(':')
    fields[Number(number)] = {
      number: Number(number),
      name,
      kind: kind.replace('*', '') as FieldType['kind'],
      repeated: kind.endsWith('*'),
    }
  }
  return Array.from(fields) // without holes
}

export function isMessage(kind: FieldType['kind']): kind is MessageName {
  return Object.hasOwn(definitions, kind)
}

/** Wire types of protobuf (protobuf.dev/programming-guides/encoding). */
export const Wire = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const

/** How one value of a field stands on the wire; repeated numbers may also be packed, as `Wire.length`. */
export function wireOf(kind: FieldType['kind']): number {
  switch (kind) {
    case 'bool':
    case 'enum':
    case 'uint32':
    case 'sint32':
    case 'int32':
    case 'int64':
    case 'uint64':
      return Wire.varint
    case 'fixed64':
    case 'sfixed64':
    case 'double':
      return Wire.fixed64
    case 'fixed32':
      return Wire.fixed32
    default:
      return Wire.length
  }
}

/** Whether a field of the message may come with that wire type. */
export function fits(field: FieldType, wire: number): boolean {
  const own = wireOf(field.kind)
  return own === wire || (field.repeated && wire === Wire.length)
}
