import { stat } from 'node:fs/promises'
import type { Clock, Timer } from '../../util/clock.js'

/** Kubernetes and certbot replace files days ahead; a look is one stat(2) of each file. */
const kLookEveryMs = 10_000

export interface FileBackedOptions<T> {
  readonly paths: readonly string[]
  /** Reads them all. Rejects when they do not make a value together: half of a pair was replaced, one has vanished. */
  read(): Promise<T>
  readonly clock: Clock
  /** Told of each value after the first. */
  onChange?(value: T): void
  /** Told why the files are not what is in use, once for each reason; `undefined` when they are again. */
  onStale(reason: string | undefined): void
}

/** A value that stands in files, read again when they change. What was good stays in use until all of them are good again. */
export class FileBacked<T> {
  readonly #options: FileBackedOptions<T>
  readonly #timer: Timer | undefined
  #value: T
  #stamps: string
  #stale: string | undefined
  #looking: Promise<void> | undefined
  #closed = false

  /** Rejects when there is nothing to begin with. */
  static async open<T>(options: FileBackedOptions<T>): Promise<FileBacked<T>> {
    const stamps = await stampsOf(options.paths) // before reading: what changes meanwhile is read again
    return new FileBacked(options, stamps, await options.read())
  }

  private constructor(options: FileBackedOptions<T>, stamps: string, value: T) {
    this.#options = options
    this.#stamps = stamps
    this.#value = value
    if (options.paths.length > 0) this.#timer = options.clock.every(kLookEveryMs, () => void this.look())
  }

  get value(): T {
    return this.#value
  }

  /** Why the files are not what is in use. */
  get stale(): string | undefined {
    return this.#stale
  }

  /** Looks now; never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** Resolves when nothing of it is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#looking
  }

  async #look(): Promise<void> {
    const { paths, read, onChange } = this.#options
    const stamps = await stampsOf(paths)
    // In trouble it is read again though nothing changed: it may have been a limit of this process.
    if (this.#closed || (stamps === this.#stamps && this.#stale === undefined)) return
    try {
      const value = await read()
      if (this.#closed) return
      const changed = stamps !== this.#stamps
      this.#stamps = stamps
      this.#value = value
      this.#say(undefined)
      if (changed) onChange?.(value)
    } catch (error) {
      if (!this.#closed) this.#say((error as Error).message)
    }
  }

  #say(stale: string | undefined): void {
    if (stale === this.#stale) return
    this.#stale = stale
    this.#options.onStale(stale)
  }
}

async function stampsOf(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(stampOf))).join(' ')
}

/** Changes when the file is written, replaced, or given other rights; `undefined` when it is not there. */
async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
  } catch {
    return undefined
  }
}
