import type { Attributes } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import type { Family, Labels } from '../../lib/openmetrics/family.js'
import {
  attributeLabels,
  bucketLabels,
  identityLabels,
  keyOfAttributes,
  mergeLabels,
} from '../../lib/openmetrics/labels.js'
import {
  bucketLe,
  headOfMetric,
  type ShownMetric,
  type SpelledMetric,
  spellMetric,
  targetInfo,
  typeOfMetric,
} from '../../lib/openmetrics/spelling.js'
import { infoLabels } from '../../lib/openmetrics/target-info.js'
import { newSeries, type Series } from './series.js'
import { labelFields } from './write-request.js'

export interface BookLimits {
  readonly maxSeries: number
  readonly expirationMs: number
}

/** The series of one histogram: the bounds are part of their labels. */
export interface HistogramSeries {
  readonly bounds: readonly number[]
  /** One longer than `bounds`. */
  readonly buckets: readonly Series[]
  readonly count: Series
  readonly sum: Series
}

/** The series of one metric, by resource and attributes. */
export interface MetricTable extends SpelledMetric {
  readonly numbers: Map<string, Map<string, Series>>
  readonly histograms: Map<string, Map<string, HistogramSeries>>
}

/** A resource that has series, and the labels it gives them. */
export interface KnownResource {
  readonly resource: Resource
  readonly labels: Labels
  cameMs: number
}

/** Shorter silence is no end: what is told of events first comes in bursts, and then once in each collection. */
const kMinSilenceMs = 60_000
/** A series that missed so many of its turns has ended. */
const kPauses = 4

/**
 * All series of this exporter, bounded in number. One that is silent for several times its longest pause, or for the
 * expiration time, has ended.
 */
export class SeriesBook {
  readonly #limits: BookLimits
  readonly #external: Labels
  readonly #byLabels = new Map<string, Series>()
  readonly #tables = new Map<string, MetricTable>()
  readonly #resources = new Map<string, KnownResource>()
  /** Frozen attributes are shared by many points. */
  readonly #keys = new WeakMap<Attributes, string>()

  /** @param external - what each series says that does not say it already */
  constructor(limits: BookLimits, external: Labels) {
    this.#limits = limits
    this.#external = external
  }

