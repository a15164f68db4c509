import type { Exemplar, HistogramPoint, NumberPoint } from '../../data/metric.js'
import { sampleExemplar } from '../../lib/openmetrics/exemplar.js'
import { type Series, Undo } from './series.js'
import type { HistogramSeries } from './series-book.js'
import { RequestWriter } from './write-request.js'

/** Of a value: by the wall clock, and by the monotonic one when it came. */
interface When {
  readonly unixNano: bigint
  readonly nowMs: number
}

/**
 * Writes samples in the order the server wants: of each series none that is older than what was sent. One such sample makes
 * Prometheus refuse the whole request.
 */
export class SampleWriter {
  readonly request = new RequestWriter()
  readonly #undo = new Undo()

  /**
   * @param when - when it was measured, and when it came
   * @param exemplars - false where Prometheus has no place for them
   */
  number(series: Series, point: NumberPoint, when: When, scale: number, exemplars: boolean): boolean {
    const { value } = point
    const timeMs = this.#timeFor(series, when.unixNano, when.nowMs)
    if (timeMs === undefined) return false
    const scaled = scale === 1 ? Number(value) : Number(value) * scale
    this.#write(series, scaled, timeMs, exemplars ? point.exemplars : undefined, scale)
    return true
  }

  /** Cumulative buckets, each with its exemplars, then count and sum: all or none. */
  histogram(series: HistogramSeries, point: HistogramPoint, scale: number, nowMs: number): boolean {
    const timeMs = this.#timeFor(series.count, point.timeUnixNano, nowMs)
    if (timeMs === undefined) return false
    let cumulative = 0
    for (let at = 0; at < series.buckets.length; at++) {
      const below = at === 0 ? Number.NEGATIVE_INFINITY : point.bounds[at - 1]!
      const bound = point.bounds[at] ?? Number.POSITIVE_INFINITY
      cumulative += point.bucketCounts[at] ?? 0
      const exemplars = point.exemplars?.filter(({ value }) => value > below && value <= bound)
      this.#follow(series.buckets[at]!, series.count)
      this.#write(series.buckets[at]!, cumulative, timeMs, exemplars, scale)
    }
    this.#write(series.count, point.count, timeMs, undefined, 1)
    this.#follow(series.sum, series.count)
    this.#write(series.sum, point.sum * scale, timeMs, undefined, 1)
    return true
  }

  /** A value that holds now, whenever it was said last. */
  current(series: Series, value: number, exemplars: readonly Exemplar[], { unixNano, nowMs }: When): void {
    this.#undo.note(series)
    const timeMs = this.#after(series, unixNano)
    this.#came(series, nowMs)
    this.#write(series, value, timeMs, exemplars, 1)
  }

  /** Says that there is no value any more, from `atMs` (milliseconds since 1970) on. */
  end(series: Series, atMs: number): void {
    this.request.beginSeries(series.labels)
    this.request.staleMarker(atMs)
    this.request.endSeries()
  }

  /** What was written has been taken. */
  taken(): void {
    this.#undo.forget()
    this.request.reset()
  }

  /** What was written will be offered again. */
  undo(): void {
    this.#undo.undo()
    this.request.reset()
  }

  /**
   * The timestamp of a point, or undefined when the series has gone past it. Of two within one millisecond the second is given the next
   * one: the server takes the first value only.
   */
  #timeFor(series: Series, timeUnixNano: bigint, nowMs: number): number | undefined {
    const measuredMs = Number(timeUnixNano) / 1e6
    if (measuredMs <= series.measuredMs) return undefined
    this.#undo.note(series)
    const timeMs = this.#after(series, timeUnixNano)
    series.measuredMs = measuredMs
    this.#came(series, nowMs)
    return timeMs
  }

  #after(series: Series, timeUnixNano: bigint): number {
    series.sentMs = Math.max(Number(timeUnixNano / 1_000_000n), series.sentMs + 1)
    return series.sentMs
  }

  #came(series: Series, nowMs: number): void {
    series.pauseMs = Math.max(series.pauseMs, nowMs - series.cameMs)
    series.cameMs = nowMs
  }

  /** The series of a histogram keep step. */
  #follow(series: Series, first: Series): void {
    this.#undo.note(series)
    series.measuredMs = first.measuredMs
    series.sentMs = first.sentMs
    series.pauseMs = first.pauseMs
    series.cameMs = first.cameMs
  }

  #write(
    series: Series,
    value: number,
    timeMs: number,
    exemplars: readonly Exemplar[] | undefined,
    scale: number,
  ): void {
    this.request.beginSeries(series.labels)
    this.request.sample(value, timeMs)
    if (exemplars !== undefined && exemplars.length > 0) this.#writeExemplars(series, exemplars, scale)
    this.request.endSeries()
  }

  /** Each once, oldest first; the server keeps one of a millisecond. */
  #writeExemplars(series: Series, exemplars: readonly Exemplar[], scale: number): void {
    const inOrder = exemplars.length === 1 ? exemplars : [...exemplars].sort(byTime)
    for (const exemplar of inOrder) {
      const timeMs = Number(exemplar.timeUnixNano / 1_000_000n)
      if (timeMs <= series.exemplarMs) continue
      series.exemplarMs = timeMs
      this.request.exemplar(sampleExemplar(exemplar, scale), timeMs)
    }
  }
}

function byTime(one: Exemplar, other: Exemplar): number {
  return one.timeUnixNano < other.timeUnixNano ? -1 : one.timeUnixNano > other.timeUnixNano ? 1 : 0
}
