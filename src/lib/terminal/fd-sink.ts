import { constants, fstatSync, write } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Clock, sleep } from '../../util/clock.js'
import type { WriteBytes } from './bounded-writer.js'

const writeFd = promisify(write)

/** How long a full pipe or a stopped terminal is left alone before the next try. */
const kFullMs = 20

export interface FdSink {
  readonly write: WriteBytes
  close(): Promise<void>
}

/**
 * Writes to an fd (standard output or error) without ever blocking: Node's own streams write synchronously to terminals and
 * pipes on Linux, so a terminal stopped with Ctrl-S, or a pager nobody reads, would stop the whole agent.
 *
 * A terminal or pipe is opened a second time, non-blocking (O_NONBLOCK is a property of the open file, which fd 1 shares
 * with the shell and must keep). Files and sockets are written through the fd as it is, on a thread of libuv's pool.
 */
export async function openFdSink(fd: number, clock: Clock): Promise<FdSink> {
  const own = await reopen(fd)
  const target = own?.fd ?? fd
  const stop = new AbortController()
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        try {
          at += (await writeFd(target, bytes, at, bytes.length - at)).bytesWritten
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
          if (!(await sleep(clock, kFullMs, stop.signal))) throw new Error('closed', { cause: error })
        }
      }
    },
    async close() {
      stop.abort()
      await own?.close()
    },
  }
}

async function reopen(fd: number): Promise<FileHandle | undefined> {
  const kind = fstatSync(fd)
  if (!kind.isCharacterDevice() && !kind.isFIFO()) return undefined
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY
  // Fails for a terminal of another user (su): then the shared fd has to do.
  return open(`/proc/self/fd/${fd}`, flags).catch(() => undefined)
}
