import type { Disk, DiskFile } from './disk.js'
import {
  encodeHeader,
  encodeMark,
  encodeNote,
  type Header,
  kHeaderBytes,
  kMarkBytes,
  kNotesStart,
  type Mark,
  type Note,
} from './format.js'

/** The file beside a log: how far that goes, and which of its records are settled. */
export class Notes {
  readonly #path: string
  readonly #disk: Disk
  readonly #onError: (error: unknown) => void
  #file: DiskFile | undefined
  /** Where the next note goes. */
  #end: number
  #marks = 0
  #waiting: Note[] = []
  #writing: Promise<boolean> | undefined
  /** Something was written and not synced. */
  #dirty = false

  constructor(disk: Disk, path: string, end: number, onError: (error: unknown) => void) {
    this.#disk = disk
    this.#path = path
    this.#end = end
    this.#onError = onError
  }

  static async create(disk: Disk, path: string, header: Header, onError: (error: unknown) => void): Promise<Notes> {
    const notes = new Notes(disk, path, kNotesStart, onError)
    notes.#file = await disk.openFile(path, true)
    await notes.#file.write([encodeHeader('done', header), Buffer.alloc(kNotesStart - kHeaderBytes)], 0)
    return notes
  }

  add(note: Note): void {
    this.#waiting.push(note)
  }

  /**
   * Resolves when all that was added is written, for a process that ends to find (not for a power cut). Never rejects: what
   * could not be written is written with the next ones; until then a restart would deliver it again.
   */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#writing !== undefined) {
      this.#writing ??= this.#write()
      if (!(await this.#writing)) return
    }
  }

  /** Two places by turns: one that is half written when the power goes leaves the other. Never rejects. */
  async mark(mark: Mark): Promise<void> {
    try {
      const file = await this.#open()
      await file.write([encodeMark(mark)], kHeaderBytes + (this.#marks++ % 2) * kMarkBytes)
      this.#dirty = true
    } catch (error) {
      this.#onError(error)
    }
  }

  /** Never rejects. */
  async sync(): Promise<void> {
    if (!this.#dirty || this.#file === undefined) return
    this.#dirty = false
    await this.#file.sync().catch(this.#onError)
  }

  async close(): Promise<void> {
    await this.flush()
    await this.#file?.close().catch(this.#onError)
    this.#file = undefined
  }

  async #write(): Promise<boolean> {
    const batch = this.#waiting
    this.#waiting = []
    try {
      const file = await this.#open()
      await file.write([Buffer.concat(batch.map(encodeNote))], this.#end)
      this.#end += batch.length * 16
      this.#dirty = true
      return true
    } catch (error) {
      this.#waiting = [...batch, ...this.#waiting]
      this.#onError(error)
      return false
    } finally {
      this.#writing = undefined
    }
  }

  async #open(): Promise<DiskFile> {
    this.#file ??= await this.#disk.openFile(this.#path, false)
    return this.#file
  }
}
