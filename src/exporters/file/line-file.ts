import { constants, type Stats, statSync } from 'node:fs'
import { type FileHandle, open, stat, statfs } from 'node:fs/promises'
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

/**
 * File systems of this machine alone, by their magic numbers (statfs(2)): ext, XFS, btrfs, F2FS, ZFS, tmpfs, overlay. There the name of
 * an open file is looked up in memory: its entry and those of the folders above it stay. Others may ask a server that does not answer.
 */
const localTypes: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0x01021994, 0x794c7630,
])

// O_NOFOLLOW: a link planted in a shared folder must not make us write elsewhere. O_NONBLOCK: opening a FIFO must not hang.
const kFlags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * A file that holds whole lines only. A write that fails midway is cut off again, and a half line left by a crash is cut
 * off when the file is opened. One writer at a time; calls must not overlap.
 */
export class LineFile {
  readonly #settings: LineFileSettings
  #handle: FileHandle | undefined
  /** Of the open file: which it is, and whether its name is looked up at once. */
  #own: { readonly ino: number; readonly dev: number; readonly local: boolean } | undefined
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
      this.#own = { ino: info.ino, dev: info.dev, local: await isLocal(path) }
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

  /** At once where that cannot take long: on a thread of libuv's pool it would be another wake-up before each write. */
  #isInPlace(): boolean | Promise<boolean> {
    const { path } = this.#settings
    const own = this.#own!
    const isIt = (there: Stats | undefined): boolean => {
      if (own.ino !== there?.ino || own.dev !== there.dev) return false
      // Emptied in its place (copytruncate): cut back to more than there is, it would grow by zeros.
      this.#size = Math.min(this.#size, there.size)
      return true
    }
    if (own.local) return isIt(statNow(path))
    return stat(path).then(isIt, () => false)
  }
}

async function isLocal(path: string): Promise<boolean> {
  const system = await statfs(path).catch(() => undefined)
  return system !== undefined && localTypes.has(system.type)
}

function statNow(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
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
