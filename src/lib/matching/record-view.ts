import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import { Severity } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type { Span } from '../../data/span.js'

/**
 * One record as rules and expressions see it. Mutable on purpose: a processor owns one and points it at record after
 * record, so that matching allocates nothing.
 */
export interface RecordView {
  kind: 'event' | 'metric' | 'span'
  /** Event name, metric name, span name. */
  name: string
  /** Unit's name from the record's attributes, else from its resource; empty when neither has it. */
  unit: string
  /** OTLP severity number as a CEL int; ERROR for a span that failed, 0 for other spans and for metrics. */
  severity: bigint
  /** An event's line; else empty. */
  body: string
  attributes: Attributes
  /** Attributes of the resource. */
  resource: Attributes
  /** A point's value (of a histogram its sum), a span's duration in seconds; null for events and points nothing here reads. */
  value: number | bigint | null
}

const kNone: Attributes = Object.freeze({})
const severities: readonly bigint[] = Array.from({ length: 25 }, (_, number) => BigInt(number))

/** @param unitAttribute - the attribute that holds a unit's name */
export function createRecordView(unitAttribute: string) {
  const view: RecordView = {
    kind: 'event',
    name: '',
    unit: '',
    severity: 0n,
    body: '',
    attributes: kNone,
    resource: kNone,
    value: null,
  }
  const setOwner = (attributes: Attributes, resource: Attributes): void => {
    view.attributes = attributes
    view.resource = resource
    const unit = attributes[unitAttribute] ?? resource[unitAttribute]
    view.unit = typeof unit === 'string' ? unit : ''
  }
  return {
    view,
    ofEvent(event: RawEvent): RecordView {
      view.kind = 'event'
      view.name = event.name
      view.severity = severities[event.severity] ?? 0n
      view.body = event.body
      view.value = null
      setOwner(event.attributes, event.resource.attributes)
      return view
    },
    ofPoint(metric: Metric, point: Metric['points'][number]): RecordView {
      view.kind = 'metric'
      view.name = metric.name
      view.severity = 0n
      view.body = ''
      view.value = 'sum' in point ? point.sum : (point.value ?? null)
      setOwner(point.attributes, metric.resource.attributes)
      return view
    },
    ofSpan(span: Span): RecordView {
      view.kind = 'span'
      view.name = span.name
      view.severity = span.status.code === 'error' ? BigInt(Severity.error) : 0n
      view.body = ''
      view.value = Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e9
      setOwner(span.attributes, span.resource.attributes)
      return view
    },
  }
}
