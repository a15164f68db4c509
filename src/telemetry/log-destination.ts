import { writevSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { isFull, kFullMs, reopenNonBlocking } from '../util/non-blocking.js'

/** Where lines go. `logDestination` is one; tests bring an array. */
export interface LogSink {
  write(line: string): void
  /** Lines given up since the start: too many waited, or they could not be written. */
  readonly lost: number
  /** Called when lines get through again after some were given up, with how many. */
  onRoom?: (lost: number) => void
  /** Resolves when what was written so far is out, or will not get out in a reasonable time. */
  drain(): Promise<void>
  /** The same, blocking. */
  flushSync(): void
}

/** Lines that wait for a slow reader of stderr: past this they are dropped rather than kept in memory. */
const kMaxBufferedBytes = 1024 * 1024

/** A reader of stderr that takes nothing for a second is paused or gone; the end of the process does not wait for it. */
const kDrainMs = 1000

/** Lines of one write; IOV_MAX is 1024. */
const kMaxLines = 256

/**
 * Log sink on a file descriptor that never waits for its reader, not even at the end of the process: a paused terminal, a
 * full pipe or a journald that hangs cannot stop the agent, and cannot keep it alive (decision 0006).
 *
 * Writes are made at once, without libuv's pool, whose threads the end of the process waits for. Terminals and pipes are
 * opened a second time for that; a socket is non-blocking from the first use of `process.stderr` on, which main makes.
 */
export function logDestination(fd: number): LogSink {
  return new Destination(reopenNonBlocking(fd) ?? fd)
}

class Destination implements LogSink {
  readonly #fd: number
  #waiting: Buffer[] = []
  #bytes = 0
  #lost = 0
  #untold = 0
  #retry: NodeJS.Timeout | undefined
  onRoom?: (lost: number) => void

  constructor(fd: number) {
    this.#fd = fd
  }

  get lost(): number {
    return this.#lost
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#bytes + bytes.length > kMaxBufferedBytes) {
      this.#lose(1)
      return
    }
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
    if (this.#retry === undefined) this.#pump()
  }

  async drain(): Promise<void> {
    const end = performance.now() + kDrainMs
    while (this.#waiting.length > 0 && performance.now() < end) {
      await pause(kFullMs)
      this.#pump()
    }
  }

  flushSync(): void {
    const end = performance.now() + kDrainMs
    const never = new Int32Array(new SharedArrayBuffer(4))
    this.#pump()
    while (this.#waiting.length > 0 && performance.now() < end) {
      Atomics.wait(never, 0, 0, kFullMs)
      this.#pump()
    }
  }

  /** Writes until nothing waits or the reader takes no more; then tries again later. */
  #pump(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
    if (this.#waiting.length === 0) return
    while (this.#waiting.length > 0) {
      try {
        this.#written(writevSync(this.#fd, this.#waiting.slice(0, kMaxLines)))
      } catch (error) {
        if (isFull(error)) this.#retry = setTimeout(() => this.#pump(), kFullMs).unref()
        else this.#giveUp()
        return
      }
    }
    if (this.#untold === 0) return
    const lost = this.#untold
    this.#untold = 0
    this.onRoom?.(lost)
  }

  #written(size: number): void {
    this.#bytes -= size
    let lines = 0
    for (let rest = size; rest > 0; lines++) {
      const line = this.#waiting[lines]!
      if (line.length > rest) {
        this.#waiting[lines] = line.subarray(rest)
        break
      }
      rest -= line.length
    }
    this.#waiting.splice(0, lines)
  }

  /** A reader that is gone, a full disk: there is nowhere to say so, and the next line is tried again. */
  #giveUp(): void {
    this.#lose(this.#waiting.length)
    this.#waiting = []
    this.#bytes = 0
  }

  #lose(lines: number): void {
    this.#lost += lines
    this.#untold += lines
  }
}
