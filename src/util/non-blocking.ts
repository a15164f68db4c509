import { constants, fstatSync, openSync } from 'node:fs'

/** What a write that would have to wait ends with. */
export function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN'
}

/** How long a full pipe or a stopped terminal is left alone before the next try. */
export const kFullMs = 20

/**
 * A second, non-blocking fd for the terminal or pipe behind `fd`: O_NONBLOCK is a property of the open file, which fd 1 and
 * 2 share with the shell and must keep. The caller closes it.
 *
 * @returns undefined for files and sockets, for a terminal of another user (su), and for a pipe without a reader
 */
export function reopenNonBlocking(fd: number): number | undefined {
  const kind = fstatSync(fd)
  if (!kind.isCharacterDevice() && !kind.isFIFO()) return undefined
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined
  }
}
