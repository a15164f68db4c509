import type { Attributes } from '../../data/attributes.js'
import {
  type Exemplar,
  type Gauge,
  type HistogramPoint,
  type Metric,
  type Sum,
  startTimeOf,
  timeOf,
} from '../../data/metric.js'
import { assertNever } from '../../util/assert-never.js'
import { beginResourceAndScope, endResourceAndScope, writeAttributes } from './encode-common.js'
import { encodedKinds, isInt64, kCumulative } from './enums.js'
import { groupByResource } from './group.js'
import { KeptMetrics } from './kept-metrics.js'
import { Prepared } from './prepared.js'
import type { ProtobufWriter } from './protobuf-writer.js'
import type { Scope } from './scope.js'

type ValueType = 'int' | 'double'

/** Writes an ExportMetricsServiceRequest (opentelemetry-proto metrics.proto), exemplars included. */
export function writeMetricsRequest(writer: ProtobufWriter, metrics: readonly Metric[], scope: Scope): void {
  for (const [resource, group] of groupByResource(metrics)) {
    const open = beginResourceAndScope(writer, resource, scope)
    for (const metric of group) writeMetric(writer, metric)
    endResourceAndScope(writer, open)
  }
}

function writeMetric(writer: ProtobufWriter, metric: Metric): void {
  const head = headOf(writer, metric)
  if (metric.type !== 'gauge' && metric.type !== 'sum') return void writeWhole(writer, metric, head)
  if (head.kept.write(writer, metric)) return
  const from = writer.length
  writeWhole(writer, metric, head)
  head.kept.keep(writer, metric, from)
}

function writeWhole(writer: ProtobufWriter, metric: Metric, head: Head): void {
  // A head and a point are some 130 bytes, a point by itself some 60.
  const start = writer.begin(2, 2)
  const lengthBytes = metric.points.length > 2 ? 2 : 1
  writer.put(head.fields)
  switch (metric.type) {
    case 'gauge': {
      const data = writer.begin(5, lengthBytes)
      writeNumberPoints(writer, metric)
      writer.end(data, lengthBytes)
      break
    }
    case 'sum': {
      const data = writer.begin(7, lengthBytes)
      writeNumberPoints(writer, metric)
      writer.varint(2, kCumulative)
      writer.varint(3, metric.monotonic ? 1 : 0)
      writer.end(data, lengthBytes)
      break
    }
    case 'histogram': {
      const data = writer.begin(9, lengthBytes)
      for (const point of metric.points) writeHistogramPoint(writer, point)
      writer.varint(2, kCumulative)
      writer.end(data, lengthBytes)
      break
    }
    case 'encoded': {
      const kind = encodedKinds[metric.kind]
      const data = writer.begin(kind.field, lengthBytes)
      for (const { attributes, fields } of metric.points) {
        const point = writer.begin(1)
        writer.put(fields)
        writeAttributes(writer, kind.attributes, attributes)
        writer.end(point)
      }
      writer.put(metric.data)
      writer.end(data, lengthBytes)
      break
    }
    default:
      assertNever(metric)
  }
  if (metric.rest !== undefined) writer.put(metric.rest)
  writer.end(start, 2)
}

/** Ours are some hundred; more of them are names of a plugin that change. */
const kMaxHeads = 1024
interface Head {
  readonly description: string
  readonly unit: string
  /** Encoded. */
  readonly fields: string
  readonly kept: KeptMetrics
}
const heads = new Map<string, Head>()

/** Name, description and unit, of which a metric has the same for all units. */
function headOf(writer: ProtobufWriter, { name, description, unit }: Metric): Head {
  const known = heads.get(name)
  if (known !== undefined && known.description === description && known.unit === unit) return known
  const from = writer.length
  writer.string(1, name)
  writer.string(2, description)
  writer.string(3, unit)
  const head = { description, unit, fields: writer.since(from), kept: new KeptMetrics() }
  writer.reset(from)
  if (known !== undefined || heads.size < kMaxHeads) heads.set(name, head)
  return head
}

/** Frozen is what many points share: states, kinds of memory. */
const pointAttributes = new Prepared<Attributes>((writer, each) => writeAttributes(writer, 7, each), Object.isFrozen)

function writeNumberPoints(writer: ProtobufWriter, metric: Gauge | Sum): void {
  const { points, valueType } = metric
  for (let at = 0; at < points.length; at++) {
    const point = points[at]!
    const start = writer.begin(1)
    // Times first: `KeptMetrics` writes over them.
    const since = startTimeOf(metric, point)
    if (since !== undefined) writer.fixed64(2, since)
    writer.fixed64(3, timeOf(metric, point))
    // as_double 4, as_int 6
    writeValue(writer, point.value, valueType, 4, 6)
    const { exemplars } = point
    if (exemplars !== undefined)
      for (let of = 0; of < exemplars.length; of++) writeExemplar(writer, 5, exemplars[of]!, valueType)
    pointAttributes.write(writer, point.attributes)
    writer.end(start)
  }
}

function writeHistogramPoint(writer: ProtobufWriter, point: HistogramPoint): void {
  const start = writer.begin(1)
  writer.fixed64(2, point.startTimeUnixNano)
  writer.fixed64(3, point.timeUnixNano)
  writer.fixed64(4, point.count)
  writer.double(5, point.sum)
  const counts = writer.begin(6)
  for (const count of point.bucketCounts) writer.fixed64Element(count)
  writer.end(counts)
  const bounds = writer.begin(7)
  for (const bound of point.bounds) writer.doubleElement(bound)
  writer.end(bounds)
  for (const exemplar of point.exemplars ?? []) writeExemplar(writer, 8, exemplar, 'double')
  writeAttributes(writer, 9, point.attributes)
  if (point.min !== undefined) writer.double(11, point.min)
  if (point.max !== undefined) writer.double(12, point.max)
  writer.end(start)
}

function writeExemplar(writer: ProtobufWriter, field: number, exemplar: Exemplar, valueType: ValueType): void {
  const start = writer.begin(field)
  writer.fixed64(2, exemplar.timeUnixNano)
  // as_double 3, as_int 6
  writeValue(writer, exemplar.value, valueType, 3, 6)
  if (exemplar.spanId !== undefined) writer.hex(4, exemplar.spanId)
  if (exemplar.traceId !== undefined) writer.hex(5, exemplar.traceId)
  if (exemplar.attributes !== undefined) writeAttributes(writer, 7, exemplar.attributes)
  writer.end(start)
}

/** A fraction in a metric declared int (a source's mistake) goes as double: the type is off, the value is not. */
function writeValue(
  writer: ProtobufWriter,
  value: number | bigint,
  valueType: ValueType,
  doubleField: number,
  intField: number,
): void {
  if (valueType === 'int' && isInt64(value)) writer.fixed64(intField, value)
  else writer.double(doubleField, Number(value))
}
