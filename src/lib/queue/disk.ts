import { constants } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { loadNative } from '../../binding/native.js'
import { RefusalError } from '../../errors.js'
import { notOursAlone } from '../../util/own-folder.js'

/** A file of a queue. Every method rejects with the error of the system (`code`: ENOSPC, EIO, ...). */
export interface DiskFile {
  /** Writes all of it, in as many steps as the system wants. When it rejects, any part of it may have been written. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>
  /** Fewer than `length` bytes only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>
  size(): Promise<number>
  truncate(size: number): Promise<void>
  /** Resolves when all that was written is on the disk, fdatasync(2). */
  sync(): Promise<void>
  close(): Promise<void>
}

/** What a queue needs of a file system. Tests put one in its place that knows what a power cut would leave. */
export interface Disk {
  /**
   * Makes the folder if need be, and makes sure that nobody else can reach into it.
   *
   * @param above - the folder it stands in, where that is the agent's to make, too
   * @throws RefusalError for one that is not ours alone, or cannot be made by this user
   */
  prepareFolder(path: string, above?: string): Promise<void>
  list(folder: string): Promise<readonly string[]>
  /** `create`: it must not be there yet. */
  openFile(path: string, create: boolean): Promise<DiskFile>
  remove(path: string): Promise<void>
  /** A second name for a file, so that it outlives the first. */
  link(path: string, as: string): Promise<void>
  /** Resolves when new and removed names are on the disk. */
  syncFolder(path: string): Promise<void>
  /**
   * Keeps other processes out until released or this process ends, however it ends.
   *
   * @throws Error when another holds it
   */
  lock(path: string): Promise<() => Promise<void>>
}

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY } = constants
/** Node opens everything with O_CLOEXEC. */
const kMode = 0o600

export const systemDisk: Disk = {
  prepareFolder,
  list: (folder) => readdir(folder),
  async openFile(path, create) {
    const handle = await open(path, O_RDWR | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0), kMode)
    return new SystemFile(handle)
  },
  remove: (path) => unlink(path),
  link: (path, as) => link(path, as),
  async syncFolder(path) {
    const folder = await open(path, O_RDONLY | O_DIRECTORY)
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
  async lock(path) {
    const loaded = loadNative()
    if (!('native' in loaded)) throw new Error(`no lock against a second agent: ${loaded.unavailable}`)
    const handle = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, kMode)
    if (!loaded.native.lockFile(handle.fd)) {
      await handle.close()
      throw new Error(`another agent uses it: ${path} is locked`)
    }
    return () => handle.close()
  },
}

async function prepareFolder(path: string, above?: string): Promise<void> {
  if (above !== undefined) await makeFolder(above)
  await makeFolder(path)
  const trouble = await notOursAlone(path)
  if (trouble !== undefined) throw new RefusalError(trouble)
}

/** One level only: what should be above is not this agent's to make, and Node's recursive mkdir never returns below /proc. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    switch (error.code) {
      case 'EEXIST':
        return
      case 'ENOENT': // No refusal: it may be mounted later.
        throw new Error(`there is no folder ${dirname(path)} to make ${basename(path)} in: make it, or choose another`)
      case 'ENOTDIR':
        throw new RefusalError(`the folder ${path} cannot be made: ${dirname(path)} is not a folder`)
      case 'EACCES':
      case 'EPERM':
        throw new RefusalError(`the folder ${path} cannot be made: this user may not write to ${dirname(path)}`)
      default:
        throw error
    }
  })
}

class SystemFile implements DiskFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    let rest: Uint8Array[] = [...chunks]
    let at = position
    for (;;) {
      const { bytesWritten } = await this.#handle.writev(rest, at)
      at += bytesWritten
      rest = behind(rest, bytesWritten)
      if (rest.length === 0) return
      // A short write says that the disk or the file may not grow; the next one says why.
    }
  }

  async read(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length)
    let got = 0
    while (got < length) {
      const { bytesRead } = await this.#handle.read(bytes, got, length - got, position + got)
      if (bytesRead === 0) break
      got += bytesRead
    }
    return bytes.subarray(0, got)
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size)
  }

  sync(): Promise<void> {
    return this.#handle.datasync()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/** What is left of `chunks` behind the first `bytes`. */
function behind(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  let from = 0
  while (from < chunks.length && skip >= chunks[from]!.byteLength) skip -= chunks[from++]!.byteLength
  const rest = chunks.slice(from)
  if (skip > 0) rest[0] = rest[0]!.subarray(skip)
  return rest
}

/** A file that is open only while it is used: of a long backlog there are more than a process may have open. */
export class OnDemandFile implements DiskFile {
  readonly #disk: Disk
  readonly #path: string
  #file: Promise<DiskFile> | undefined

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    return (await this.#open()).write(chunks, position)
  }

  async read(position: number, length: number): Promise<Buffer> {
    return (await this.#open()).read(position, length)
  }

  async size(): Promise<number> {
    return (await this.#open()).size()
  }

  async truncate(size: number): Promise<void> {
    return (await this.#open()).truncate(size)
  }

  async sync(): Promise<void> {
    return (await this.#open()).sync()
  }

  /** It is opened again when it is used again. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await (await file?.catch(() => undefined))?.close()
  }

  async #open(): Promise<DiskFile> {
    this.#file ??= this.#disk.openFile(this.#path, false)
    try {
      return await this.#file
    } catch (error) {
      this.#file = undefined
      throw error
    }
  }
}

/** Whether so many bytes can be written; the file does not stay. Rejects as the disk does. */
export async function tryWrite(disk: Disk, path: string, bytes: number, sync: boolean): Promise<void> {
  await disk.remove(path).catch(() => {}) // of a process that ended meanwhile
  const file = await disk.openFile(path, true)
  try {
    await file.write([Buffer.alloc(bytes)], 0)
    if (sync) await file.sync()
  } finally {
    await file.close().catch(() => {})
    await disk.remove(path).catch(() => {})
  }
}

/** Failures that say nothing of the file: of those that are open there are too many, memory is short, somebody took the rights away. */
const passing: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'EACCES', 'EPERM'])

/** No room on the disk, or none left of what is allowed. */
export function isFull(error: unknown): boolean {
  return codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT'
}

/** Whether it is the disk or the file system that says that a file is damaged. */
export function isDamage(error: unknown): boolean {
  return ['EIO', 'EUCLEAN', 'EBADMSG'].includes(codeOf(error))
}

/** Whether the same call may work later. */
export function mayPass(error: unknown): boolean {
  return passing.has(codeOf(error))
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
}
