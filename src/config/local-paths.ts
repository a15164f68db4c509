import { constants } from 'node:fs'
import { access, open, stat, statfs } from 'node:fs/promises'
import { dirname, isAbsolute } from 'node:path'
import type { PathFormat } from '../component/schema.js'
import { notOursAlone } from '../util/own-folder.js'
import { readCredential, secretText } from './credential.js'
import { reasonOf } from './sources.js'

/** What a start would stumble over at a path, in words that name it; undefined when nothing. Changes nothing on the disk. */
export function lookAt(path: string, format: PathFormat): Promise<string | undefined> {
  // systemd makes them when it starts the service (LoadCredential=, systemd.exec(5)).
  if (path.startsWith('/run/credentials/')) return Promise.resolve(undefined)
  if (path.includes('\0')) return Promise.resolve('run would not start: a path with a zero byte')
  switch (format) {
    case 'existing_file':
      return notStarting(() => openFile(path))
    case 'secret_file':
      return notStarting(async () => void secretText(path, (await readCredential(path, 'secret')).bytes))
    case 'key_file':
      return notStarting(() => readCredential(path, 'secret'))
    case 'certificate_file':
      return notStarting(() => readCredential(path, 'certificate'))
    case 'output_file':
      return missingFolder(dirname(path))
    case 'state_folder':
      return unusableState(path, kNothingKept)
    case 'private_folder':
      return openToOthers(path)
  }
}

async function notStarting(use: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await use()
    return undefined
  } catch (error) {
    return `run would not start here: ${(error as Error).message}`
  }
}

async function openFile(path: string): Promise<void> {
  const place = isAbsolute(path) ? '' : ` (looked for in ${process.cwd()})`
  try {
    // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const found = await file.stat().finally(() => file.close())
    if (found.isFile()) return
    throw new Error(`${path} is ${found.isDirectory() ? 'a directory' : 'not a regular file'}`)
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new Error(`${path} ${reasonOf(error)}${place}`)
    throw error
  }
}

async function missingFolder(folder: string): Promise<string | undefined> {
  const found = await stat(folder).catch(reasonOf)
  if (typeof found !== 'string' && found.isDirectory()) return undefined
  const missing = typeof found !== 'string' || found.startsWith('does not exist')
  if (!missing) return `run would not start here: ${folder} ${found}`
  return `there is no folder ${folder} here; create it, or let systemd do it (LogsDirectory=): run does not start without it`
}

const kNothingKept = 'nothing would be kept here'

/** Where the kernel shows itself and nobody can make a file: magic numbers of proc, sysfs and cgroup2 (statfs(2)). */
const kernelFileSystems: ReadonlySet<number> = new Set([0x9fa0, 0x62656572, 0x63677270])

/** The folder itself is made at the start, what is above it is not (src/lib/storage/state-file.ts, src/lib/queue/disk.ts). */
async function unusableState(path: string, what: string): Promise<string | undefined> {
  const useless = (reason: string): string => `${what}: ${reason}`
  let place = path
  try {
    let found = await stat(place).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    })
    if (found === undefined) {
      place = dirname(path)
      found = await stat(place)
    }
    if (!found.isDirectory()) return useless(`${place} is not a directory`)
    if (kernelFileSystems.has((await statfs(place)).type))
      return useless(`${place} is the kernel's, which keeps no files`)
    await access(place, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EROFS') return useless(`${place} is on a file system that cannot be written`)
    if (code === 'EACCES') return useless(`${place} may not be written by this user (uid ${process.geteuid?.()})`)
    const help = code === 'ENOENT' ? '; create it, or let systemd do it (StateDirectory=)' : ''
    return useless(`${place} ${reasonOf(error)}${help}`)
  }
}

async function openToOthers(path: string): Promise<string | undefined> {
  const what = 'run would not start here'
  // Of a disk that is read-only (allow_volatile of file_queue).
  const trouble = await unusableState(path, `${what}, or keep nothing`)
  if (trouble !== undefined) return trouble
  const open = await notOursAlone(path).catch((error: NodeJS.ErrnoException) => {
    // Not made yet, and what is above it is in order.
    return error.code === 'ENOENT' ? undefined : `${path} ${reasonOf(error)}`
  })
  return open === undefined ? undefined : `${what}: ${open}`
}
