import { constants } from 'node:fs'
import { access, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Settings } from '../../component/component.js'
import { atOnce, inTurns, type Pausable } from '../../util/pausable.js'

/** Restart counters take some 200 bytes for each of at most 65,536 units; what a leak is known by, up to 4.5 KB a unit. */
const kMaxBytes = 32 * 1024 * 1024
/** Parts of a text are written together up to so many characters: 64 KiB are checked and encoded in 0.1 ms. */
const kChunk = 65_536
/** A checksum of so many bytes takes some 0.5 ms. */
const kSummed = 2 ** 20

export type LoadedState<T> =
  | { readonly kind: 'none' }
  | { readonly kind: 'ok'; readonly value: T }
  /** It cannot be used: set aside under `movedTo`, for whoever wants to look. */
  | { readonly kind: 'damaged'; readonly reason: string; readonly movedTo: string }

interface StateFileHead {
  readonly path: string
  /** A lower_snake_case word for what is inside; a file of another one is not read. */
  readonly content: string
  /** Of the content's form; a file of another version is not read. */
  readonly version: number
}

export interface StateFileOptions<T> extends StateFileHead {
  /** Takes what was read apart; throws with a reason when it is not of this form. */
  parse(json: unknown): T
}

/** The same for a JSON text that is long: in steps, after each 8 ms of which the event loop goes to others. */
export interface LongStateFileOptions<T> extends StateFileHead {
  /** Takes the text apart, UTF-8; throws as `parse` does. */
  read(text: Buffer): Pausable<T>
  /** Of a clock that nobody sets. */
  nowMs(): number
}

/**
 * One JSON value on disk, always whole: written beside, synced, renamed over. The first line names content, version,
 * CRC-32 and length of the second, so that a half-written, foreign or edited file is told apart from a good one.
 *
 *     unitscope-state restart_counters 1 8f2a01bc 1234
 *     {...}
 */
export class StateFile<T> {
  readonly #options: StateFileOptions<T> | LongStateFileOptions<T>
  #saving: Promise<void> = Promise.resolve()
  /** The newest text that waits for the write under way. */
  #waiting: { readonly text: Text; readonly written: Promise<void> } | undefined

  constructor(options: StateFileOptions<T> | LongStateFileOptions<T>) {
    this.#options = options
  }

  get path(): string {
    return this.#options.path
  }

  /** Makes its folder. Rejects where it is clear already that nothing could be saved; a full disk shows only then. */
  async prepare(): Promise<void> {
    const folder = dirname(this.#options.path)
    await makeFolder(folder)
    // With the slash a file in its place is ENOTDIR, as it is at a save.
    await access(`${folder}/`, constants.W_OK | constants.X_OK)
  }

  /** Never rejects: what cannot be read is `damaged` and set aside, so that the agent starts and says so. */
  async load(): Promise<LoadedState<T>> {
    const { path } = this.#options
    try {
      const { size } = await stat(path)
      if (size > kMaxBytes) return await this.#setAside(`it has ${size} bytes, more than ${kMaxBytes}`)
      return { kind: 'ok', value: await this.#take(await readFile(path)) }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { kind: 'none' }
      return await this.#setAside(error instanceof Error ? error.message : String(error))
    }
  }

  /**
   * Resolves when `value`, or one saved after it, is on the disk. One write at a time: of values that come meanwhile only
   * the newest is written. Rejects with the error of the file system, and where the file would be too large to be read again:
   * the one that is there stays.
   */
  save(value: T): Promise<void> {
    return this.#save({ parts: textOf(value), nowMs: () => 0 })
  }

  /**
   * The same of a value whose JSON text comes in parts, each made when it is its turn: the event loop goes to others after
   * each 8 ms.
   */
  saveText(parts: Iterable<string>, nowMs: () => number): Promise<void> {
    return this.#save({ parts, nowMs })
  }

  #save(text: Text): Promise<void> {
    if (this.#waiting !== undefined) {
      this.#waiting = { text, written: this.#waiting.written }
      return this.#waiting.written
    }
    const written = this.#saving.then(async () => {
      const { parts, nowMs } = this.#waiting!.text
      this.#waiting = undefined
      await this.#write(await inTurns(chunked(parts), nowMs))
    })
    this.#waiting = { text, written }
    this.#saving = written.catch(() => {})
    return written
  }

  async #take(bytes: Buffer): Promise<T> {
    const options = this.#options
    if ('read' in options) return await inTurns(readLong(bytes, options), options.nowMs)
    return options.parse(JSON.parse(atOnce(bodyOf(bytes, options)).toString()))
  }

  async #setAside(reason: string): Promise<LoadedState<T>> {
    const { path } = this.#options
    const movedTo = `${path}.damaged`
    await rename(path, movedTo).catch(() => {}) // on a read-only disk it stays where it is, and is not written either
    return { kind: 'damaged', reason, movedTo }
  }

  async #write({ chunks, bytes, sum }: Chunked): Promise<void> {
    const { path, content, version } = this.#options
    const head = Buffer.from(`unitscope-state ${content} ${version} ${inHex(sum)} ${bytes}\n`)
    if (head.length + bytes > kMaxBytes) throw tooLarge()
    const beside = `${path}.new`
    await makeFolder(dirname(path))
    const file = await open(beside, 'w', 0o600)
    try {
      for (const chunk of [head, ...chunks]) await file.writeFile(chunk) // each goes on where the last one ended
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
    const folder = await open(dirname(path), 'r')
    try {
      await folder.sync() // the new name is only safe once the folder is
    } finally {
      await folder.close()
    }
  }
}

