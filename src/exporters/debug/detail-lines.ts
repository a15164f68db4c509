import { type Attributes, type AttributeValue, EncodedValue } from '../../data/attributes.js'
import type { EncodedPoint, Exemplar, HistogramPoint, Metric, NumberPoint } from '../../data/metric.js'
import type { Span } from '../../data/span.js'
import { clipEnd, printable } from '../../lib/terminal/printable.js'
import type { Style } from '../../lib/terminal/style.js'

const kIndent = ' '.repeat(14)
const kMaxValue = 200
/** Below one record; enough for any event of ours and a bound for those of others. */
const kMaxLines = 64

export function attributeLines(attributes: Attributes, style: Style): readonly string[] {
  return capped(Object.entries(attributes), ([key, value]) => `${style('dim', `${printable(key)} =`)} ${shown(value)}`)
}

export function spanLines(span: Span, style: Style): readonly string[] {
  const ids = {
    'span id': span.spanId,
    ...(span.parentSpanId === undefined ? {} : { 'parent span id': span.parentSpanId }),
  }
  return [
    ...attributeLines(ids, style),
    ...attributeLines(span.attributes, style),
    ...capped(span.events, (event) => `${style('dim', 'event')} ${printable(event.name)}${inBraces(event.attributes)}`),
    ...capped(
      span.links,
      (link) => `${style('dim', 'link')} ${link.traceId}/${link.spanId}${inBraces(link.attributes)}`,
    ),
  ]
}

export function metricLines(metrics: readonly Metric[], style: Style): readonly string[] {
  return metrics.flatMap((metric) => {
    const unit = metric.unit === '1' ? '' : ` ${metric.unit}`
    const subject = printable(String(metric.resource.attributes['service.name'] ?? metric.resource.key))
    const points: readonly Point[] = metric.points
    return capped(points, (point) => {
      const where = inBraces(point.attributes)
      return `${printable(metric.name)}${where} ${style('bold', numberOf(point))}${unit} ${style('dim', subject)}${exemplarOf('fields' in point ? undefined : point.exemplars, style)}`
    })
  })
}

type Point = NumberPoint | HistogramPoint | EncodedPoint

function numberOf(point: Point): string {
  if ('fields' in point) return '(as it came)'
  if (!('bounds' in point)) return String(point.value)
  return `count ${point.count}, sum ${point.sum}`
}

function exemplarOf(exemplars: readonly Exemplar[] | undefined, style: Style): string {
  const last = exemplars?.at(-1)
  return last?.traceId === undefined ? '' : style('dim', ` · run ${last.traceId.slice(0, 8)}`)
}

function inBraces(attributes: Attributes): string {
  const pairs = Object.entries(attributes).map(([key, value]) => `${printable(key)}=${shown(value)}`)
  return pairs.length === 0 ? '' : `{${pairs.join(', ')}}`
}

function shown(value: AttributeValue): string {
  return clipEnd(
    printable(typeof value === 'object' && !(value instanceof EncodedValue) ? value.join(', ') : String(value)),
    kMaxValue,
  )
}

function capped<T>(list: readonly T[], show: (one: T) => string): readonly string[] {
  const lines = list.slice(0, kMaxLines).map((one) => kIndent + show(one))
  if (list.length > kMaxLines) lines.push(`${kIndent}… ${list.length - kMaxLines} more`)
  return lines
}
