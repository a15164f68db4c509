import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { FileContent, Sources } from './agent-config.js'

/** Sources of a configuration that stands in a file: relative paths start at its folder. */
export function fileSources(configFile: string, env: Sources['env']): Sources {
  const folder = dirname(resolve(configFile))
  return { env, readFile: (path, maxBytes) => readRegularFile(resolve(folder, path), maxBytes) }
}

/**
 * Reads a regular file of at most `maxBytes`. Symbolic links are followed, since Kubernetes mounts secrets and config
 * maps as such.
 *
 * Rejects with a reason that names neither path nor content: the caller knows how the user wrote the path.
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<FileContent> {
  if (path.includes('\0')) throw new Error('has a path with a zero byte')
  let file: Awaited<ReturnType<typeof open>>
  try {
    // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw new Error(reasonOf(error))
  }
  try {
    const stat = await file.stat()
    if (stat.isDirectory()) throw new Error('is a directory')
    if (!stat.isFile()) throw new Error('is not a regular file')
    // One byte more than allowed is enough to know. The size is no guide: it is 0 in /proc, and files grow.
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.length) break
    }
    if (length > maxBytes) throw new Error(`is larger than ${sizeText(maxBytes)}`)
    return { bytes: buffer.subarray(0, length), mode: stat.mode & 0o7777 }
  } finally {
    await file.close()
  }
}

function sizeText(bytes: number): string {
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : `${bytes / 2 ** 10} KiB`
}

/** Fit to stand behind a path. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  switch (code) {
    case 'ENOENT':
      return 'does not exist'
    case 'EACCES':
    case 'EPERM':
      return `may not be read by this user (uid ${process.geteuid?.()}): chown or chmod it, or a folder above it`
    case 'ELOOP':
      return 'is a symbolic link that leads in a circle'
    case 'ENOTDIR':
      return 'does not exist: a part of its path is not a directory'
    case 'ENAMETOOLONG':
      return 'has a path that is too long'
    default:
      return `cannot be read (${code})`
  }
}
