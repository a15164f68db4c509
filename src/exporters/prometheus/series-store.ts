import type { RawEvent } from '../../data/event.js'
import { timeOf } from '../../data/metric.js'
import { headOfMetric, type MetricHead, type ShownMetric, typeOfMetric } from '../../lib/openmetrics/spelling.js'
import type { Pausable } from '../../util/pausable.js'
import { type EventCounter, EventCounts } from './event-counts.js'
import type { Stamp } from './series-rows.js'
import { SeriesTable } from './series-table.js'
import { attributesPool, resourcePool, type SharedAttributes, type SharedResource } from './shared.js'

/** What pages are made of. */
export interface StoreView {
  /** Another one when a series or a count of events came or went, or a resource was described anew; values are no part of it. */
  readonly shape: number
  /** Another one when a resource was described anew: texts with labels of resources are out of date. */
  readonly described: number
  /** Another one when the resources are others, or are described otherwise. */
  readonly resourcesVersion: number
  /** Another one when there are other counts of events. */
  readonly eventsVersion: number
  tables(): Iterable<SeriesTable>
  resources(): Iterable<SharedResource>
  events(): Iterable<EventCounter>
}

export interface StoreLimits {
  readonly maxSeries: number
  readonly expirationMs: number
}

/** Keeps the last point of each series and counts events, both bounded in number and in age. */
export class SeriesStore implements StoreView {
  readonly #limits: StoreLimits
  readonly #keepsExemplars: (head: MetricHead) => boolean
  readonly #resources = resourcePool()
  readonly #attributes = attributesPool()
  readonly #tables = new Set<SeriesTable>()
  /** At most one of each type. */
  readonly #byName = new Map<string, SeriesTable[]>()
  readonly #events = new EventCounts(() => this.#grow())
  #stamp: Stamp = { timeUnixNano: 0n, atMs: 0 }
  #size = 0
  /** Counts series that came and that went. */
  #series = 0

  /** @param keepsExemplars - whether a metric's exemplars can be seen on the page; all are kept when it is left out */
  constructor(limits: StoreLimits, keepsExemplars: (head: MetricHead) => boolean = () => true) {
    this.#limits = limits
    this.#keepsExemplars = keepsExemplars
  }

  /** Series and event counts held. */
  get size(): number {
    return this.#size
  }

  get shape(): number {
    return this.#series + this.#events.version + this.#resources.described
  }

  get described(): number {
    return this.#resources.described
  }

  get resourcesVersion(): number {
    return this.#resources.version
  }

  get eventsVersion(): number {
    return this.#events.version
  }

  /** @returns how many points found no room */
  addMetric(metric: ShownMetric, nowMs: number): number {
    let table = this.#tableOf(metric)
    let resource = this.#resources.find(metric.resource)
    let refused = 0
    const { points, timeUnixNano } = metric
    const ofAll = timeUnixNano && this.#stampOf(timeUnixNano, nowMs)
    for (let at = 0; at < points.length; at++) {
      const point = points[at]!
      const stamp = (point.timeUnixNano === undefined && ofAll) || this.#stampOf(timeOf(metric, point), nowMs)
      let row = table && resource ? table.findNext(resource, point.attributes) : -1
      let attributes: SharedAttributes | undefined
      if (row < 0) {
        attributes = this.#attributes.find(point.attributes)
        if (table && resource && attributes) row = table.find(resource, attributes)
      }
      if (row >= 0) {
        if (!isOvertaken(stamp, table!.stampOf(row))) table!.put(row, point, stamp)
        continue
      }
      if (!this.#grow()) {
        refused++
        continue
      }
      table ??= this.#addTable(metric)
      resource ??= this.#resources.add(metric.resource)
      attributes ??= this.#attributes.add(point.attributes)
      resource.series++
      attributes.series++
      this.#series++
      row = table.add(resource, attributes, stamp)
      table.put(row, point, stamp)
    }
    return refused
  }

  /** @returns whether there was room */
  addEvent(event: RawEvent, nowMs: number): boolean {
    return this.#events.add(event, nowMs)
  }

  /** Forgets what was not updated for the expiration time, a table at a time: some milliseconds for the largest. */
  *expire(nowMs: number): Pausable<void> {
    const { expirationMs } = this.#limits
    const released = (resource: SharedResource, attributes: SharedAttributes): void => {
      this.#resources.release(resource)
      this.#attributes.release(attributes)
      this.#size--
      this.#series++
    }
    for (const table of this.#tables) {
      table.expire(nowMs - expirationMs, released)
      if (table.size === 0) this.#dropTable(table)
      yield
    }
    yield* this.#events.expire(nowMs, expirationMs, () => {
      this.#size--
    })
  }

  tables(): Iterable<SeriesTable> {
    return this.#tables
  }

  resources(): Iterable<SharedResource> {
    return this.#resources.all()
  }

  events(): Iterable<EventCounter> {
    return this.#events.all()
  }

  #tableOf(metric: ShownMetric): SeriesTable | undefined {
    const type = typeOfMetric(metric)
    const tables = this.#byName.get(metric.name)
    if (tables === undefined) return undefined
    // At most three. For each metric of each unit at each interval: no closure.
    for (let at = 0; at < tables.length; at++) if (tables[at]!.head.type === type) return tables[at]
    return undefined
  }

  #addTable(metric: ShownMetric): SeriesTable {
    const head = headOfMetric(metric)
    const { name } = head
    const table = new SeriesTable(head, this.#keepsExemplars(head))
    this.#tables.add(table)
    this.#byName.set(name, [...(this.#byName.get(name) ?? []), table])
    return table
  }

  #dropTable(table: SeriesTable): void {
    const { name } = table.head
    const others = this.#byName.get(name)?.filter((other) => other !== table) ?? []
    this.#tables.delete(table)
    if (others.length === 0) this.#byName.delete(name)
    else this.#byName.set(name, others)
  }

  #stampOf(timeUnixNano: bigint, atMs: number): Stamp {
    const last = this.#stamp
    if (last.timeUnixNano === timeUnixNano && last.atMs === atMs) return last
    this.#stamp = { timeUnixNano, atMs }
    return this.#stamp
  }

  #grow(): boolean {
    if (this.#size >= this.#limits.maxSeries) return false
    this.#size++
    return true
  }
}

/** How far batches may overlap: two pipelines, or a retry. */
const kOverlapMs = 10_000

/**
 * Batches may overtake each other; then the newest measurement stays. A point that is older by more than batches overlap,
 * or that comes when they no longer can, was measured after the clock was set back: it is the newer one.
 */
function isOvertaken(point: Stamp, known: Stamp): boolean {
  if (point.timeUnixNano >= known.timeUnixNano) return false
  const olderNano = known.timeUnixNano - point.timeUnixNano
  return olderNano < BigInt(kOverlapMs) * 1_000_000n && point.atMs - known.atMs < kOverlapMs
}
