import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Exemplar, HistogramPoint, Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { assertNever } from '../../util/assert-never.js'

/** A metric without its points. */
export interface MetricHead {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  /** A gauge that OpenTelemetry calls a Sum: its unit `1` does not mean a ratio. */
  readonly isSum: boolean
}

/** The newest point of one series. */
export interface Series {
  readonly resource: Resource
  readonly point: NumberPoint | HistogramPoint
  readonly updatedMs: number
}

/** How often an event was seen at a unit. */
export interface EventCount {
  readonly name: string
  readonly resource: Resource
  readonly count: number
  readonly exemplar: Exemplar | undefined
  readonly updatedMs: number
}

interface StoredMetric {
  readonly head: MetricHead
  readonly series: Map<string, Series>
}

/** What profiles read. */
export interface StoreView {
  metrics(): Iterable<{ readonly head: MetricHead; readonly series: Iterable<Series> }>
  seriesOf(name: string): Iterable<Series>
  events(): Iterable<EventCount>
}

/** Event counts outlive silence of points: a counter that vanished between two failures would show no increase. */
const kMinEventLifeMs = 3_600_000

/** Keeps the last point of each series and counts events, both bounded in number and in age. */
export class SeriesStore implements StoreView {
  readonly #maxSeries: number
  readonly #expirationMs: number
  readonly #metrics = new Map<string, StoredMetric>()
  readonly #events = new Map<string, EventCount>()
  #size = 0
  #version = 0

  constructor(limits: { readonly maxSeries: number; readonly expirationMs: number }) {
    this.#maxSeries = limits.maxSeries
    this.#expirationMs = limits.expirationMs
  }

  /** Series and event counts held. */
  get size(): number {
    return this.#size
  }
  /** Grows with every change. */
  get version(): number {
    return this.#version
  }

  /** @returns how many points found no room */
  addMetric(metric: Metric, nowMs: number): number {
    const head = headOf(metric)
    const key = `${head.name}\0${head.type}`
    let stored = this.#metrics.get(key)
    if (stored === undefined) {
      stored = { head, series: new Map() }
      this.#metrics.set(key, stored)
    }
    let refused = 0
    this.#version++
    for (const point of metric.points) {
      const id = seriesKey(metric.resource, point.attributes)
      const known = stored.series.get(id)
      if (known === undefined && !this.#grow()) {
        refused++
        continue
      }
      if (known !== undefined && isOvertaken(point, known, nowMs)) continue
      stored.series.set(id, { resource: metric.resource, point: keepExemplars(point, known?.point), updatedMs: nowMs })
    }
    return refused
  }

  /** @returns whether there was room */
  addEvent(event: RawEvent, nowMs: number): boolean {
    const id = `${event.resource.key}\0${event.name}`
    const known = this.#events.get(id)
    if (known === undefined && !this.#grow()) return false
    this.#version++
    this.#events.set(id, {
      name: event.name,
      resource: event.resource,
      count: (known?.count ?? 0) + 1,
      exemplar: exemplarOf(event) ?? known?.exemplar,
      updatedMs: nowMs,
    })
    return true
  }

  /** Forgets what was not updated for the expiration time. */
  expire(nowMs: number): void {
    for (const [key, { series }] of this.#metrics) {
      for (const [id, { updatedMs }] of series) {
        if (nowMs - updatedMs < this.#expirationMs) continue
        series.delete(id)
        this.#shrink()
      }
      if (series.size === 0) this.#metrics.delete(key)
    }
    const eventLifeMs = Math.max(this.#expirationMs, kMinEventLifeMs)
    for (const [id, { updatedMs }] of this.#events) {
      if (nowMs - updatedMs < eventLifeMs) continue
      this.#events.delete(id)
      this.#shrink()
    }
  }

  *metrics(): Iterable<{ readonly head: MetricHead; readonly series: Iterable<Series> }> {
    for (const { head, series } of this.#metrics.values()) yield { head, series: series.values() }
  }

  *seriesOf(name: string): Iterable<Series> {
    for (const { head, series } of this.#metrics.values()) if (head.name === name) yield* series.values()
  }

  events(): Iterable<EventCount> {
    return this.#events.values()
  }

  #grow(): boolean {
    if (this.#size >= this.#maxSeries) return false
    this.#size++
    return true
  }

  #shrink(): void {
    this.#size--
    this.#version++
  }
}

/** How far batches may overlap: two pipelines, or a retry. */
const kOverlapMs = 10_000

/**
 * Batches may overtake each other; then the newest measurement stays. A point that is older by more than batches overlap,
 * or that comes when they no longer can, was measured after the clock was set back: it is the newer one.
 */
function isOvertaken(point: NumberPoint | HistogramPoint, known: Series, nowMs: number): boolean {
  const olderNano = known.point.timeUnixNano - point.timeUnixNano
  return olderNano > 0n && olderNano < BigInt(kOverlapMs) * 1_000_000n && nowMs - known.updatedMs < kOverlapMs
}

function headOf(metric: Metric): MetricHead {
  const { name, unit, description } = metric
  switch (metric.type) {
    case 'gauge':
      return { name, unit, description, type: 'gauge', isSum: false }
    case 'sum':
      return { name, unit, description, type: metric.monotonic ? 'counter' : 'gauge', isSum: true }
    case 'histogram':
      return { name, unit, description, type: 'histogram', isSum: false }
    default:
      return assertNever(metric)
  }
}

/** By the resource's key, not its identity: an evicted and re-made resource is still the same entity. */
function seriesKey(resource: Resource, attributes: Attributes): string {
  const pairs = Object.entries(attributes)
  if (pairs.length > 1) pairs.sort(([a], [b]) => (a < b ? -1 : 1))
  let key = resource.key
  for (const [name, value] of pairs) key += `\0${name}\u0001${String(value)}`
  return key
}

/** A scraper that comes every 15 s must still find the exemplar of a point replaced 5 s ago. */
function keepExemplars<P extends NumberPoint | HistogramPoint>(
  point: P,
  before: NumberPoint | HistogramPoint | undefined,
): P {
  if (point.exemplars !== undefined || before?.exemplars === undefined) return point
  return { ...point, exemplars: before.exemplars }
}

function exemplarOf(event: RawEvent): Exemplar | undefined {
  if (event.traceId === undefined) return undefined
  const { traceId, spanId, timeUnixNano } = event
  return { timeUnixNano, value: 1, traceId, ...(spanId === undefined ? {} : { spanId }) }
}
