import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface LineFileSettings {
  readonly path: string
  readonly maxBytes: number
  readonly fsync: boolean
  /** Takes the full file away, under another name; without it the file is emptied instead. */
  readonly rotate: (() => Promise<void>) | undefined
  readonly onRotated: () => void
}

/** Read in pieces from the end to find the last newline. */
const kTailBytes = 64 * 1024

// O_NOFOLLOW: a link planted in a shared folder must not make us write elsewhere. O_NONBLOCK: opening a FIFO must not hang.
const kFlags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * A file that holds whole lines only. A write that fails midway is cut off again, and a half line left by a crash is cut
 * off when the file is opened. One writer at a time; calls must not overlap.
 */
export class LineFile {
  readonly #settings: LineFileSettings
  #handle: FileHandle | undefined
  /** Bytes of whole lines. */
  #size = 0
  /** Bytes may stand behind `#size` that a failed write left. */
  #torn = false

  constructor(settings: LineFileSettings) {
    this.#settings = settings
  }

  get size(): number {
    return this.#size
  }

  /** Opens or makes the file (mode 0600). Returns the bytes of a torn last line that were cut off. */
  async open(): Promise<number> {
    const { path } = this.#settings
    const handle = await open(path, kFlags, 0o600)
    try {
      const info = await handle.stat()
      if (!info.isFile()) throw Object.assign(new Error(`${path} is not a regular file`), { code: 'ENOTREG' })
      this.#size = await endOfLastLine(handle, info.size)
      if (this.#size < info.size) await handle.truncate(this.#size)
      // The lines of a new file are on the disk only with its name.
      if (this.#settings.fsync) await syncFolder(dirname(path))
      this.#handle = handle
      this.#torn = false
      return info.size - this.#size
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Appends lines (each ending in a newline), all or none; throws the system's error. */
  async append(lines: Buffer): Promise<void> {
    // logrotate, or somebody, may have taken it away: what is written from now on is looked for under its name.
    if (this.#handle !== undefined && !(await this.#isInPlace())) await this.close()
    if (this.#handle === undefined) await this.open()
    if (this.#torn) await this.#cut()
    if (this.#size > 0 && this.#size + lines.length > this.#settings.maxBytes) await this.#rotate()
    const handle = this.#handle!
    try {
      for (let at = 0; at < lines.length; ) at += (await handle.write(lines, at)).bytesWritten
      if (this.#settings.fsync) await handle.datasync()
    } catch (error) {
      this.#torn = true
      // Also when fdatasync failed: its lines are not known to be on the disk and will be offered again.
      await this.#cut().catch(() => {})
      throw error
    }
    this.#size += lines.length
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  async #cut(): Promise<void> {
    await this.#handle?.truncate(this.#size)
    this.#torn = false
  }

  async #rotate(): Promise<void> {
    const { rotate, onRotated } = this.#settings
    if (rotate === undefined) {
      await this.#handle?.truncate(0)
      this.#size = 0
    } else {
      await this.close()
      await rotate()
      await this.open()
    }
    onRotated()
  }

  async #isInPlace(): Promise<boolean> {
    const [own, there] = await Promise.all([this.#handle!.stat(), stat(this.#settings.path).catch(() => undefined)])
    return own.ino === there?.ino && own.dev === there.dev
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(kTailBytes)
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - kTailBytes)
    const { bytesRead } = await handle.read(buffer, 0, end - start, start)
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (newline >= 0) return start + newline + 1
    end = start
  }
  return 0
}
