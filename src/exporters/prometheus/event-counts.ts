import type { RawEvent } from '../../data/event.js'
import type { Exemplar } from '../../data/metric.js'
import { exemplarOfEvent } from '../../lib/openmetrics/exemplar.js'
import { labelText } from '../../lib/openmetrics/exposition.js'
import { identityLabels } from '../../lib/openmetrics/labels.js'
import type { Pausable } from '../../util/pausable.js'

/** How often an event was seen at a unit. */
export interface EventCount {
  /** The event's name and what tells resources apart, as on the page. */
  readonly labels: string
  readonly count: number
  readonly exemplar: Exemplar | undefined
  readonly updatedMs: number
}

/** One count for all resources whose labels are the same. */
export interface EventCounter {
  readonly last: EventCount
  /** Greater than all before whenever it counted. */
  readonly version: number
}

type Counter = { -readonly [K in keyof EventCounter]: EventCounter[K] }

/** Event counts outlive silence of points: a counter that vanished between two failures would show no increase. */
const kMinEventLifeMs = 3_600_000

/** Resources whose counts are found without making their labels; past it all are found anew. */
const kMaxFound = 65_536

/** Looked through in one piece, a fraction of a millisecond. */
const kPieceEvents = 4096

export class EventCounts {
  /** Whether there is room for another one, which is then taken. */
  readonly #grow: () => boolean
  readonly #byLabels = new Map<string, Counter>()
  /** By key of the resource, and name. */
  readonly #found = new Map<string, Map<string, Counter>>()
  #counted = 0
  #version = 0

  constructor(grow: () => boolean) {
    this.#grow = grow
  }

  /** Another one when there are other counters. */
  get version(): number {
    return this.#version
  }

  all(): Iterable<EventCounter> {
    return this.#byLabels.values()
  }

  /** @returns whether there was room */
  add(event: RawEvent, nowMs: number): boolean {
    const counter = this.#found.get(event.resource.key)?.get(event.name) ?? this.#find(event)
    if (counter === undefined) return false
    const { labels, count, exemplar } = counter.last
    counter.last = { labels, count: count + 1, exemplar: exemplarOfEvent(event) ?? exemplar, updatedMs: nowMs }
    counter.version = ++this.#counted
    return true
  }

  /** Forgets what was silent for so long, an hour at least; `released` is called for each. */
  *expire(nowMs: number, expirationMs: number, released: () => void): Pausable<void> {
    const lifeMs = Math.max(expirationMs, kMinEventLifeMs)
    let looked = 0
    for (const [labels, { last }] of this.#byLabels) {
      if (++looked % kPieceEvents === 0) yield
      if (nowMs - last.updatedMs < lifeMs) continue
      this.#byLabels.delete(labels)
      this.#found.clear()
      this.#version++
      released()
    }
  }

  /** By labels, for two scopes or two tenants of one service would be two samples of one series. */
  #find({ name, resource }: RawEvent): Counter | undefined {
    const labels = labelText([['event', name], ...identityLabels(resource)])
    let counter = this.#byLabels.get(labels)
    if (counter === undefined) {
      if (!this.#grow()) return undefined
      counter = { last: { labels, count: 0, exemplar: undefined, updatedMs: 0 }, version: 0 }
      this.#byLabels.set(labels, counter)
      this.#version++
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
}