  get size(): number {
    return this.#byLabels.size
  }
  get resources(): Iterable<KnownResource> {
    return this.#resources.values()
  }
  *families(): Iterable<Family> {
    for (const { family } of this.#tables.values()) yield family
  }

  /** Undefined where there is no room for its first series. */
  tableOf(metric: ShownMetric): MetricTable | undefined {
    const key = `${typeOfMetric(metric)} ${metric.name}`
    const known = this.#tables.get(key)
    if (known !== undefined || this.size >= this.#limits.maxSeries) return known
    const table = { ...spellMetric(headOfMetric(metric)), numbers: new Map(), histograms: new Map() }
    this.#tables.set(key, table)
    return table
  }

  resourceOf(resource: Resource, nowMs: number): KnownResource {
    let known = this.#resources.get(resource.key)
    if (known?.resource !== resource) {
      known = { resource, labels: mergeLabels(identityLabels(resource), this.#everywhere(resource)), cameMs: nowMs }
      this.#resources.set(resource.key, known)
    }
    known.cameMs = nowMs
    return known
  }

  /** Undefined when there is no room for another one. */
  numberSeries(table: MetricTable, of: KnownResource, attributes: Attributes, nowMs: number): Series | undefined {
    const { key } = of.resource
    const attributesKey = this.#keyOf(attributes)
    const known = table.numbers.get(key)?.get(attributesKey)
    if (known !== undefined) return known
    const { name, type } = table.family
    const labels = mergeLabels(of.labels, attributeLabels(attributes))
    const series = this.named(type === 'counter' ? `${name}_total` : name, labels, nowMs)
    if (series !== undefined) put(table.numbers, key, attributesKey, series)
    return series
  }

  histogramSeries(
    table: MetricTable,
    of: KnownResource,
    attributes: Attributes,
    bounds: readonly number[],
    nowMs: number,
  ): HistogramSeries | undefined {
    const { key } = of.resource
    const attributesKey = this.#keyOf(attributes)
    const known = table.histograms.get(key)?.get(attributesKey)
    if (known !== undefined && sameNumbers(known.bounds, bounds)) return known
    if (this.size + bounds.length + 3 > this.#limits.maxSeries) return undefined
    const { name } = table.family
    const labels = mergeLabels(of.labels, bucketLabels(attributes))
    const bucket = (bound: number) =>
      this.named(`${name}_bucket`, [...labels, ['le', bucketLe(bound, table.scale)]], nowMs)!
    const series: HistogramSeries = {
      bounds,
      buckets: [...bounds, Number.POSITIVE_INFINITY].map(bucket),
      count: this.named(`${name}_count`, labels, nowMs)!,
      sum: this.named(`${name}_sum`, labels, nowMs)!,
    }
    put(table.histograms, key, attributesKey, series)
    return series
  }

  eventSeries(event: string, of: KnownResource, nowMs: number): Series | undefined {
    return this.named('unitscope_events_total', mergeLabels([['event', event]], of.labels), nowMs)
  }

  infoSeries({ resource }: KnownResource, nowMs: number): Series | undefined {
    return this.named(`${targetInfo.name}_info`, mergeLabels(infoLabels(resource), this.#everywhere(resource)), nowMs)
  }

  /** Labels tell series apart: two metrics, or two resources, that Prometheus spells alike are one. */
  named(name: string, labels: Labels, nowMs: number): Series | undefined {
    const fields = labelFields(name, labels)
    let series = this.#byLabels.get(fields)
    if (series === undefined && this.size < this.#limits.maxSeries) {
      series = newSeries(fields, nowMs)
      this.#byLabels.set(fields, series)
    }
    return series
  }

  /** The series that have ended, at a glance through all: some milliseconds for 100,000. */
  ended(nowMs: number): readonly Series[] {
    const ended: Series[] = []
    for (const series of this.#byLabels.values()) if (nowMs - series.cameMs > this.silenceOf(series)) ended.push(series)
    return ended
  }

  /** How long a series may be silent. */
  silenceOf({ pauseMs }: Series): number {
    const { expirationMs } = this.#limits
    return pauseMs === 0 ? expirationMs : Math.min(expirationMs, Math.max(kMinSilenceMs, kPauses * pauseMs))
  }

  forget(ended: readonly Series[], nowMs: number): void {
    const gone = new Set(ended)
    for (const { labels } of gone) this.#byLabels.delete(labels)
    for (const [key, { numbers, histograms }] of this.#tables) {
      removeFrom(numbers, (series) => gone.has(series))
      removeFrom(histograms, ({ count }) => gone.has(count))
      if (numbers.size === 0 && histograms.size === 0) this.#tables.delete(key)
    }
    for (const [key, { cameMs }] of this.#resources)
      if (nowMs - cameMs > this.#limits.expirationMs) this.#resources.delete(key)
  }

  /** What a scrape would have added: the machine, and what the user wants to see; and whose it is, for tenants' units have the same names. */
  #everywhere({ attributes, origin }: Resource): Labels {
    const instance = attributes['host.name'] ?? attributes['service.instance.id']
    const own = mergeLabels(this.#external, instance === undefined ? [] : [['instance', String(instance)]])
    return origin?.metadata === undefined ? own : mergeLabels(own, attributeLabels(origin.metadata))
  }

  #keyOf(attributes: Attributes): string {
    const known = this.#keys.get(attributes)
    if (known !== undefined) return known
    const key = keyOfAttributes(attributes)
    if (Object.isFrozen(attributes)) this.#keys.set(attributes, key)
    return key
  }
}

function put<T>(rows: Map<string, Map<string, T>>, resource: string, attributes: string, series: T): void {
  const of = rows.get(resource)
  if (of === undefined) rows.set(resource, new Map([[attributes, series]]))
  else of.set(attributes, series)
}

function removeFrom<T>(rows: Map<string, Map<string, T>>, isGone: (series: T) => boolean): void {
  for (const [resource, of] of rows) {
    for (const [attributes, series] of of) if (isGone(series)) of.delete(attributes)
    if (of.size === 0) rows.delete(resource)
  }
}

function sameNumbers(one: readonly number[], other: readonly number[]): boolean {
  return one === other || (one.length === other.length && one.every((number, at) => number === other[at]))
}
