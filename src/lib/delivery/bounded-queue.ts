import type { Items } from '../../data/batch.js'
import { Tally } from '../../data/tally.js'

/** What waits for delivery: serialised once, so its size is known and a retry costs nothing. */
export interface Parcel {
  /** Items inside, in the unit of every counter (events, spans, metric points). */
  readonly items: number
  readonly byteLength: number
}

export interface Size {
  readonly items: number
  readonly bytes: number
}

export function sizeOf(parcels: readonly Parcel[]): Size {
  return { items: total(parcels, (p) => p.items), bytes: total(parcels, (p) => p.byteLength) }
}

export interface QueueLimits {
  readonly maxItems: number
  readonly maxBytes: number
}

/** Lanes are signals, and of a gateway also tenants, whose names its clients choose: with so many, those that are empty go. */
const kManyLanes = 64

/** Parcels of one lane that wait, in the order in which they came. */
export class Lane<P extends Parcel> {
  readonly name: string
  /** When the last request of it began; who takes from it says so. */
  beganMs: number | undefined
  // Taken from `#head` on; the front, of which nothing is kept, is cut off when it is half of the array, so taking is O(1) on average.
  #waiting: ({ readonly parcel: P; readonly number: number } | undefined)[] = []
  #head = 0
  #bytes = 0

  constructor(name: string) {
    this.name = name
  }

  get length(): number {
    return this.#waiting.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The number of its oldest parcel; none is `Infinity`. */
  get oldest(): number {
    return this.#waiting[this.#head]?.number ?? Number.POSITIVE_INFINITY
  }

  push(parcel: P, number: number): void {
    this.#waiting.push({ parcel, number })
    this.#bytes += parcel.byteLength
  }

  get first(): P | undefined {
    return this.#waiting[this.#head]?.parcel
  }

  take(): P | undefined {
    const entry = this.#waiting[this.#head]
    if (entry === undefined) return undefined
    this.#waiting[this.#head++] = undefined
    this.#bytes -= entry.parcel.byteLength
    if (this.length === 0 || (this.#head > 1024 && this.#head * 2 > this.#waiting.length)) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    return entry.parcel
  }

  /** The oldest, up to `maxBytes` together, but one at least if there is one. */
  takeUpTo(maxBytes: number): P[] {
    const taken: P[] = []
    let room = maxBytes
    while (this.length > 0) {
      const bytes = this.#waiting[this.#head]!.parcel.byteLength
      if (taken.length > 0 && bytes > room) break
      taken.push(this.take()!)
      room -= bytes
    }
    return taken
  }
}

/**
 * First in, first out, bounded by items and bytes. What was taken still counts until it is released, so the limits hold
 * for everything in memory, not only for what waits. Lanes are kept apart: what is due of one is found
 * without a look at each parcel that waits.
 */
export class BoundedQueue<P extends Parcel> {
  readonly #limits: QueueLimits
  readonly #laneOf: (parcel: P) => string
  readonly #signalsOf: (parcel: P) => Items
  readonly #lanes = new Map<string, Lane<P>>()
  /** Of the parcel pushed last: an order over all lanes. */
  #number = 0
  readonly #signals = new Tally()
  #items = 0
  #bytes = 0

  constructor(limits: QueueLimits, laneOf: (parcel: P) => string, signalsOf: (parcel: P) => Items) {
    this.#limits = limits
    this.#laneOf = laneOf
    this.#signalsOf = signalsOf
  }

  /** Items waiting or taken. */
  get items(): number {
    return this.#items
  }
  /** The same, by signal. */
  get signals(): Items {
    return this.#signals
  }
  get bytes(): number {
    return this.#bytes
  }
  /** So little room is left that what waits for company may cost what comes next its place. */
  get overHalfFull(): boolean {
    return this.#items * 2 > this.#limits.maxItems || this.#bytes * 2 > this.#limits.maxBytes
  }
  /** Empty ones, too. */
  get lanes(): Iterable<Lane<P>> {
    return this.#lanes.values()
  }

  /** Whether so much could ever fit. */
  couldFit({ items, bytes }: Size): boolean {
    return items <= this.#limits.maxItems && bytes <= this.#limits.maxBytes
  }

  fits({ items, bytes }: Size): boolean {
    return this.couldFit({ items: this.#items + items, bytes: this.#bytes + bytes })
  }

  push(parcel: P): void {
    const name = this.#laneOf(parcel)
    let lane = this.#lanes.get(name)
    if (lane === undefined) {
      if (this.#lanes.size >= kManyLanes) this.#forgetEmpty()
      lane = new Lane(name)
      this.#lanes.set(name, lane)
    }
    lane.push(parcel, ++this.#number)
    this.#items += parcel.items
    this.#signals.add(this.#signalsOf(parcel))
    this.#bytes += parcel.byteLength
  }

  /** The oldest parcel that waits; call `release` when done with it. */
  take(): P | undefined {
    return this.#first()?.take()
  }

  /** What `take` would give. */
  get first(): P | undefined {
    return this.#first()?.first
  }

  release(parcel: P): void {
    this.#items -= parcel.items
    this.#signals.subtract(this.#signalsOf(parcel))
    this.#bytes -= parcel.byteLength
  }

  /** Of several that were taken one was made, which is so much larger than they were: that is released. */
  grew(bytes: number): void {
    this.#bytes += bytes
  }

  #forgetEmpty(): void {
    for (const [name, { length }] of this.#lanes) if (length === 0) this.#lanes.delete(name)
  }

  #first(): Lane<P> | undefined {
    let first: Lane<P> | undefined
    for (const lane of this.#lanes.values()) if (lane.oldest < (first?.oldest ?? Number.POSITIVE_INFINITY)) first = lane
    return first
  }
}

function total<P>(parcels: readonly P[], of: (parcel: P) => number): number {
  return parcels.reduce((sum, parcel) => sum + of(parcel), 0)
}
