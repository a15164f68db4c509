import type { Attributes } from '../../data/attributes.js'
import type { Exemplar, HistogramPoint, NumberPoint } from '../../data/metric.js'
import type { MetricHead } from '../../lib/openmetrics/spelling.js'
import { type SharedAttributes, type SharedResource, sameAttributes } from './shared.js'

/** When points were measured and came; one object for all points of a batch. */
export interface Stamp {
  readonly timeUnixNano: bigint
  readonly atMs: number
}

const kFirstRows = 8

/**
 * The series of one metric, a row each, in the order in which they came. Columns instead of objects: 50 bytes a series.
 *
 * Rows are never moved in the arrays that a reader holds: `expire` makes new ones, so a page that is made over several
 * turns of the event loop reads one state of things.
 */
export class SeriesTable {
  readonly head: MetricHead
  resources: SharedResource[] = []
  attributes: SharedAttributes[] = []
  /** Empty for histograms. */
  values = new Float64Array(0)
  /** Histograms, else empty. */
  histograms: HistogramPoint[] = []
  /** The newest exemplar of a number, by row. */
  exemplars = new Map<number, Exemplar>()
  /** Integers that no double holds, by row. */
  exact = new Map<number, bigint>()
  /** The sets of attributes that occur. */
  kinds = new Set<SharedAttributes>()
  stamps: Stamp[] = []
  /** Rows by hash of (resource, attributes), open addressing; 0 is free, else the row plus one. At most half full. */
  #slots = new Int32Array(2 * kFirstRows)
  readonly #keepsExemplars: boolean

  constructor(head: MetricHead, keepsExemplars: boolean) {
    this.head = head
    this.#keepsExemplars = keepsExemplars
  }

  get size(): number {
    return this.resources.length
  }

  /**
   * The shared attributes of a point, if it is known without a search: the points of a metric come in the same order
   * each time, so they are those of the row after the last one.
   *
   * @param row - where the last point was found
   */
  attributesAfter(row: number, attributes: Attributes): SharedAttributes | undefined {
    const next = this.attributes[row + 1]
    return next !== undefined && (next.content === attributes || sameAttributes(next.content, attributes))
      ? next
      : undefined
  }

  /** The row of a series, or -1. */
  find(resource: SharedResource, attributes: SharedAttributes): number {
    const mask = this.#slots.length - 1
    for (let at = hashOf(resource, attributes) & mask; ; at = (at + 1) & mask) {
      const row = this.#slots[at]! - 1
      if (row < 0 || (this.resources[row] === resource && this.attributes[row] === attributes)) return row
    }
  }

  /** A row for a series that has none. */
  add(resource: SharedResource, attributes: SharedAttributes, stamp: Stamp): number {
    const row = this.size
    this.resources.push(resource)
    this.attributes.push(attributes)
    this.stamps.push(stamp)
    this.kinds.add(attributes)
    if (this.head.type !== 'histogram' && row >= this.values.length) {
      const longer = new Float64Array(kFirstRows + row + (row >> 1))
      longer.set(this.values)
      this.values = longer
    }
    if (2 * (row + 1) > this.#slots.length) this.#index(2 * this.#slots.length)
    else this.#enter(row)
    return row
  }

  stampOf(row: number): Stamp {
    return this.stamps[row]!
  }

  put(row: number, point: NumberPoint | HistogramPoint, stamp: Stamp): void {
    this.stamps[row] = stamp
    if (isHistogram(point)) this.histograms[row] = keepExemplars(point, this.histograms[row])
    else this.#putNumber(row, point)
  }

  /** Forgets rows whose last point came before `beforeMs`; `released` is called for each. */
  expire(beforeMs: number, released: (resource: SharedResource, attributes: SharedAttributes) => void): void {
    if (!this.#hasOlder(beforeMs)) return
    const { resources, attributes, values, histograms, exemplars, exact } = this
    const stamps = this.stamps
    this.resources = []
    this.attributes = []
    this.values = new Float64Array(values.length)
    this.histograms = []
    this.exemplars = new Map()
    this.exact = new Map()
    this.kinds = new Set()
    this.stamps = []
    this.#slots = new Int32Array(2 * kFirstRows)
    for (let from = 0; from < stamps.length; from++) {
      if (stamps[from]!.atMs <= beforeMs) {
        released(resources[from]!, attributes[from]!)
        continue
      }
      const row = this.add(resources[from]!, attributes[from]!, stamps[from]!)
      if (this.head.type === 'histogram') this.histograms.push(histograms[from]!)
      else this.values[row] = values[from]!
      const exemplar = exemplars.get(from)
      if (exemplar !== undefined) this.exemplars.set(row, exemplar)
      const integer = exact.get(from)
      if (integer !== undefined) this.exact.set(row, integer)
    }
  }

  /** Asked of all series every 10 s, and nearly always for nothing: it makes nothing. */
  #hasOlder(beforeMs: number): boolean {
    const { stamps } = this
    let last: Stamp | undefined
    for (let row = 0; row < stamps.length; row++) {
      const stamp = stamps[row]!
      if (stamp === last) continue // those of a batch have one
      if (stamp.atMs <= beforeMs) return true
      last = stamp
    }
    return false
  }

  #putNumber(row: number, { value, exemplars }: NumberPoint): void {
    const number = Number(value)
    this.values[row] = number
    if (typeof value === 'bigint' && !Number.isSafeInteger(number)) this.exact.set(row, value)
    else if (this.exact.size > 0) this.exact.delete(row)
    const exemplar = this.#keepsExemplars ? newestOf(exemplars) : undefined
    if (exemplar !== undefined) this.exemplars.set(row, exemplar)
  }

  #index(slots: number): void {
    this.#slots = new Int32Array(slots)
    for (let row = 0; row < this.size; row++) this.#enter(row)
  }

  #enter(row: number): void {
    const mask = this.#slots.length - 1
    let at = hashOf(this.resources[row]!, this.attributes[row]!) & mask
    while (this.#slots[at] !== 0) at = (at + 1) & mask
    this.#slots[at] = row + 1
  }
}

/** Ids are counted up, so multiplying by odd constants (2^32 over the golden ratio, and xxHash's second prime) spreads them. */
function hashOf(resource: SharedResource, attributes: SharedAttributes): number {
  const mixed = Math.imul(resource.id, 0x9e3779b1) ^ Math.imul(attributes.id, 0x85ebca77)
  return mixed ^ (mixed >>> 15)
}

/** The newest exemplar; of the same age the last one. */
export function newestOf(exemplars: readonly Exemplar[] | undefined): Exemplar | undefined {
  let newest = exemplars?.[0]
  for (let at = 1; at < (exemplars?.length ?? 0); at++)
    if (exemplars![at]!.timeUnixNano >= newest!.timeUnixNano) newest = exemplars![at]
  return newest
}

/** A scraper that comes every 15 s must still find the exemplar of a point replaced 5 s ago. */
function keepExemplars(point: HistogramPoint, before: HistogramPoint | undefined): HistogramPoint {
  if (point.exemplars !== undefined || before?.exemplars === undefined) return point
  return { ...point, exemplars: before.exemplars }
}

function isHistogram(point: NumberPoint | HistogramPoint): point is HistogramPoint {
  return 'bounds' in point
}
