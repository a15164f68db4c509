import type { RawEvent } from '../../data/event.js'
import { type Exemplar, timeOf } from '../../data/metric.js'
import { exemplarOfEvent } from '../../lib/openmetrics/exemplar.js'
import { labelText } from '../../lib/openmetrics/exposition.js'
import { identityLabels } from '../../lib/openmetrics/labels.js'
import { headOfMetric, type MetricHead, type ShownMetric, typeOfMetric } from '../../lib/openmetrics/spelling.js'
import type { Pausable } from '../../util/pausable.js'
import { SeriesTable, type Stamp } from './series-table.js'
import { attributesPool, resourcePool, type SharedAttributes, type SharedResource } from './shared.js'

/** How often an event was seen at a unit. */
export interface EventCount {
  /** The event's name and what tells resources apart, as on the page. */
  readonly labels: string
  readonly count: number
  readonly exemplar: Exemplar | undefined
  readonly updatedMs: number
}

/** One count for all resources whose labels are the same; pages being made hold the `last` of their beginning. */
interface EventCounter {
  last: EventCount
}

/** What pages are made of. */
export interface StoreView {
  tables(): Iterable<SeriesTable>
  resources(): Iterable<SharedResource>
  events(): Iterable<EventCount>
}

export interface StoreLimits {
  readonly maxSeries: number
  readonly expirationMs: number
}

/** Event counts outlive silence of points: a counter that vanished between two failures would show no increase. */
const kMinEventLifeMs = 3_600_000

/** Resources whose counts are found without making their labels; past it all are found anew. */
const kMaxFound = 65_536

/** Looked through in one piece, a fraction of a millisecond. */
const kPieceEvents = 4096

/** Keeps the last point of each series and counts events, both bounded in number and in age. */
export class SeriesStore implements StoreView {
  readonly #limits: StoreLimits
  readonly #keepsExemplars: (head: MetricHead) => boolean
  readonly #resources = resourcePool()
  readonly #attributes = attributesPool()
  readonly #tables = new Set<SeriesTable>()
  /** At most one of each type. */
  readonly #byName = new Map<string, SeriesTable[]>()
  /** By labels. */
  readonly #events = new Map<string, EventCounter>()
  /** By key of the resource, and name. */
  readonly #found = new Map<string, Map<string, EventCounter>>()
  #stamp: Stamp = { timeUnixNano: 0n, atMs: 0 }
  #size = 0

  /** @param keepsExemplars - whether a metric's exemplars can be seen on the page; all are kept when it is left out */
  constructor(limits: StoreLimits, keepsExemplars: (head: MetricHead) => boolean = () => true) {
    this.#limits = limits
    this.#keepsExemplars = keepsExemplars
  }

  /** Series and event counts held. */
  get size(): number {
    return this.#size
  }

  /** @returns how many points found no room */
  addMetric(metric: ShownMetric, nowMs: number): number {
    let table = this.#tableOf(metric)
    let resource = this.#resources.find(metric.resource)
    let refused = 0
    let row = -1
    const { points } = metric
    for (let at = 0; at < points.length; at++) {
      const point = points[at]!
      const stamp = this.#stampOf(timeOf(metric, point), nowMs)
      let attributes = table?.attributesAfter(row, point.attributes) ?? this.#attributes.find(point.attributes)
      const found = table && resource && attributes ? table.find(resource, attributes) : -1
      if (found >= 0) {
        row = found
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
      row = table.add(resource, attributes, stamp)
      table.put(row, point, stamp)
    }
    return refused
  }

  /** @returns whether there was room */
  addEvent(event: RawEvent, nowMs: number): boolean {
    const counter = this.#found.get(event.resource.key)?.get(event.name) ?? this.#findCounter(event)
    if (counter === undefined) return false
    const { labels, count, exemplar } = counter.last
    counter.last = { labels, count: count + 1, exemplar: exemplarOfEvent(event) ?? exemplar, updatedMs: nowMs }
    return true
  }

  /** Forgets what was not updated for the expiration time, a table at a time: some milliseconds for the largest. */
  *expire(nowMs: number): Pausable<void> {
    const { expirationMs } = this.#limits
    const released = (resource: SharedResource, attributes: SharedAttributes): void => {
      this.#resources.release(resource)
      this.#attributes.release(attributes)
      this.#size--
    }
    for (const table of this.#tables) {
      table.expire(nowMs - expirationMs, released)
      if (table.size === 0) this.#dropTable(table)
      yield
    }
    const eventLifeMs = Math.max(expirationMs, kMinEventLifeMs)
    let looked = 0
    for (const [labels, { last }] of this.#events) {
      if (++looked % kPieceEvents === 0) yield
      if (nowMs - last.updatedMs < eventLifeMs) continue
      this.#events.delete(labels)
      this.#found.clear()
      this.#size--
    }
  }

  tables(): Iterable<SeriesTable> {
    return this.#tables
  }

  resources(): Iterable<SharedResource> {
    return this.#resources.all()
  }

  *events(): Iterable<EventCount> {
    for (const { last } of this.#events.values()) yield last
  }

  /** By labels, for two scopes or two tenants of one service would be two samples of one series. */
  #findCounter({ name, resource }: RawEvent): EventCounter | undefined {
    const labels = labelText([['event', name], ...identityLabels(resource)])
    let counter = this.#events.get(labels)
    if (counter === undefined) {
      if (!this.#grow()) return undefined
      counter = { last: { labels, count: 0, exemplar: undefined, updatedMs: 0 } }
      this.#events.set(labels, counter)
    }
    let ofResource = this.#found.get(resource.key)
    if (ofResource === undefined) {
      if (this.#found.size >= kMaxFound) this.#found.clear()
      ofResource = new Map()
      this.#found.set(resource.key, ofResource)
    }
    ofResource.set(name, counter)
    return counter
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
