import { type FileHandle, open } from 'node:fs/promises'
import type { CaptureChunk } from '../../binding/signal-source.js'
import type { Snapshot } from '../../data/unit-snapshot.js'
import { encodeFrame, encodeHeader, type Frame, RecordingError } from './format.js'

/** Signals name services, users and command results, so only the owner may read a recording. */
const kMode = 0o600

/** Writes a recording, frame by frame, in order. */
export class RecordingWriter {
  readonly #file: FileHandle
  #bytes = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /**
   * Creates the file, readable by its owner only.
   *
   * @param replace - whether an existing file may be overwritten
   * @throws {RecordingError} when it exists or cannot be written
   */
  static async create(path: string, replace: boolean): Promise<RecordingWriter> {
    try {
      const file = await open(path, replace ? 'w' : 'wx', kMode)
      await file.chmod(kMode) // an existing file keeps the mode it had
      const writer = new RecordingWriter(file)
      await writer.#write([encodeHeader()])
      return writer
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      const reason = code === 'EEXIST' ? 'the file exists already; --force replaces it' : (error as Error).message
      throw new RecordingError(`${path}: ${reason}`)
    }
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

  /** Writes the end and closes the file. */
  async end(reason: string, truncated: boolean): Promise<void> {
    await this.#frame({ kind: 'end', end: { reason, truncated } })
    await this.#file.sync()
    await this.close()
  }

  /** Closes the file without an end frame. */
  async close(): Promise<void> {
    await this.#file.close()
  }

  #frame(frame: Frame): Promise<void> {
    return this.#write(encodeFrame(frame))
  }

  async #write(parts: Buffer[]): Promise<void> {
    for (const part of parts) {
      // writeFile on a handle goes on from where it stands and loops over short writes.
      await this.#file.writeFile(part)
      this.#bytes += part.length
    }
  }
}
