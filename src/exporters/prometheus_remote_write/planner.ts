import type { Batch, Items } from '../../data/batch.js'
import { type Gauge, type HistogramPoint, type NumberPoint, type Sum, timeOf } from '../../data/metric.js'
import { Tally } from '../../data/tally.js'
import type { Labels } from '../../lib/openmetrics/family.js'
import { eventCounter, type ShownMetric, targetInfo } from '../../lib/openmetrics/spelling.js'
import { infoLabels, isTold, kMaxCompared, wordsOf } from '../../lib/openmetrics/target-info.js'
import type { Clock } from '../../util/clock.js'
import { EventCounts } from './event-counts.js'
import { SampleWriter } from './sample-writer.js'
import type { Series } from './series.js'
import { type BookLimits, type KnownResource, type MetricTable, SeriesBook } from './series-book.js'

/** What is to be written of a batch, and what cannot be. */
export interface Plan {
  /** A WriteRequest; valid until the planner is asked again. */
  readonly request: Uint8Array
  /** Points and events in it. */
  readonly items: Items
  /** Not newer than what was sent of their series. */
  readonly outOfOrder: number
  /** Of series for which there is no room. */
  readonly overLimit: Items
  /** Of metrics that Prometheus has no type for here. */
  readonly notShown: number
}

/** What is true without being measured is said again so often: a query looks back 5 minutes, and rates want some samples. */
const kRepeatMs = 60_000

/**
 * Makes requests of batches. Each plan is to be answered by `taken` or `undo` before the next one: what a series was sent
 * counts only when it was.
 */
export class Planner {
  readonly #clock: Clock
  readonly #book: SeriesBook
  readonly #events: EventCounts
  readonly #writer = new SampleWriter()
  #repeatedMs = Number.NEGATIVE_INFINITY
  #onTaken: (() => void) | undefined

  constructor(clock: Clock, limits: BookLimits, external: Labels) {
    this.#clock = clock
    this.#book = new SeriesBook(limits, external)
    this.#events = new EventCounts(this.#book)
  }

  get series(): number {
    return this.#book.size
  }

  plan({ metrics, events }: Batch): Plan {
    const nowMs = this.#clock.monotonicMs()
    const counts = { items: new Tally(), outOfOrder: 0, overLimit: new Tally(), notShown: 0 }
    for (let at = 0; at < metrics.length; at++) {
      const metric = metrics[at]!
      if (metric.type === 'encoded') counts.notShown += metric.points.length
      else this.#planMetric(metric, nowMs, counts)
    }
    if (events.length > 0) {
      const { changed, refused } = this.#events.add(events, nowMs)
      const now = { unixNano: this.#clock.unixNano(), nowMs }
      for (const [{ series, count }, exemplars] of changed) this.#writer.current(series, count, exemplars, now)
      counts.items.logs += events.length - refused
      counts.overLimit.logs += refused
    }
    return { request: this.#writer.request.written(), ...counts }
  }

  /** What nobody sends: the ends of series, and from time to time what still holds. Undefined when there is nothing to say. */
  planUpkeep(): Uint8Array | undefined {
    const nowMs = this.#clock.monotonicMs()
    const isDue = nowMs - this.#repeatedMs >= kRepeatMs
    // First, so that what is said again has not ended.
    if (isDue) this.#planRepetition(nowMs)
    // A count goes on until it is forgotten: silent for longer than from one repetition to the next, it would begin anew beside itself.
    const ended = this.#book.ended(nowMs).filter((series) => !this.#events.has(series))
    for (const series of ended)
      if (series.sentMs > 0) this.#writer.end(series, series.sentMs + Math.ceil(this.#turnOf(series)))
    this.#onTaken = () => {
      this.#book.forget(ended, nowMs)
      this.#events.forget(nowMs)
      if (isDue) this.#repeatedMs = nowMs
    }
    const request = this.#writer.request.written()
    if (request.length > 0) return request
    this.taken()
    return undefined
  }

  taken(): void {
    this.#writer.taken()
    this.#events.taken()
    this.#onTaken?.()
    this.#onTaken = undefined
  }

  undo(): void {
    this.#writer.undo()
    this.#events.undo()
    this.#onTaken = undefined
  }

  #planMetric(
    metric: ShownMetric,
    nowMs: number,
    counts: { readonly items: Tally; readonly overLimit: Tally; outOfOrder: number },
  ): void {
    const table = this.#book.tableOf(metric)
    if (table === undefined) {
      counts.overLimit.metrics += metric.points.length
      return
    }
    const of = this.#book.resourceOf(metric.resource, nowMs)
    const { points } = metric
    for (let at = 0; at < points.length; at++) {
      const written =
        metric.type === 'histogram'
          ? this.#planHistogram(table, of, metric.points[at]!, nowMs)
          : this.#planNumber(table, of, metric, metric.points[at]!, nowMs)
      if (written === undefined) counts.overLimit.metrics++
      else if (written) counts.items.metrics++
      else counts.outOfOrder++
    }
  }

  /** False: out of order; undefined: no room. */
  #planNumber(
    table: MetricTable,
    of: KnownResource,
    metric: Gauge | Sum,
    point: NumberPoint,
    nowMs: number,
  ): boolean | undefined {
    const series = this.#book.numberSeries(table, of, point.attributes, nowMs)
    const when = { unixNano: timeOf(metric, point), nowMs }
    return series && this.#writer.number(series, point, when, table.scale, table.family.type === 'counter')
  }

  #planHistogram(table: MetricTable, of: KnownResource, point: HistogramPoint, nowMs: number): boolean | undefined {
    const series = this.#book.histogramSeries(table, of, point.attributes, point.bounds, nowMs)
    return series && this.#writer.histogram(series, point, table.scale, nowMs)
  }

  /** Counts of events, `target_info`, and what the metrics are. */
  #planRepetition(nowMs: number): void {
    const now = { unixNano: this.#clock.unixNano(), nowMs }
    const { request } = this.#writer
    for (const { series, count } of this.#events.all())
      if (nowMs - series.cameMs >= kRepeatMs / 2) this.#writer.current(series, count, [], now)
    let resources = 0
    for (const known of this.#fullResources()) {
      resources++
      const series = this.#book.infoSeries(known, nowMs)
      if (series !== undefined) this.#writer.current(series, 1, [], now)
    }
    if (resources === 0) return
    for (const family of this.#book.families()) request.metadata(family)
    request.metadata(targetInfo)
    request.metadata(eventCounter)
  }

  *#fullResources(): Iterable<KnownResource> {
    const isUnit = ({ resource }: KnownResource): boolean => 'systemd.unit.name' in resource.attributes
    const words: ReadonlySet<string>[] = []
    for (const known of this.#book.resources)
      if (words.length < kMaxCompared && !isUnit(known)) words.push(wordsOf(infoLabels(known.resource)))
    for (const known of this.#book.resources)
      if (isUnit(known) || !isTold(wordsOf(infoLabels(known.resource)), words)) yield known
  }

  /** How long its last value held: until the next one was due. */
  #turnOf(series: Series): number {
    return series.pauseMs > 0 ? Math.min(series.pauseMs, this.#book.silenceOf(series)) : this.#book.silenceOf(series)
  }
}
