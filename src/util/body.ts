import { createGunzip, gunzipSync } from 'node:zlib'
import type { ByteBudget } from './byte-budget.js'

/** Why bytes of a sender are not taken: beyond what one request may have, or beyond what all may hold together now. */
export type NoRoom = 'too_large' | 'no_room'

/** A thread of the pool costs some 50 us; inflating so much takes less. */
const kInflateHereBytes = 16 * 1024
/** What one request may hold uncounted; smaller ones cost a turn of the event loop each. */
const kPieceBytes = 64 * 1024
/** What a request of a few bytes takes besides them: a stream, a promise, records. */
const kLeastBytes = 8 * 1024

/**
 * The body of one request, as it arrives: the one place where bytes of others are collected and inflated. Memory follows
 * what was received, never what was announced, and both sizes are limited, before and after inflating (CVE-2024-36129).
 */
export class Body {
  readonly #maxBytes: number
  readonly #budget: ByteBudget
  #chunks: Buffer[] = []
  #bytes = 0
  /** Of the budget, until `release`. */
  #taken = 0

  constructor(maxBytes: number, budget: ByteBudget) {
    this.#maxBytes = maxBytes
    this.#budget = budget
  }

  get length(): number {
    return this.#bytes
  }

  /** Counts what it takes before a byte of it has come; without this the first byte does. */
  open(): NoRoom | undefined {
    return this.#take(kLeastBytes) ? undefined : 'no_room'
  }

  push(chunk: Buffer): NoRoom | undefined {
    if (this.#bytes + chunk.length > this.#maxBytes) return 'too_large'
    if (!this.#take(Math.max(this.#bytes + chunk.length, kLeastBytes) - this.#taken)) return 'no_room'
    this.#bytes += chunk.length
    this.#chunks.push(chunk)
    return undefined
  }

  /** All of it; the chunks are not kept. */
  whole(): Buffer {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#chunks = []
    return bytes
  }

  /** What gzip made these bytes of. */
  async inflated(bytes: Buffer): Promise<Buffer | NoRoom | 'not_gzip'> {
    if (bytes.length >= kInflateHereBytes) return this.#inflatedByPool(bytes)
    try {
      const inflated = gunzipSync(bytes, { maxOutputLength: this.#maxBytes })
      return this.#take(inflated.length) ? inflated : 'no_room'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'not_gzip'
    }
  }

  /** Counted piece by piece: threads take turns at all requests that are being inflated, and each may grow a thousandfold. */
  #inflatedByPool(bytes: Buffer): Promise<Buffer | NoRoom | 'not_gzip'> {
    return new Promise((resolve) => {
      const pieces: Buffer[] = []
      let length = 0
      const gunzip = createGunzip({ chunkSize: kPieceBytes })
      const giveUp = (why: NoRoom): void => {
        gunzip.destroy()
        resolve(why)
      }
      gunzip
        .on('data', (piece: Buffer) => {
          length += piece.length
          if (length > this.#maxBytes) giveUp('too_large')
          else if (!this.#take(piece.length)) giveUp('no_room')
          else pieces.push(piece)
        })
        .once('error', () => resolve('not_gzip'))
        .once('end', () => resolve(Buffer.concat(pieces, length)))
        .end(bytes)
    })
  }

  /** Nobody holds any of it any more. */
  release(): void {
    this.#budget.give(this.#taken)
    this.#taken = 0
    this.#chunks = []
  }

  #take(bytes: number): boolean {
    if (!this.#budget.take(bytes)) return false
    this.#taken += bytes
    return true
  }
}
