import { close, write } from 'node:fs'
import { promisify } from 'node:util'
import { type Clock, sleep } from '../../util/clock.js'
import { isFull, kFullMs, reopenNonBlocking } from '../../util/non-blocking.js'
import type { WriteBytes } from './bounded-writer.js'

const writeFd = promisify(write)
const closeFd = promisify(close)

export interface FdSink {
  readonly write: WriteBytes
  close(): Promise<void>
}

/**
 * Writes to an fd (standard output or error) without ever blocking: Node's own streams write synchronously to terminals and
 * pipes on Linux, so a terminal stopped with Ctrl-S, or a pager nobody reads, would stop the whole agent.
 *
 * A terminal or pipe is opened a second time, non-blocking. Files and sockets are written through the fd as it is, on a
 * thread of libuv's pool.
 */
export async function openFdSink(fd: number, clock: Clock): Promise<FdSink> {
  const own = reopenNonBlocking(fd)
  const target = own ?? fd
  const stop = new AbortController()
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        try {
          at += (await writeFd(target, bytes, at, bytes.length - at)).bytesWritten
        } catch (error) {
          if (!isFull(error)) throw error
          if (!(await sleep(clock, kFullMs, stop.signal))) throw new Error('closed', { cause: error })
        }
      }
    },
    async close() {
      stop.abort()
      if (own !== undefined) await closeFd(own)
    },
  }
}
