import type { Exemplar, HistogramPoint, NumberPoint } from '../../data/metric.js'
import type { SharedAttributes, SharedResource } from './shared.js'

/** When points were measured and came; one object for all points of a batch. */
export interface Stamp {
  readonly timeUnixNano: bigint
  readonly atMs: number
}

/** Rows whose text is kept in one buffer, some 16 KiB: fewer cost more buffers, more are seldom all as they were. */
export const kBlockRows = 128

const kFirstRows = 8

/**
 * Series of one metric, a row each, in the order in which they came. Columns instead of objects: 58 bytes a series.
 *
 * Rows are added and their values change, but none is moved or taken away, so a page that is made over several turns of
 * the event loop reads one state of things.
 */
export class SeriesRows {
  readonly resources: SharedResource[] = []
  readonly attributes: SharedAttributes[] = []
  /** Empty for histograms. */
  values = new Float64Array(0)
  /** Histograms, else empty. */
  readonly histograms: HistogramPoint[] = []
  /** The newest exemplar of a number, by row. */
  readonly exemplars = new Map<number, Exemplar>()
  /** Integers that no double holds, by row. */
  readonly exact = new Map<number, bigint>()
  /** The sets of attributes that occur. */
  readonly kinds = new Set<SharedAttributes>()
  readonly stamps: Stamp[] = []
  /** By row: greater than all before when it came, or reads differently. */
  versions = new Float64Array(0)
  /** By block: the newest of its rows. */
  readonly blockVersions: number[] = []
  readonly #keepsExemplars: boolean
  #version: number

  /** @param version - past those of the rows that were before */
  constructor(keepsExemplars: boolean, version = 0) {
    this.#keepsExemplars = keepsExemplars
    this.#version = version
  }

  get size(): number {
    return this.resources.length
  }

  /** A row without a value yet. */
  add(resource: SharedResource, attributes: SharedAttributes, stamp: Stamp): number {
    const row = this.size
    if (row >= this.versions.length) this.versions = longer(this.versions)
    this.resources.push(resource)
    this.attributes.push(attributes)
    this.stamps.push(stamp)
    this.kinds.add(attributes)
    this.#touch(row)
    return row
  }

  put(row: number, point: NumberPoint | HistogramPoint, stamp: Stamp): void {
    this.stamps[row] = stamp
    if (isHistogram(point) ? this.#putHistogram(row, point) : this.#putNumber(row, point)) this.#touch(row)
  }

  /** When the row that was silent for longest was heard of. */
  oldestMs(): number {
    const { stamps } = this
    let oldest = Number.POSITIVE_INFINITY
    let last: Stamp | undefined
    for (let row = 0; row < stamps.length; row++) {
      const stamp = stamps[row]!
      if (stamp === last) continue // those of a batch have one
      last = stamp
      if (stamp.atMs < oldest) oldest = stamp.atMs
    }
    return oldest
  }

  /**
   * Those heard of after `beforeMs`, moved together; `released` is called for each of the others. Blocks before the first
   * of these are what they were: what comes and goes stands at the end.
   */
  without(beforeMs: number, released: (resource: SharedResource, attributes: SharedAttributes) => void): SeriesRows {
    const left = new SeriesRows(this.#keepsExemplars, this.#version)
    let unmoved = -1
    for (let row = 0; row < this.size; row++)
      if (this.stamps[row]!.atMs > beforeMs) left.#take(this, row)
      else {
        if (unmoved < 0) unmoved = row
        released(this.resources[row]!, this.attributes[row]!)
      }
    const blocks = Math.floor(unmoved / kBlockRows)
    for (let block = 0; block < blocks; block++) left.blockVersions[block] = this.blockVersions[block]!
    for (let row = 0; row < blocks * kBlockRows; row++) left.versions[row] = this.versions[row]!
    return left
  }

  #take(from: SeriesRows, its: number): void {
    const row = this.add(from.resources[its]!, from.attributes[its]!, from.stamps[its]!)
    const histogram = from.histograms[its]
    if (histogram !== undefined) this.histograms[row] = histogram
    else this.#setValue(row, from.values[its]!)
    const exemplar = from.exemplars.get(its)
    if (exemplar !== undefined) this.exemplars.set(row, exemplar)
    const integer = from.exact.get(its)
    if (integer !== undefined) this.exact.set(row, integer)
  }

  #touch(row: number): void {
    this.versions[row] = ++this.#version
    this.blockVersions[Math.floor(row / kBlockRows)] = this.#version
  }

  /** @returns whether the row reads differently now */
  #putNumber(row: number, { value, exemplars }: NumberPoint): boolean {
    const number = Number(value)
    const before = this.values[row]!
    let changed = !Object.is(before, number)
    if (changed) this.#setValue(row, number)
    if (typeof value === 'bigint' && !Number.isSafeInteger(number)) {
      if (this.exact.get(row) !== value) changed = true
      this.exact.set(row, value)
    } else if (this.exact.size > 0 && this.exact.delete(row)) changed = true
    const exemplar = this.#keepsExemplars ? newestOf(exemplars) : undefined
    if (exemplar === undefined) {
      // Of a count that began anew the exemplar of the old one says nothing.
      if (number < before) this.exemplars.delete(row)
      return changed
    }
    if (sameExemplar(exemplar, this.exemplars.get(row))) return changed
    this.exemplars.set(row, exemplar)
    return true
  }

  #putHistogram(row: number, point: HistogramPoint): boolean {
    const before = this.histograms[row]
    const now = keepExemplars(point, before)
    this.histograms[row] = now
    return before === undefined || !sameHistogram(now, before)
  }

  #setValue(row: number, value: number): void {
    if (row >= this.values.length) this.values = longer(this.values)
    this.values[row] = value
  }
}

function longer(column: Float64Array): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(kFirstRows + column.length + (column.length >> 1))
  copy.set(column)
  return copy
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

/** Counters carry their last one with each point, in an object of its own. */
function sameExemplar(one: Exemplar, other: Exemplar | undefined): boolean {
  return (
    one === other ||
    (one.timeUnixNano === other?.timeUnixNano &&
      one.value === other.value &&
      one.traceId === other.traceId &&
      one.spanId === other.spanId &&
      one.attributes === other.attributes)
  )
}

function sameExemplars(one: readonly Exemplar[] = [], other: readonly Exemplar[] = []): boolean {
  return one === other || (one.length === other.length && one.every((each, at) => sameExemplar(each, other[at])))
}

function sameHistogram(one: HistogramPoint, other: HistogramPoint): boolean {
  return (
    one.count === other.count &&
    Object.is(one.sum, other.sum) &&
    sameExemplars(one.exemplars, other.exemplars) &&
    sameNumbers(one.bounds, other.bounds) &&
    sameNumbers(one.bucketCounts, other.bucketCounts)
  )
}

function sameNumbers(one: readonly number[], other: readonly number[]): boolean {
  return one === other || (one.length === other.length && one.every((value, at) => Object.is(value, other[at])))
}

function isHistogram(point: NumberPoint | HistogramPoint): point is HistogramPoint {
  return 'bounds' in point
}
