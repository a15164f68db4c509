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

/** Counts events by name and resource. What a batch adds counts once it is taken. */
export class EventCounts {
  readonly #book: SeriesBook
  readonly #counts = new Map<string, EventCount>()
  #before = new Map<string, number>()

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
      const counter = this.#counts.get(id) ?? this.#begin(id, event, nowMs)
      if (counter === undefined) {
        refused++
        continue
      }
      if (!this.#before.has(id)) this.#before.set(id, counter.count)
      counter.count++
      counter.cameMs = nowMs
      const exemplars = changed.get(counter) ?? []
      changed.set(counter, exemplars)
      const exemplar = exemplarOfEvent(event)
      if (exemplar !== undefined) exemplars.push(exemplar)
    }
    return { changed, refused }
  }

  all(): Iterable<EventCount> {
    return this.#counts.values()
  }

  taken(): void {
    this.#before.clear()
  }

  undo(): void {
    for (const [id, count] of this.#before) {
      if (count === 0) this.#counts.delete(id)
      else this.#counts.get(id)!.count = count
    }
    this.#before.clear()
  }

  /** Those that ended go; their series ends by its silence. */
  forget(nowMs: number): void {
    for (const [id, { cameMs }] of this.#counts) if (nowMs - cameMs > kLifeMs) this.#counts.delete(id)
  }

  #begin(id: string, { name, resource }: RawEvent, nowMs: number): EventCount | undefined {
    const series = this.#book.eventSeries(name, this.#book.resourceOf(resource, nowMs), nowMs)
    if (series === undefined) return undefined
    const counter = { series, count: 0, cameMs: nowMs }
    this.#counts.set(id, counter)
    return counter
  }
}
