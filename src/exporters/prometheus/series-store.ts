import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Exemplar, Metric } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { assertNever } from '../../util/assert-never.js'
import { type Series, type StoredSeries, storedSeries } from './stored-series.js'

/** A metric without its points. */
export interface MetricHead {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  /** A gauge that OpenTelemetry calls a Sum: its unit `1` does not mean a ratio. */
  readonly isSum: boolean
}

/** How often an event was seen at a unit. */
export interface EventCount {
  readonly name: string
  readonly resource: Resource
  readonly count: number
  readonly exemplar: Exemplar | undefined
  readonly updatedMs: number
}

/**
 * A metric's series, first by attributes and then by resource. Attributes are few and units many: 10,000 units have the same
 * 8 states, so 8 maps of 10,000 resources, whose keys are there already, and not 80,000 texts of both.
 */
interface StoredMetric {
  readonly head: MetricHead
  readonly byAttributes: Map<string, Map<string, StoredSeries>>
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
    const stored = this.#stored(metric)
    const { resource } = metric
    let refused = 0
    this.#version++
    for (const point of metric.points) {
      const key = attributesKey(point.attributes)
      let byResource = stored.byAttributes.get(key)
      const known = byResource?.get(resource.key)
      if (known !== undefined) known.update(resource, point, nowMs)
      else if (this.#grow()) {
        if (byResource === undefined) {
          byResource = new Map()
          stored.byAttributes.set(key, byResource)
        }
        byResource.set(resource.key, storedSeries(resource, point, nowMs))
      } else refused++
    }
    return refused
  }

  #stored(metric: Metric): StoredMetric {
    const head = headOf(metric)
    const key = `${head.name}\0${head.type}`
    let stored = this.#metrics.get(key)
    if (stored === undefined) {
      stored = { head, byAttributes: new Map() }
      this.#metrics.set(key, stored)
    }
    return stored
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
    for (const [key, { byAttributes }] of this.#metrics) {
      for (const [attributes, byResource] of byAttributes) {
        for (const [id, { updatedMs }] of byResource) {
          if (nowMs - updatedMs < this.#expirationMs) continue
          byResource.delete(id)
          this.#shrink()
        }
        if (byResource.size === 0) byAttributes.delete(attributes)
      }
      if (byAttributes.size === 0) this.#metrics.delete(key)
    }
    const eventLifeMs = Math.max(this.#expirationMs, kMinEventLifeMs)
    for (const [id, { updatedMs }] of this.#events) {
      if (nowMs - updatedMs < eventLifeMs) continue
      this.#events.delete(id)
      this.#shrink()
    }
  }

  *metrics(): Iterable<{ readonly head: MetricHead; readonly series: Iterable<Series> }> {
    for (const stored of this.#metrics.values()) yield { head: stored.head, series: seriesIn(stored) }
  }

  *seriesOf(name: string): Iterable<Series> {
    for (const stored of this.#metrics.values()) if (stored.head.name === name) yield* seriesIn(stored)
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

function* seriesIn({ byAttributes }: StoredMetric): Iterable<Series> {
  for (const byResource of byAttributes.values()) yield* byResource.values()
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

/** Of attributes that many points share, and that never change (`Object.freeze`). */
const keysOfShared = new WeakMap<Attributes, string>()

function attributesKey(attributes: Attributes): string {
  if (!Object.isFrozen(attributes)) return textOf(attributes)
  let key = keysOfShared.get(attributes)
  if (key === undefined) {
    key = textOf(attributes)
    keysOfShared.set(attributes, key)
  }
  return key
}

function textOf(attributes: Attributes): string {
  const pairs = Object.entries(attributes)
  if (pairs.length > 1) pairs.sort(([a], [b]) => (a < b ? -1 : 1))
  let key = ''
  for (const [name, value] of pairs) key += `\0${name}\u0001${String(value)}`
  return key
}

function exemplarOf(event: RawEvent): Exemplar | undefined {
  if (event.traceId === undefined) return undefined
  const { traceId, spanId, timeUnixNano } = event
  return { timeUnixNano, value: 1, traceId, ...(spanId === undefined ? {} : { spanId }) }
}