/** Longer than any first line. */
const kMaxHead = 256

/** What stands behind the first line, if that is as it should be; pauses now and then. @throws Error that says what is wrong */
function* bodyOf(bytes: Buffer, { content, version }: StateFileHead): Pausable<Buffer> {
  const end = bytes.subarray(0, kMaxHead).indexOf('\n')
  const [magic, name, number, sum, length] = bytes.toString('utf8', 0, Math.max(end, 0)).split(' ')
  if (end < 0 || magic !== 'unitscope-state') throw new Error('it does not begin as a state file')
  if (name !== content) throw new Error(`it holds ${name}, not ${content}`)
  if (number !== String(version)) throw new Error(`it is of version ${number}, this agent writes ${version}`)
  const body = bytes.subarray(end + 1)
  if (length !== String(body.length)) throw new Error('it is not whole')
  let found = 0
  for (let at = 0; at < body.length; at += kSummed) {
    found = crc32(body.subarray(at, at + kSummed), found)
    yield
  }
  if (sum !== inHex(found)) throw new Error('its checksum is wrong')
  return body
}

function* readLong<T>(bytes: Buffer, options: LongStateFileOptions<T>): Pausable<T> {
  return yield* options.read(yield* bodyOf(bytes, options))
}

/** One level only: what should be above is not this agent's to make, and Node's recursive mkdir never returns below /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

interface Text {
  readonly parts: Iterable<string>
  readonly nowMs: () => number
}

interface Chunked {
  readonly chunks: readonly Buffer[]
  readonly bytes: number
  /** CRC-32. */
  readonly sum: number
}

/** In one part, when it is written. */
function* textOf(value: unknown): Generator<string, void, undefined> {
  yield JSON.stringify(value)
}

/** Pauses after each part. */
function* chunked(parts: Iterable<string>): Pausable<Chunked> {
  const chunks: Buffer[] = []
  let bytes = 0
  let sum = 0
  let text = ''
  const add = (): void => {
    const chunk = Buffer.from(text)
    chunks.push(chunk)
    bytes += chunk.length
    sum = crc32(chunk, sum)
    text = ''
    if (bytes > kMaxBytes) throw tooLarge()
  }
  for (const part of parts) {
    text += part
    if (text.length >= kChunk) add()
    yield
  }
  add()
  return { chunks, bytes, sum }
}

function tooLarge(): Error {
  return new Error(`it would be larger than ${kMaxBytes} bytes`)
}

function inHex(sum: number): string {
  return sum.toString(16).padStart(8, '0')
}

/** Where a component keeps `content`; undefined when the agent has no state directory, and nothing outlives it. */
export function statePath({ stateDirectory, id, pipeline }: Settings, content: string): string | undefined {
  if (stateDirectory === undefined) return undefined
  const place = pipeline === undefined ? '' : `@${encoded(pipeline)}`
  return join(stateDirectory, `${id.kind}.${encoded(id.id)}${place}.${content}`)
}

/** An id's `/` and every other character that could lead elsewhere becomes its code. */
function encoded(id: string): string {
  return id.replace(/[^a-z0-9_-]/gi, (c) => `%${c.charCodeAt(0).toString(16)}`)
}
