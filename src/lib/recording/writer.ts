import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CaptureChunk } from '../../binding/signal-source.js'
import type { Snapshot } from '../../data/unit-snapshot.js'
import { encodeFrame, encodeHeader, type Frame, RecordingError } from './format.js'

/** Signals name services, users and command results, so only the owner may read a recording. */
const kMode = 0o600
/** Always a file that is not there yet: what lies at a path may belong to somebody else, be held open, or be a link. */
const kFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Writes a recording, frame by frame, in order. */
export class RecordingWriter {
  readonly #path: string
  readonly #file: FileHandle
  /** Where a file that replaces another one grows until it can be played; undefined once it is at its place. */
  #draft: string | undefined
  #bytes = 0

  private constructor(path: string, file: FileHandle, draft: string | undefined) {
    this.#path = path
    this.#file = file
    this.#draft = draft
  }

  /**
   * Creates the file, readable by its owner only.
   *
   * @param replace - whether it may take the place of an existing file. That one stays until the snapshot of the new one is
   *   on the disk: from then on the new one can be played, even if the recorder is killed; before, nothing is lost.
   * @throws {RecordingError} when it exists or cannot be written
   */
  static create(path: string, replace: boolean): Promise<RecordingWriter> {
    return named(path, async () => {
      if (replace) await expectReplaceable(path)
      const draft = replace ? join(dirname(path), `.unitscope-${randomBytes(8).toString('hex')}.part`) : undefined
      const writer = new RecordingWriter(path, await open(draft ?? path, kFlags, kMode), draft)
      try {
        await writer.#write([encodeHeader()])
        return writer
      } catch (error) {
        await writer.close()
        throw error
      }
    })
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes
  }

  async snapshot(snapshot: Snapshot): Promise<void> {
    await this.#frame({ kind: 'snapshot', snapshot })
    await named(this.#path, () => this.#takePlace())
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

  /** Closes the file without an end frame. One that has not taken its place is removed. */
  async close(): Promise<void> {
    await this.#file.close()
    const draft = this.#draft
    this.#draft = undefined
    if (draft !== undefined) await unlink(draft).catch(() => {}) // somebody else has removed it
  }

  async #takePlace(): Promise<void> {
    if (this.#draft === undefined) return
    // Without it a crash of the machine could leave the new name and none of the bytes.
    await this.#file.datasync()
    await rename(this.#draft, this.#path)
    this.#draft = undefined
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

/** A rename would put a file where a device or a link was. */
async function expectReplaceable(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined) // what keeps it from being looked at keeps the open from working
  if (there?.isSymbolicLink()) throw new Error('a symbolic link, which is not followed; name the file itself')
  if (there?.isFile() === false) throw new Error('not a regular file')
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
