/** OTLP/JSON as the file exporter writes it, read back into flat records. Only what the tests look at. */

type Value =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly Value[] } }
interface KeyValue {
  readonly key: string
  readonly value: Value
}
type Plain = string | boolean | number | readonly Plain[]
export type Attributes = Readonly<Record<string, Plain>>

export interface EventLine {
  readonly name: string
  readonly traceId: string | undefined
  readonly timeUnixNano: bigint
  readonly attributes: Attributes
  readonly resource: Attributes
}

export interface PointLine {
  readonly name: string
  readonly value: number
  readonly attributes: Attributes
  readonly resource: Attributes
}

export interface SpanLine {
  readonly name: string
  readonly traceId: string
}

interface Request {
  readonly resourceLogs?: readonly ResourceGroup[]
  readonly resourceMetrics?: readonly ResourceGroup[]
  readonly resourceSpans?: readonly ResourceGroup[]
}
interface ResourceGroup {
  readonly resource: { readonly attributes: readonly KeyValue[] }
  readonly scopeLogs?: readonly { readonly logRecords: readonly LogRecord[] }[]
  readonly scopeMetrics?: readonly { readonly metrics: readonly MetricRecord[] }[]
  readonly scopeSpans?: readonly { readonly spans: readonly SpanLine[] }[]
}
interface LogRecord {
  readonly eventName: string
  readonly traceId?: string
  readonly timeUnixNano: string
  readonly attributes: readonly KeyValue[]
}
interface MetricRecord {
  readonly name: string
  readonly gauge?: { readonly dataPoints: readonly DataPoint[] }
  readonly sum?: { readonly dataPoints: readonly DataPoint[] }
  readonly histogram?: { readonly dataPoints: readonly DataPoint[] }
}
interface DataPoint {
  readonly asInt?: string
  readonly asDouble?: number
  readonly attributes: readonly KeyValue[]
}

/** What a file of such lines holds; a last line that is not whole yet is left out. */
export class OtlpLines {
  readonly events: readonly EventLine[]
  readonly points: readonly PointLine[]
  readonly spans: readonly SpanLine[]
  /** Events, spans and points, as the agent counts items. */
  readonly items: number

  constructor(text: string) {
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const requests = whole
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Request)
    this.events = requests.flatMap((request) => (request.resourceLogs ?? []).flatMap(eventsOf))
    this.points = requests.flatMap((request) => (request.resourceMetrics ?? []).flatMap(pointsOf))
    this.spans = requests.flatMap((request) =>
      (request.resourceSpans ?? []).flatMap((group) => group.scopeSpans?.flatMap((scope) => scope.spans) ?? []),
    )
    this.items = this.events.length + this.points.length + this.spans.length
  }
}

function eventsOf({ resource, scopeLogs = [] }: ResourceGroup): EventLine[] {
  const about = plain(resource.attributes)
  return scopeLogs.flatMap(({ logRecords }) =>
    logRecords.map((record) => ({
      name: record.eventName,
      traceId: record.traceId,
      timeUnixNano: BigInt(record.timeUnixNano),
      attributes: plain(record.attributes),
      resource: about,
    })),
  )
}

function pointsOf({ resource, scopeMetrics = [] }: ResourceGroup): PointLine[] {
  const about = plain(resource.attributes)
  return scopeMetrics.flatMap(({ metrics }) =>
    metrics.flatMap(({ name, gauge, sum, histogram }) =>
      ((gauge ?? sum ?? histogram)?.dataPoints ?? []).map((point) => ({
        name,
        value: Number(point.asInt ?? point.asDouble),
        attributes: plain(point.attributes),
        resource: about,
      })),
    ),
  )
}

function plain(attributes: readonly KeyValue[]): Attributes {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plainValue(value)]))
}

function plainValue(value: Value): Plain {
  if ('intValue' in value) return Number(value.intValue)
  if ('arrayValue' in value) return value.arrayValue.values.map(plainValue)
  return 'stringValue' in value ? value.stringValue : 'boolValue' in value ? value.boolValue : value.doubleValue
}
