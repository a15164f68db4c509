import type { SignalRecord } from '../data/signal-record.js'
import { decodeRecords } from './decode.js'

/** What a native source of records offers to be drained. */
export interface Drainable {
  /** Moves whole records into the buffer; returns the bytes written, 0 when there are none. */
  drain(buffer: Uint8Array): number
  /** Symbol texts from id `from` on. */
  symbols(from: number): string[]
}

/** One drain copies under the ring's lock: 64 KiB are about 350 records and 10 microseconds. */
const kBufferBytes = 64 * 1024
/** 1,400 records in one turn of the event loop, 0.1 s for a listener that takes 80 us for each; then others get theirs. */
const kMaxDrains = 4

/** Drains one source into one buffer, and keeps the symbol texts seen so far. */
export class RecordDrain {
  readonly #source: Drainable
  readonly #buffer = Buffer.alloc(kBufferBytes)
  readonly #symbols: string[] = []

  constructor(source: Drainable) {
    this.#source = source
  }

  /** All records there are, oldest first, unless they are more than one turn should take: then `more` is true. */
  take(): { readonly records: readonly SignalRecord[]; readonly more: boolean } {
    const records: SignalRecord[] = []
    for (let drains = 0; drains < kMaxDrains; drains++) {
      const size = this.#source.drain(this.#buffer)
      if (size === 0) return { records, more: false }
      for (const record of decodeRecords(this.#buffer.subarray(0, size), this.#symbol)) records.push(record)
    }
    return { records, more: true }
  }

  /** A record's symbol is in the native table before the record is in the ring, so one look suffices. */
  readonly #symbol = (id: number): string => {
    if (id >= this.#symbols.length) this.#symbols.push(...this.#source.symbols(this.#symbols.length))
    return this.#symbols[id] ?? 'unknown'
  }
}
