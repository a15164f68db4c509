import { crc32 } from 'node:zlib'
import type { DiskFile } from './disk.js'
import { decodeHead, kHeadBytes, markerBytes } from './format.js'

/** A record that is whole. */
export interface Found {
  readonly kind: number
  readonly index: number
  readonly itemsBefore: number
  readonly items: number
  readonly body: Buffer
  /** Where it ends in the file. */
  readonly end: number
}

/** So much is read at once; a record that is larger by itself. */
const kChunkBytes = 1024 * 1024

/**
 * Reads the records of a log one after the other. What is damaged is passed over: the next record is looked for by its marker
 * and the CRC of its head.
 */
export class Scanner {
  readonly #file: DiskFile
  readonly #salt: number
  #at: number

  constructor(file: DiskFile, salt: number, from: number) {
    this.#file = file
    this.#salt = salt
    this.#at = from
  }

  /** Where it goes on. */
  get at(): number {
    return this.#at
  }

  /**
   * The next records: bodies of `maxBytes` or a little more, one at least if there is one; empty at `end`. Rejects where the disk does.
   *
   * @param end - of what is to be read, at most that of the file
   */
  async read(maxBytes: number, end: number): Promise<readonly Found[]> {
    const found: Found[] = []
    let taken = 0
    let length = kChunkBytes
    while (taken < maxBytes && this.#at < end) {
      const wanting = Math.min(length, end - this.#at)
      let bytes: Buffer
      try {
        bytes = await this.#file.read(this.#at, wanting)
      } catch (error) {
        // What came before is good; the next call meets the same, or it has passed.
        if (found.length > 0) return found
        throw error
      }
      const last = this.#at + bytes.length >= end || bytes.length < wanting
      const { next, wanted } = this.#take(bytes, end, (record) => {
        found.push(record)
        taken += record.body.length
        return taken < maxBytes
      })
      // Of what is left at the end, nothing will become a record; elsewhere it is the beginning of one.
      this.#at = last && taken < maxBytes ? end : this.#at + next
      length = Math.max(kChunkBytes, wanted ?? 0)
    }
    return found
  }

  /** @returns where in `bytes` to go on, and how many are wanted from there when the record is known to be so long */
  #take(bytes: Buffer, end: number, onRecord: (record: Found) => boolean): { next: number; wanted?: number } {
    let at = 0
    while (at + kHeadBytes <= bytes.length) {
      const head = decodeHead(bytes, at, this.#salt)
      const bodyAt = at + kHeadBytes
      if (head === undefined || this.#at + bodyAt + head.length > end) {
        const marker = bytes.indexOf(markerBytes, at + 1)
        // A marker may have begun in the last three bytes.
        at = marker === -1 ? Math.max(at + 1, bytes.length - markerBytes.length + 1) : marker
        continue
      }
      const bodyEnd = bodyAt + head.length
      if (bodyEnd > bytes.length) return { next: at, wanted: kHeadBytes + head.length }
      const body = bytes.subarray(bodyAt, bodyEnd)
      at = bodyEnd
      if (crc32(body, this.#salt) !== head.bodySum) continue
      const { kind, index, itemsBefore, items } = head
      if (!onRecord({ kind, index, itemsBefore, items, body, end: this.#at + bodyEnd })) break
    }
    return { next: at }
  }
}
