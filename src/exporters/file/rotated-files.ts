import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

export interface RotationSettings {
  readonly path: string
  /** Renamed files kept: path.1 (newest) to path.N, or path.N.gz. 0: none. */
  readonly maxFiles: number
  /** Since their last line, in milliseconds; 0: for ever. */
  readonly maxAgeMs: number
  readonly gzip: boolean
  readonly unixMs: () => number
  /** Told of each file that was deleted for its number or its age. */
  readonly onRemoved: () => void
}

/**
 * The files that the current one has become. Each step is one rename or one unlink, so that a crash between two leaves every
 * line in exactly one file, but for a copy that is compressed twice (`tidy` finds it). Calls must not overlap.
 */
export class RotatedFiles {
  readonly #settings: RotationSettings

  constructor(settings: RotationSettings) {
    this.#settings = settings
  }

  /** The current file becomes path.1. Throws the system's error; tried again, it goes on and deletes nothing more. */
  async shift(): Promise<void> {
    const { path, maxFiles } = this.#settings
    const rotated = await this.#list()
    let free = 1
    while (free <= maxFiles && rotated.has(free)) free++
    if (free > maxFiles) {
      free = maxFiles
      for (const file of rotated.get(free)!) await this.#remove(file)
    }
    for (let n = free - 1; n >= 1; n--)
      for (const file of rotated.get(n)!) {
        const ending = file.slice(`${path}.${n}`.length)
        await rename(file, `${path}.${n + 1}${ending}`)
      }
    await rename(path, `${path}.1`).catch(ignoreMissing)
  }

  /** Deletes what is too old or too much, and compresses what is not. Stops soon after `signal` aborts. */
  async tidy(signal: AbortSignal): Promise<void> {
    const { maxFiles, maxAgeMs, gzip, unixMs } = this.#settings
    const rotated = await this.#list()
    for (const file of [...rotated.values()].flat()) if (file.endsWith('.part')) await unlink(file)
    for (const [n, files] of rotated)
      for (const file of files.filter((each) => !each.endsWith('.part'))) {
        if (signal.aborted) return
        const { mtimeMs } = await lstat(file)
        if (n > maxFiles || (maxAgeMs > 0 && unixMs() - mtimeMs > maxAgeMs)) await this.#remove(file)
        else if (gzip && !file.endsWith('.gz')) await compress(file, signal)
      }
  }

  /** What there is by number: path.N, path.N.gz, and what an earlier run left half compressed. */
  async #list(): Promise<ReadonlyMap<number, readonly string[]>> {
    const { path } = this.#settings
    const prefix = `${basename(path)}.`
    const found = new Map<number, string[]>()
    for (const name of await readdir(dirname(path))) {
      if (!name.startsWith(prefix)) continue
      const [, number] = /^([1-9]\d{0,3})(\.gz(\.part)?)?$/.exec(name.slice(prefix.length)) ?? []
      if (number === undefined) continue
      const files = found.get(Number(number)) ?? []
      files.push(join(dirname(path), name))
      found.set(Number(number), files)
    }
    return found
  }

  async #remove(file: string): Promise<void> {
    await unlink(file).catch(ignoreMissing)
    this.#settings.onRemoved()
  }
}

/** The fastest level: JSON lines become a tenth by it. */
const kLevel = 1
const kChunkBytes = 64 * 1024

/** Whole or not at all: under its name a compressed file is complete, and on the disk before the other one goes. */
async function compress(file: string, signal: AbortSignal): Promise<void> {
  const part = `${file}.gz.part`
  const source = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { atime, mtime } = await source.stat()
    const target = await open(part, 'wx', 0o600)
    try {
      const write = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
        for await (const chunk of chunks) await target.appendFile(chunk)
      }
      await pipeline(chunksOf(source), createGzip({ level: kLevel }), write, { signal })
      // Its age is that of its lines.
      await target.utimes(atime, mtime)
      await target.sync()
    } finally {
      await target.close()
    }
    await rename(part, `${file}.gz`)
    await unlink(file)
  } catch (error) {
    await unlink(part).catch(ignoreMissing)
    if (!signal.aborted) throw error
  } finally {
    await source.close()
  }
}

/** A stream made of a handle would not let it be closed (Node 20). */
async function* chunksOf(source: FileHandle): AsyncIterable<Buffer> {
  for (;;) {
    const { bytesRead, buffer } = await source.read(Buffer.allocUnsafe(kChunkBytes), 0, kChunkBytes)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
