import { type Clock, sleep } from '../../util/clock.js'

/** Writes all bytes given; resolves when they are out. A rejection ends the writer. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>

/** A sink that never makes its user wait: what does not fit is refused, and the user counts it. */
export interface BoundedWriter {
  /** Queues a line (a newline is added). False: no room, or the sink is broken; nothing of it will appear. */
  line(text: string): boolean
  /** Why nothing can be written any more. */
  readonly broken: string | undefined
  /** Waits until all is out, at most `maxMs`; then gives up and takes nothing more. Returns the lines given up. */
  close(maxMs: number): Promise<number>
}

export function createBoundedWriter(write: WriteBytes, maxBytes: number, clock: Clock): BoundedWriter {
  return new QueueingWriter(write, maxBytes, clock)
}

/** One write takes at most so much, so that a slow terminal shows progress and close can stop in time. */
const kChunkBytes = 16 * 1024

class QueueingWriter implements BoundedWriter {
  readonly #write: WriteBytes
  readonly #maxBytes: number
  readonly #clock: Clock
  #waiting: Buffer[] = []
  #bytes = 0
  #pump: Promise<void> | undefined
  #broken: string | undefined

  constructor(write: WriteBytes, maxBytes: number, clock: Clock) {
    this.#write = write
    this.#maxBytes = maxBytes
    this.#clock = clock
  }

  get broken(): string | undefined {
    return this.#broken
  }

  line(text: string): boolean {
    if (this.#broken !== undefined) return false
    const bytes = Buffer.from(`${text}\n`)
    if (this.#bytes + bytes.length > this.#maxBytes) return false
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
    this.#pump ??= this.#run()
    return true
  }

  async close(maxMs: number): Promise<number> {
    if (this.#pump !== undefined) {
      const done = new AbortController()
      void this.#pump.then(() => done.abort())
      await sleep(this.#clock, maxMs, done.signal)
    }
    this.#broken ??= 'closed'
    const lost = this.#waiting.length
    this.#waiting = []
    this.#bytes = 0
    return lost
  }

  /** Writes until nothing waits; joins lines, so that a burst is a few writes and not a thousand. */
  async #run(): Promise<void> {
    // One turn later, so that all lines of a batch go out together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      let size = 0
      let count = 0
      while (count < this.#waiting.length && (count === 0 || size + this.#waiting[count]!.length <= kChunkBytes))
        size += this.#waiting[count++]!.length
      const chunk = Buffer.concat(this.#waiting.slice(0, count), size)
      try {
        await this.#write(chunk)
      } catch (error) {
        this.#broken ??= error instanceof Error ? error.message : String(error)
        break
      }
      if (this.#waiting.length === 0) break
      this.#waiting.splice(0, count)
      this.#bytes -= size
    }
    this.#pump = undefined
  }
}
