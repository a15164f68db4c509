import type { Items } from '../../data/batch.js'
import type { Clock, Timer } from '../../util/clock.js'
import type { DiskQueue } from '../queue/disk-queue.js'
import type { QueueOwner } from '../queue/owner.js'
import type { Entry, Kept, Place } from '../queue/segment.js'
import type { OpenedQueue } from '../queue/storage.js'
import type { Parcel, Size } from './bounded-queue.js'

/** How parcels are kept on a disk. */
export interface Storage<P extends Parcel> {
  open(owner: QueueOwner): Promise<OpenedQueue>
  /** What is written: its kind is a small number by which `parcelOf` knows it again. */
  entryOf(parcel: P): Omit<Entry, 'signals'>
  /** Undefined: it is none of ours (an older version knew more kinds); it is dropped and counted. */
  parcelOf(kept: Pick<Kept, 'kind' | 'items' | 'body'>): P | undefined
}

/** Read at once; some records more than a sender takes. */
const kReadBytes = 1024 * 1024

/** Where the disk cannot be read at this moment it is asked again after this. */
const kReadAgainMs = 1000

/** What happens to parcels between the disk and the window of them that is in memory. */
export interface BacklogEvents<P extends Parcel> {
  /** Whether the window takes so much more. */
  fits(size: Size): boolean
  /** Nothing is in the window: then something goes in, however small it is. */
  isEmpty(): boolean
  /** Puts a parcel into the window. */
  push(parcel: P): void
  signalsOf(parcel: P): Items
  /** Counts what is no parcel. */
  unknown(items: number): void
}

/**
 * The parcels on disk, of which a window is in memory. Where there is no backlog, a parcel goes into the window as soon as it
 * is kept; else it waits on the disk, and the window is filled from there.
 */
export class Backlog<P extends Parcel> {
  readonly #queue: DiskQueue
  readonly #storage: Storage<P>
  readonly #events: BacklogEvents<P>
  readonly #clock: Clock
  readonly #places = new WeakMap<P, readonly Place[]>()
  #filling: Promise<void> | undefined
  #again: Timer | undefined
  #closed = false

  constructor(queue: DiskQueue, storage: Storage<P>, clock: Clock, events: BacklogEvents<P>) {
    this.#queue = queue
    this.#storage = storage
    this.#clock = clock
    this.#events = events
  }

  get signals(): Items {
    return this.#queue.signals
  }
  get bytes(): number {
    return this.#queue.bytes
  }

  /** Resolves when they are kept, or when they are not: then nothing of them is. */
  async keep(parcels: readonly P[], size: Size) {
    const entries = parcels.map((parcel) => ({
      ...this.#storage.entryOf(parcel),
      signals: this.#events.signalsOf(parcel),
    }))
    const appended = await this.#queue.append(entries, () => this.#events.fits(size))
    if (appended.kind !== 'kept') return appended
    if (appended.places === undefined) void this.fill()
    else {
      for (const [at, parcel] of parcels.entries()) {
        this.#places.set(parcel, [appended.places[at]!])
        this.#events.push(parcel)
      }
    }
    return appended
  }

  /** Fills the window from the disk. Resolves when it is full, or nothing is left, or can be read now. */
  fill(): Promise<void> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined
    })
    return this.#filling
  }

  /** A parcel that others were joined to. */
  joined(parcels: readonly P[], whole: P): P {
    this.#places.set(
      whole,
      parcels.flatMap((parcel) => this.placesOf(parcel)),
    )
    return whole
  }

  placesOf(parcel: P): readonly Place[] {
    return this.#places.get(parcel) ?? []
  }

  /** It is delivered, or given up and counted. Resolves when a restart would know. */
  settle(parcel: P): Promise<void> {
    return this.#queue.settle(this.placesOf(parcel))
  }

  async close(): Promise<void> {
    // Of what is written at this moment, nobody is to read any more: it is for the next process.
    this.#closed = true
    this.#again?.cancel()
    await this.#filling
    await this.#queue.close()
  }

  async #fill(): Promise<void> {
    const hasRoom = (): boolean => this.#events.isEmpty() || this.#events.fits({ items: 1, bytes: kReadBytes })
    while (!this.#closed && this.#queue.hasUnread && hasRoom()) {
      const kept = await this.#queue.read(kReadBytes)
      if (kept.length === 0) return this.#fillLater()
      for (const one of kept) {
        const parcel = this.#storage.parcelOf(one)
        if (parcel === undefined) {
          this.#events.unknown(one.items)
          void this.#queue.settle([one.place])
          continue
        }
        this.#places.set(parcel, [one.place])
        this.#events.push(parcel)
      }
    }
  }

  #fillLater(): void {
    if (this.#closed || !this.#queue.hasUnread) return
    this.#again?.cancel()
    this.#again = this.#clock.after(kReadAgainMs, () => void this.fill())
  }
}
