import { constants } from 'node:fs'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'

export interface LineFileSettings {
  readonly path: string
  readonly maxBytes: number
  /** Renamed files kept: path.1 (newest) to path.N. */
  readonly maxFiles: number
  readonly fsync: boolean
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
    const { path, maxFiles } = this.#settings
    if (maxFiles === 0) {
      await this.#handle?.truncate(0)
      this.#size = 0
      return
    }
    await this.close()
    await unlink(`${path}.${maxFiles}`).catch(ignoreMissing)
    for (let n = maxFiles - 1; n >= 1; n--) await rename(`${path}.${n}`, `${path}.${n + 1}`).catch(ignoreMissing)
    await rename(path, `${path}.1`).catch(ignoreMissing)
    await this.open()
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
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
