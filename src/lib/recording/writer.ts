import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { CaptureChunk } from '../../binding/signal-source.js'
import type { Snapshot } from '../../data/unit-snapshot.js'
import { encodeFrame, encodeHeader, type Frame, RecordingError } from './format.js'

/** Signals name services, users and command results, so only the owner may read a recording. */
const kMode = 0o600
/** Without O_NONBLOCK the open of a named pipe waits for a reader, for ever. */
const kFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK

/** Writes a recording, frame by frame, in order. */
export class RecordingWriter {
  readonly #path: string
  readonly #file: FileHandle
  #bytes = 0

  private constructor(path: string, file: FileHandle) {
    this.#path = path
    this.#file = file
  }

  /**
   * Creates the file, readable by its owner only.
   *
   * @param replace - whether an existing file may be overwritten
   * @throws {RecordingError} when it exists or cannot be written
   */
  static create(path: string, replace: boolean): Promise<RecordingWriter> {
    return named(path, async () => {
      const file = await open(path, kFlags | (replace ? constants.O_TRUNC : constants.O_EXCL), kMode)
      try {
        // The mode of a device (/dev/null) is not ours to change.
        if (!(await file.stat()).isFile()) throw new Error('not a regular file')
        await file.chmod(kMode) // an existing file keeps the mode it had
        const writer = new RecordingWriter(path, file)
        await writer.#write([encodeHeader()])
        return writer
      } catch (error) {
        await file.close()
        throw error
      }
    })
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes
  }

  snapshot(snapshot: Snapshot): Promise<void> {
    return this.#frame({ kind: 'snapshot', snapshot })
  }

  chunk(chunk: CaptureChunk): Promise<void> {
    return this.#frame({ kind: 'chunk', chunk })
  }

  /**
   * Writes the end and closes the file.
   *
   * @throws {RecordingError} as every method that writes: the disk is full, or gone
   */
  async end(reason: string, truncated: boolean): Promise<void> {
    await this.#frame({ kind: 'end', end: { reason, truncated } })
    await named(this.#path, () => this.#file.sync())
    await this.close()
  }

  /** Closes the file without an end frame. */
  async close(): Promise<void> {
    await this.#file.close()
  }

  #frame(frame: Frame): Promise<void> {
    return named(this.#path, () => this.#write(encodeFrame(frame)))
  }

  async #write(parts: Buffer[]): Promise<void> {
    for (const part of parts) {
      // writeFile on a handle goes on from where it stands and loops over short writes.
      await this.#file.writeFile(part)
      this.#bytes += part.length
    }
  }
}

/** Does something with the file; what goes wrong names it. */
async function named<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    throw new RecordingError(
      `${path}: ${exists ? 'the file exists already; --force replaces it' : (error as Error).message}`,
    )
  }
}
