import type { RawEvent } from '../../data/event.js'
import type { Exemplar } from '../../data/metric.js'
import { exemplarOfEvent } from '../../lib/openmetrics/exemplar.js'
import type { Series } from './series.js'
import type { SeriesBook } from './series-book.js'

/** How often an event was seen at a unit. */
export interface EventCount {
  readonly series: Series
  count: number
  /** When the last one came, by the monotonic clock. */
  cameMs: number
}

/** A counter that vanished between two failures would show no increase. As long as on the `prometheus` exporter's page. */
const kLifeMs = 3_600_000

/** Names and resources whose count is found without making its labels; past it all are found anew. */
const kMaxFound = 65_536

/**
 * Counts events by series: name and labels. Resources that labels do not tell apart, such as one service's in the name of two
 * scopes, have one count, for two would write to the series in turn. What a batch adds counts once it is taken.
 */
export class EventCounts {
  readonly #book: SeriesBook
  readonly #counts = new Map<Series, EventCount>()
  /** By key of resource and name. */
  readonly #found = new Map<string, EventCount>()
  readonly #before = new Map<EventCount, number>()

  constructor(book: SeriesBook) {
    this.#book = book
  }

  /**
   * @returns each counter that goes up, with the exemplars of this batch, and how many events found no room
   */
  add(events: readonly RawEvent[], nowMs: number): { readonly changed: Map<EventCount, Exemplar[]>; refused: number } {
    const changed = new Map<EventCount, Exemplar[]>()
    let refused = 0
    for (const event of events) {
      const id = `${event.resource.key}\0${event.name}`
      const counter = this.#found.get(id) ?? this.#find(id, event, nowMs)
      if (counter === undefined) {
        refused++
        continue
      }
      if (!this.#before.has(counter)) this.#before.set(counter, counter.count)
      counter.count++
      counter.cameMs = nowMs
      const exemplars = changed.get(counter) ?? []
      changed.set(counter, exemplars)
      const exemplar = exemplarOfEvent(event)
      if (exemplar !== undefined) exemplars.push(exemplar)
    }
    return { changed, refused }
  }

  /** Whether it is a count's that goes on. */
  has(series: Series): boolean {
    return this.#counts.has(series)
  }

  all(): Iterable<EventCount> {
    return this.#counts.values()
  }

  taken(): void {
    this.#before.clear()
  }

  undo(): void {
    for (const [counter, count] of this.#before) {
      counter.count = count
      if (count === 0) this.#end(counter)
    }
    this.#before.clear()
  }

  /** Those that ended go; their series ends by its silence. */
  forget(nowMs: number): void {
    for (const counter of this.#counts.values()) if (nowMs - counter.cameMs > kLifeMs) this.#end(counter)
  }

  #end({ series }: EventCount): void {
    this.#counts.delete(series)
    this.#found.clear()
  }

  #find(id: string, { name, resource }: RawEvent, nowMs: number): EventCount | undefined {
    const series = this.#book.eventSeries(name, this.#book.resourceOf(resource, nowMs), nowMs)
    if (series === undefined) return undefined
    let counter = this.#counts.get(series)
    if (counter === undefined) {
      counter = { series, count: 0, cameMs: nowMs }
      this.#counts.set(series, counter)
    }
    if (this.#found.size >= kMaxFound) this.#found.clear()
    this.#found.set(id, counter)
    return counter
  }
}
