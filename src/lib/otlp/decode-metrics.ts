import type { AttributeValue } from '../../data/attributes.js'
import type { EncodedKind, EncodedPoint, HistogramPoint, Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { readAttribute, readRest, type Source } from './decode-common.js'
import { type PointSource, readHistogramPoint, readNumberPoint } from './decode-points.js'
import { encodedKinds, kCumulative } from './enums.js'
import { type MessageName, messages, Wire } from './messages.js'

/** Metrics read, and points left out because nobody could make sense of them. */
export interface ReadMetrics {
  readonly metrics: Metric[]
  rejectedPoints: number
}

interface DataKind {
  readonly kind: EncodedKind
  readonly message: MessageName
  readonly point: MessageName
}
const dataKinds: Readonly<Record<number, DataKind>> = {
  5: { kind: 'gauge', message: 'Gauge', point: 'NumberDataPoint' },
  7: { kind: 'sum', message: 'Sum', point: 'NumberDataPoint' },
  9: { kind: 'histogram', message: 'Histogram', point: 'HistogramDataPoint' },
  10: { kind: 'exponential_histogram', message: 'ExponentialHistogram', point: 'ExponentialHistogramDataPoint' },
  11: { kind: 'summary', message: 'Summary', point: 'SummaryDataPoint' },
}

type Head = Pick<Metric, 'name' | 'unit' | 'description' | 'resource' | 'rest'>

/** Reads the Metric from here to `end`: as one metric of ours, or several where its points are not of one kind. */
export function readMetric(source: Source, end: number, resource: Resource, into: ReadMetrics): void {
  const { cursor } = source
  let name = ''
  let description = ''
  let unit = ''
  let rest = ''
  let data: { readonly kind: DataKind; readonly from: number; readonly to: number } | undefined
  while (cursor.at < end) {
    const from = cursor.at
    const tag = cursor.tag(end)
    const kind = (tag & 7) === Wire.length ? dataKinds[tag >>> 3] : undefined
    if (tag === 10) name = cursor.string(end)
    else if (tag === 18) description = cursor.string(end)
    else if (tag === 26) unit = cursor.string(end)
    else if (kind === undefined) rest += readRest(source, messages.Metric, tag, from, end)
    else {
      const to = cursor.length(end)
      data = { kind, from: cursor.at, to } // a oneof: the last one counts
      cursor.at = to
    }
  }
  if (data === undefined) return // a name without a point
  const head: Head = { name, unit, description, resource, ...(rest === '' ? {} : { rest }) }
  cursor.at = data.from
  readData(source, data.kind, data.to, head, into)
  cursor.at = end
}

function readData(
  source: Source,
  { kind, message, point }: DataKind,
  end: number,
  head: Head,
  into: ReadMetrics,
): void {
  const { cursor } = source
  const from = cursor.at
  const { data, temporality, monotonic } = readSettings(source, message, end)
  const cumulative = kind === 'gauge' || temporality === kCumulative
  const ints: NumberPoint[] = []
  const doubles: NumberPoint[] = []
  const histograms: HistogramPoint[] = []
  const encoded: EncodedPoint[] = []
  cursor.at = from
  while (cursor.at < end) {
    const tag = cursor.tag(end)
    if (tag !== 10) {
      cursor.skip(tag & 7, end)
      continue
    }
    const to = cursor.length(end)
    const at = cursor.at
    cursor.countPart()
    const { ids, attributes, unknown } = source.omitted
    const points: PointSource = { source, end: to }
    if (cumulative && (kind === 'gauge' || kind === 'sum')) {
      const number = readNumberPoint(points)
      if (number !== undefined) {
        ;(number.isInt ? ints : doubles).push(number.point)
        continue
      }
    } else if (cumulative && kind === 'histogram') {
      const histogram = readHistogramPoint(points)
      if (histogram === 'invalid') {
        into.rejectedPoints++
        cursor.at = to
        continue
      }
      if (histogram !== undefined) {
        histograms.push(histogram)
        continue
      }
    }
    cursor.at = at
    Object.assign(source.omitted, { ids, attributes, unknown }) // of the first reading
    encoded.push(readEncodedPoint(source, kind, point, to))
  }
  const { metrics } = into
  for (const [points, valueType] of [
    [ints, 'int'],
    [doubles, 'double'],
  ] as const) {
    if (points.length === 0) continue
    if (kind === 'gauge') metrics.push({ ...head, type: 'gauge', valueType, points })
    else metrics.push({ ...head, type: 'sum', valueType, monotonic, points })
  }
  if (histograms.length > 0) metrics.push({ ...head, type: 'histogram', points: histograms })
  if (encoded.length > 0) metrics.push({ ...head, type: 'encoded', kind, data, points: encoded })
}

/** All but the points, which may stand before or after. */
function readSettings(source: Source, message: MessageName, end: number) {
  const { cursor } = source
  let data = ''
  let temporality = 0
  let monotonic = false
  while (cursor.at < end) {
    const from = cursor.at
    const tag = cursor.tag(end)
    if (tag === 10) {
      cursor.skip(Wire.length, end)
      continue
    }
    if (message !== 'Gauge' && (tag === 16 || tag === 24)) {
      const value = Number(cursor.varint(end, true))
      if (tag === 16) temporality = value
      else monotonic = value !== 0
      cursor.at = from
      cursor.tag(end)
    }
    data += readRest(source, messages[message], tag, from, end)
  }
  return { data, temporality, monotonic }
}

/** A point as it came, but for its attributes, which rules and edits look at. */
function readEncodedPoint(source: Source, kind: EncodedKind, message: MessageName, end: number): EncodedPoint {
  const { cursor } = source
  const attributesTag = encodedKinds[kind].attributes * 8 + Wire.length
  const attributes: Record<string, AttributeValue> = {}
  let fields = ''
  while (cursor.at < end) {
    const from = cursor.at
    const tag = cursor.tag(end)
    if (tag === attributesTag) readAttribute(source, end, attributes)
    else fields += readRest(source, messages[message], tag, from, end)
  }
  return { attributes, fields }
}
