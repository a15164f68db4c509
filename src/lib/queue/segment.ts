import type { Items } from '../../data/batch.js'
import { Tally } from '../../data/tally.js'
import type { Bits } from './bits.js'
import { type DiskFile, mayPass } from './disk.js'
import { bodySum, encodeHead, type Head, kHeaderBytes, kNoteBytes, kNotesStart, type Mark } from './format.js'
import type { Notes } from './notes.js'
import { Scanner } from './scanner.js'

/** What is to be kept; its kind and its bytes mean something to its owner alone. */
export interface Entry {
  readonly kind: number
  readonly items: number
  readonly signals: Items
  /** One after the other they are the body. */
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
}

/** Where a record is. */
export interface Place {
  readonly segment: Segment
  readonly index: number
  readonly items: number
  readonly signals: Items
}

/** A record as it comes back. */
export interface Kept {
  readonly kind: number
  readonly items: number
  readonly body: Buffer
  readonly place: Place
}

/** What came out of a file, by signal; of what nobody knows the signal, it is `unknown`. */
export type SignalsOf = (kept: Pick<Kept, 'kind' | 'items' | 'body'>) => Items

/** How a segment was found, or begins. */
export interface SegmentState extends Mark {
  readonly number: number
  readonly salt: number
  readonly settled: Bits
  readonly settledItems: number
  /** Of the file; less than `end` where it was cut off. */
  readonly size: number
  readonly sealed: boolean
}

const nothing = { kept: [], uncounted: 0, known: {} } as const

/**
 * One log of a queue and its books: of each record it is known whether it is settled, of each that was given out and is not
 * settled, that it is outstanding. The rest is still to be read, or was damaged: which, shows when the end is reached.
 */
export class Segment {
  readonly number: number
  readonly salt: number
  readonly log: DiskFile
  readonly notes: Notes
  /** Acknowledged records, their items, and where the last one ends. */
  records: number
  items: number
  end: number
  /** Nothing is added any more. */
  sealed: boolean
  #booksClosed = false
  readonly outstanding = new Set<number>()
  readonly #settled: Bits
  /** Of an earlier process: what is in its records shows when they are read. */
  readonly #restored: boolean
  /** Neither settled nor given out. */
  #unaccounted: Tally
  #size: number
  #scanner: Scanner
  #readTo = kHeaderBytes

  constructor(log: DiskFile, notes: Notes, state: SegmentState) {
    this.log = log
    this.notes = notes
    this.number = state.number
    this.salt = state.salt
    this.records = state.records
    this.items = state.items
    this.end = state.end
    this.sealed = state.sealed
    this.#settled = state.settled
    // More than all: notes of records that the log no longer has stood for others, too (see giveUpRest).
    this.#unaccounted = Tally.of({ unknown: Math.max(state.items - state.settledItems, 0) })
    this.#restored = state.sealed
    this.#size = state.size
    this.#scanner = new Scanner(log, state.salt, kHeaderBytes)
  }

  /** All of it was read, and what was damaged is counted. */
  get booksClosed(): boolean {
    return this.#booksClosed
  }
  /** On the disk, both files, when all of it is settled. */
  get bytes(): number {
    return this.end + kNotesStart + this.records * kNoteBytes
  }
  get hasUnread(): boolean {
    return this.#readTo < this.end
  }
  get isSettled(): boolean {
    return this.#settled.size === this.records
  }
  /** Neither settled nor given out. */
  get unaccountedItems(): number {
    return this.#unaccounted.total
  }

  /** The bytes of records that would follow those there are. */
  encode(entries: readonly Entry[]): { readonly chunks: Uint8Array[]; readonly after: Mark } {
    const chunks: Uint8Array[] = []
    let { records, items, end } = this as Mark
    for (const entry of entries) {
      const head: Head = {
        kind: entry.kind,
        index: records++,
        itemsBefore: items,
        items: entry.items,
        length: entry.byteLength,
        bodySum: bodySum(entry.chunks, this.salt),
      }
      const bytes = encodeHead(head, this.salt)
      chunks.push(bytes, ...entry.chunks)
      items += entry.items
      end += bytes.length + entry.byteLength
    }
    return { chunks, after: { records, items, end } }
  }

  /** What `encode` said is there now. */
  publish({ records, items, end }: Mark, signals: Items): void {
    this.#unaccounted.add(signals)
    this.records = records
    this.items = items
    this.end = end
    this.#size = end
  }

  /** Passes over what the owner still has in memory from when it was added. */
  giveOut(index: number, { items, signals }: Entry, end: number): Place {
    this.#readTo = end
    this.#scanner = new Scanner(this.log, this.salt, end)
    return this.#place(index, items, signals)
  }

  /**
   * The next records that are not settled; `uncounted` items of them had been given up (see giveUpRest), and a power cut took the notes
   * that say so. Rejects where the disk does: unless that `mayPass` the rest is as good as damaged.
   */
  async read(
    maxBytes: number,
    signalsOf: SignalsOf,
  ): Promise<{ readonly kept: readonly Kept[]; readonly uncounted: number; readonly known: Items }> {
    const until = this.end
    const scanner = this.#scanner
    try {
      const found = await scanner.read(maxBytes, Math.min(until, this.#size))
      if (scanner !== this.#scanner) return nothing // given up meanwhile
      this.#readTo = scanner.at >= Math.min(until, this.#size) ? until : scanner.at
      const kept = found
        .filter(({ index }) => index < this.records && !this.#settled.has(index) && !this.outstanding.has(index))
        .map(({ kind, index, items, body }) => {
          const place = this.#place(index, items, signalsOf({ kind, items, body }))
          return { kind, items, body, place }
        })
      const uncounted = Math.max(-this.unaccountedItems, 0)
      this.items += uncounted
      this.#unaccounted.add({ unknown: uncounted })
      const known = new Tally()
      if (this.#restored) for (const { place } of kept) known.add(place.signals)
      return { kept, uncounted, known }
    } catch (error) {
      if (scanner !== this.#scanner) return nothing
      if (!mayPass(error)) this.#readTo = until
      throw error
    }
  }

  /** @returns false when it was settled before */
  settle(index: number): boolean {
    this.outstanding.delete(index)
    return this.#settled.add(index)
  }

  /** Settles all that is neither settled nor given out, and closes the books; with notes where the file stays. */
  giveUpRest(why: 'done' | 'lost'): { readonly items: number; readonly signals: Items } {
    const signals = this.#unaccounted
    const items = signals.total
    const rest: number[] = []
    for (let index = 0; index < this.records; index++)
      if (!this.#settled.has(index) && !this.outstanding.has(index)) rest.push(index)
    // Which items were in which record is not known of damaged ones: the first stands for all. Where a power cut leaves that one only, the
    // others come out again, uncounted: see read.
    for (const [at, index] of rest.entries()) {
      this.#settled.add(index)
      this.notes.add({ index, items: at === 0 ? items : 0, why })
    }
    this.#unaccounted = new Tally()
    this.#readTo = this.end
    this.#scanner = new Scanner(this.log, this.salt, this.end)
    this.closeBooks()
    return { items, signals }
  }

  /** Its log is read no more. */
  closeBooks(): void {
    this.#booksClosed = true
    void this.log.close().catch(() => {})
  }

  async close(): Promise<void> {
    await this.notes.close()
    await this.log.close()
  }

  #place(index: number, items: number, signals: Items): Place {
    this.outstanding.add(index)
    this.#unaccounted.subtract(this.#restored ? { unknown: items } : signals)
    return { segment: this, index, items, signals }
  }
}
