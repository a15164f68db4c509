import type { Batch } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import type { Exemplar, HistogramPoint, Metric, NumberPoint } from '../../data/metric.js'
import type { Span } from '../../data/span.js'

/** A batch whose trace and span IDs are all what OTLP allows, and what it took to make it so. */
export interface CheckedBatch {
  /** The very batch given when there was nothing to do, which is nearly always. */
  readonly batch: Batch
  /** IDs left out of events, exemplars, links and parents. */
  readonly omitted: number
  /** Spans left out because their own ID is none: without it they are no spans. */
  readonly lostSpans: number
}

/**
 * 16 and 8 bytes in hex, not all zero (opentelemetry-proto, trace.proto). Servers refuse a whole request for one ID of
 * another length, and hex digits cut short would be another, valid-looking ID.
 */
const traceId = /^(?!0{32}$)[0-9a-f]{32}$/i
const spanId = /^(?!0{16}$)[0-9a-f]{16}$/i

/** The one place where records with invalid IDs (of a damaged recording, of a source's bug) are made fit to be sent. */
export function checkIds(batch: Batch): CheckedBatch {
  if (areAllIds(batch)) return { batch, omitted: 0, lostSpans: 0 }
  const checker = new Checker()
  const events = mapped(batch.events, (event) => checker.event(event))
  const metrics = mapped(batch.metrics, (metric) => checker.metric(metric))
  const spans = mapped(batch.spans, (span) => checker.span(span))
  const same = events === batch.events && metrics === batch.metrics && spans === batch.spans
  const lostSpans = batch.spans.length - spans.length
  return { batch: same ? batch : { events, metrics, spans }, omitted: checker.omitted, lostSpans }
}

class Checker {
  omitted = 0

  event(event: RawEvent): RawEvent {
    const bad = this.#optional(event.traceId, traceId) + this.#optional(event.spanId, spanId)
    if (bad === 0) return event
    const { traceId: trace, spanId: span, ...rest } = event
    return {
      ...rest,
      ...(trace !== undefined && traceId.test(trace) ? { traceId: trace } : {}),
      ...(span !== undefined && spanId.test(span) ? { spanId: span } : {}),
    }
  }

  metric(metric: Metric): Metric {
    if (metric.type === 'encoded') return metric // looked at when it came
    if (metric.type === 'histogram') {
      const points = mapped(metric.points, (point) => this.#point(point))
      return points === metric.points ? metric : { ...metric, points }
    }
    const points = mapped(metric.points, (point) => this.#point(point))
    return points === metric.points ? metric : { ...metric, points }
  }

  span(span: Span): Span | undefined {
    if (!traceId.test(span.traceId) || !spanId.test(span.spanId)) return undefined
    const badParent = this.#optional(span.parentSpanId, spanId) > 0
    const links = mapped(span.links, (link) => {
      if (traceId.test(link.traceId) && spanId.test(link.spanId)) return link
      this.omitted++
      return undefined
    })
    if (!badParent && links === span.links) return span
    const { parentSpanId, ...rest } = span
    return { ...rest, links, ...(badParent || parentSpanId === undefined ? {} : { parentSpanId }) }
  }

  #point<P extends NumberPoint | HistogramPoint>(point: P): P {
    if (point.exemplars === undefined) return point
    const exemplars = mapped(point.exemplars, (exemplar) => this.#exemplar(exemplar))
    return exemplars === point.exemplars ? point : { ...point, exemplars }
  }

  #exemplar(exemplar: Exemplar): Exemplar | undefined {
    if (exemplar.traceId !== undefined && !traceId.test(exemplar.traceId)) {
      this.omitted++
      return undefined
    }
    if (this.#optional(exemplar.spanId, spanId) === 0) return exemplar
    const { spanId: _, ...rest } = exemplar
    return rest
  }

  #optional(id: string | undefined, form: RegExp): number {
    if (id === undefined || form.test(id)) return 0
    this.omitted++
    return 1
  }
}

/** The look at what is nearly always right: nothing is made for it. */
function areAllIds({ events, metrics, spans }: Batch): boolean {
  return events.every(areOptionalIdsRight) && metrics.every(areExemplarsRight) && spans.every(isSpanRight)
}

// A required ID may be missing all the same: components in JavaScript have no types. `undefined` is not 16 bytes in hex.

function areIdsRight(one: { readonly traceId: string; readonly spanId: string }): boolean {
  return traceId.test(one.traceId) && spanId.test(one.spanId)
}

function isExemplarRight(one: Exemplar): boolean {
  return (
    (one.traceId === undefined || traceId.test(one.traceId)) && (one.spanId === undefined || spanId.test(one.spanId))
  )
}

function areOptionalIdsRight(one: { readonly traceId?: string; readonly spanId?: string }): boolean {
  return (
    (one.traceId === undefined || traceId.test(one.traceId)) && (one.spanId === undefined || spanId.test(one.spanId))
  )
}

function areExemplarsRight(metric: Metric): boolean {
  if (metric.type === 'encoded') return true
  const { points } = metric
  for (let at = 0; at < points.length; at++) {
    const { exemplars } = points[at]!
    if (exemplars !== undefined && !exemplars.every(isExemplarRight)) return false
  }
  return true
}

function isSpanRight(span: Span): boolean {
  if (span.parentSpanId !== undefined && !spanId.test(span.parentSpanId)) return false
  return areIdsRight(span) && span.links.every(areIdsRight)
}

/** Like map, without what becomes undefined; the very list given when nothing changes. */
function mapped<T>(list: readonly T[], convert: (one: T) => T | undefined): readonly T[] {
  let result: T[] | undefined
  for (let at = 0; at < list.length; at++) {
    const one = list[at]!
    const other = convert(one)
    if (other !== one) result ??= list.slice(0, at)
    if (result !== undefined && other !== undefined) result.push(other)
  }
  return result ?? list
}
