import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip, constants as zlib } from 'node:zlib'

/** gzip members begin so (RFC 1952, 2.3.1); the magic of a recording does not. */
const kGzipMagic = Buffer.from([0x1f, 0x8b])
const kReadBytes = 64 * 1024

/** The bytes of a regular file from its beginning on, unpacked when it is gzip. Memory follows what is there, not what is asked. */
export class ByteSource {
  readonly #file: FileHandle
  readonly #stream: Readable
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)
  #position = 0

  private constructor(file: FileHandle, stream: Readable) {
    this.#file = file
    this.#stream = stream
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** @throws when it cannot be opened, or is a folder, a pipe or a device */
  static async open(path: string): Promise<ByteSource> {
    // Without O_NONBLOCK the open of a named pipe waits for a writer, for ever.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      if (!(await file.stat()).isFile()) throw new Error('not a regular file')
      const start = Buffer.alloc(kGzipMagic.length)
      await file.read(start, 0, start.length, 0)
      const raw = file.createReadStream({ start: 0, highWaterMark: kReadBytes })
      return new ByteSource(file, start.equals(kGzipMagic) ? unpacked(raw) : raw)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Where the next read begins, in (unpacked) bytes. */
  get position(): number {
    return this.#position
  }

  /** The next `length` bytes; fewer only at the end. */
  async read(length: number): Promise<Buffer> {
    const parts = [this.#rest]
    let held = this.#rest.length
    while (held < length) {
      const { done, value } = await this.#chunks.next()
      if (done === true) break
      parts.push(value)
      held += value.length
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts)
    this.#rest = all.subarray(length)
    const taken = all.subarray(0, length)
    this.#position += taken.length
    return taken
  }

  async close(): Promise<void> {
    this.#stream.destroy()
    await this.#file.close()
  }
}

function unpacked(raw: Readable): Readable {
  // With a sync flush at the end, a file that is cut off still gives all that was in it.
  const gunzip = createGunzip({ finishFlush: zlib.Z_SYNC_FLUSH })
  pipeline(raw, gunzip, () => {}) // an error of either ends the iteration
  return gunzip
}
