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

/**
 * First in, first out, bounded by items and bytes. What was taken still counts until it is released, so the limits hold
 * for everything in memory, not only for what waits.
 */
export class BoundedQueue<P extends Parcel> {
  readonly #limits: QueueLimits
  // Taken from `#head` on; the front is cut off when it is half of the array, so taking is O(1) on average.
  #waiting: P[] = []
  #head = 0
  #items = 0
  #bytes = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /** Items waiting or taken. */
  get items(): number {
    return this.#items
  }
  get bytes(): number {
    return this.#bytes
  }
  /** So little room is left that what waits for company may cost what comes next its place. */
  get overHalfFull(): boolean {
    return this.#items * 2 > this.#limits.maxItems || this.#bytes * 2 > this.#limits.maxBytes
  }
  /** Parcels waiting. */
  get length(): number {
    return this.#waiting.length - this.#head
  }

  /** Whether so much could ever fit. */
  couldFit({ items, bytes }: Size): boolean {
    return items <= this.#limits.maxItems && bytes <= this.#limits.maxBytes
  }

  fits({ items, bytes }: Size): boolean {
    return this.couldFit({ items: this.#items + items, bytes: this.#bytes + bytes })
  }

  push(parcel: P): void {
    this.#waiting.push(parcel)
    this.#items += parcel.items
    this.#bytes += parcel.byteLength
  }

  /** The oldest waiting parcel; call `release` when done with it. */
  take(): P | undefined {
    if (this.length === 0) return undefined
    const parcel = this.#waiting[this.#head++]
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    } else if (this.length === 0) {
      this.#waiting = []
      this.#head = 0
    }
    return parcel
  }

  /** Parcels that wait, oldest first. */
  *waiting(): Iterable<P> {
    for (let at = this.#head; at < this.#waiting.length; at++) yield this.#waiting[at]!
  }

  /** The oldest waiting parcels that are `wanted`, up to `maxBytes` together, but one at least if there is one. */
  takeOf(wanted: (parcel: P) => boolean, maxBytes: number): P[] {
    const taken: P[] = []
    const rest: P[] = []
    let room = maxBytes
    for (const parcel of this.waiting()) {
      const bytes = parcel.byteLength
      if (!wanted(parcel)) rest.push(parcel)
      else if (taken.length === 0 || bytes <= room) {
        taken.push(parcel)
        room -= bytes
      } else {
        rest.push(parcel)
        room = 0 // those behind it are younger, and wait for it
      }
    }
    this.#waiting = rest
    this.#head = 0
    return taken
  }

  release(parcel: P): void {
    this.#items -= parcel.items
    this.#bytes -= parcel.byteLength
  }
}

function total<P>(parcels: readonly P[], of: (parcel: P) => number): number {
  return parcels.reduce((sum, parcel) => sum + of(parcel), 0)
}
