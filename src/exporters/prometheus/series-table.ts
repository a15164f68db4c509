import type { Attributes } from '../../data/attributes.js'
import type { HistogramPoint, NumberPoint } from '../../data/metric.js'
import type { MetricHead } from '../../lib/openmetrics/spelling.js'
import { SeriesRows, type Stamp } from './series-rows.js'
import { type SharedAttributes, type SharedResource, sameAttributes } from './shared.js'

const kFirstSlots = 16

/** The series of one metric, found by what tells them apart. */
export class SeriesTable {
  readonly head: MetricHead
  /** `expire` makes new ones: who holds these reads on in them. */
  rows: SeriesRows
  /** Rows by hash of (resource, attributes), open addressing; 0 is free, else the row plus one. At most half full. */
  #slots = new Int32Array(kFirstSlots)
  /** The row that was found last, or -1. */
  #last = -1
  /** No row was last heard of before. */
  #oldestMs = Number.POSITIVE_INFINITY

  constructor(head: MetricHead, keepsExemplars: boolean) {
    this.head = head
    this.rows = new SeriesRows(keepsExemplars)
  }

  get size(): number {
    return this.rows.size
  }

  /** The row after the one found last, if it is that of this series: they come in the same order each time. Else -1. */
  findNext(resource: SharedResource, attributes: Attributes): number {
    const { rows } = this
    const row = this.#last + 1
    if (rows.resources[row] !== resource) return -1
    const { content } = rows.attributes[row]!
    if (content !== attributes && !sameAttributes(content, attributes)) return -1
    this.#last = row
    return row
  }

  /** The row of a series, or -1. */
  find(resource: SharedResource, attributes: SharedAttributes): number {
    const { rows } = this
    const mask = this.#slots.length - 1
    for (let at = hashOf(resource, attributes) & mask; ; at = (at + 1) & mask) {
      const row = this.#slots[at]! - 1
      if (row >= 0 && (rows.resources[row] !== resource || rows.attributes[row] !== attributes)) continue
      this.#last = row
      return row
    }
  }

  /** A row for a series that has none. */
  add(resource: SharedResource, attributes: SharedAttributes, stamp: Stamp): number {
    const row = this.rows.add(resource, attributes, stamp)
    if (stamp.atMs < this.#oldestMs) this.#oldestMs = stamp.atMs
    if (2 * (row + 1) > this.#slots.length) this.#index(2 * this.#slots.length)
    else this.#enter(row)
    return row
  }

  stampOf(row: number): Stamp {
    return this.rows.stamps[row]!
  }

  put(row: number, point: NumberPoint | HistogramPoint, stamp: Stamp): void {
    this.rows.put(row, point, stamp)
  }

  /**
   * Forgets rows whose last point came before `beforeMs`; `released` is called for each. Asked every 10 s and for each page,
   * and nearly always for nothing: rows are heard of again and again, so they are looked at once in an expiration time.
   */
  expire(beforeMs: number, released: (resource: SharedResource, attributes: SharedAttributes) => void): void {
    if (beforeMs < this.#oldestMs) return
    this.#oldestMs = this.rows.oldestMs()
    if (beforeMs < this.#oldestMs) return
    this.rows = this.rows.without(beforeMs, released)
    this.#oldestMs = this.rows.oldestMs()
    let slots = kFirstSlots
    while (slots < 2 * this.size) slots *= 2
    this.#index(slots)
  }

  #index(slots: number): void {
    this.#slots = new Int32Array(slots)
    for (let row = 0; row < this.size; row++) this.#enter(row)
  }

  #enter(row: number): void {
    const mask = this.#slots.length - 1
    let at = hashOf(this.rows.resources[row]!, this.rows.attributes[row]!) & mask
    while (this.#slots[at] !== 0) at = (at + 1) & mask
    this.#slots[at] = row + 1
  }
}

/** Ids are counted up, so multiplying by odd constants (2^32 over the golden ratio, and xxHash's second prime) spreads them. */
function hashOf(resource: SharedResource, attributes: SharedAttributes): number {
  const mixed = Math.imul(resource.id, 0x9e3779b1) ^ Math.imul(attributes.id, 0x85ebca77)
  return mixed ^ (mixed >>> 15)
}
