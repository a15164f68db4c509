import type { SignalRecord } from '../data/signal-record.js'
import { RecordDecoder } from './decode.js'

/** What a native source of records offers to be drained. */
export interface Drainable {
  /** Moves whole records into the buffer; returns the bytes written, 0 when there are none. */
  drain(buffer: Uint8Array): number
  /** Symbol texts from id `from` on. */
  symbols(from: number): string[]
}

/** One drain copies under the ring's lock: 64 KiB are about 350 records and 10 microseconds. */
const kBufferBytes = 64 * 1024

/** Drains one source into one buffer, and decodes it as far as it is asked to. */
export class RecordDrain {
  readonly #source: Drainable
  readonly #buffer = Buffer.alloc(kBufferBytes)
  readonly #symbols: string[] = []
  readonly #decoder = new RecordDecoder(this.#buffer, (id) => this.#symbol(id))

  constructor(source: Drainable) {
    this.#source = source
  }

  /** The oldest records there are, at most `max`; none when there are none. */
  take(max: number): SignalRecord[] {
    const records: SignalRecord[] = []
    while (records.length < max) {
      const record = this.#decoder.next()
      if (record !== undefined) {
        records.push(record)
        continue
      }
      const size = this.#source.drain(this.#buffer)
      if (size === 0) break
      this.#decoder.load(size)
    }
    return records
  }

  /** A record's symbol is in the native table before the record is in the ring, so one look suffices. */
  #symbol(id: number): string {
    if (id >= this.#symbols.length) this.#symbols.push(...this.#source.symbols(this.#symbols.length))
    return this.#symbols[id] ?? 'unknown'
  }
}
