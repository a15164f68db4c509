import type { Stats } from 'node:fs'
import { lstat, readlink, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** Whoever may write into a folder can put another file in the place of ours: others, its group, and its owner. */
const kOthersMayWrite = 0o002
const kGroupMayWrite = 0o020

/** As many links as Linux follows in one path, path_resolution(7). */
const kMaxLinks = 40

/**
 * What makes a folder unfit for files that nobody else may change, and what to do: that it, or the one it stands in, is not ours
 * alone. Undefined where both are. It may not be a link; the one above may, to another disk for example, if each link on the way
 * is ours.
 *
 * @throws Error of the system: ENOENT where either is not there
 */
export async function notOursAlone(path: string): Promise<string | undefined> {
  // lstat(2) follows a link whose name ends with a slash.
  const folder = path.replace(/(?<=.)(\/\.?)+$/, '')
  const above = dirname(folder)
  return (
    (await foreignLink(above)) ??
    notOursToWrite(above, await stat(above)) ??
    notOursToWrite(folder, await lstat(folder))
  )
}

async function foreignLink(path: string): Promise<string | undefined> {
  let at = path
  for (let link = 0; link < kMaxLinks; link++) {
    const found = await lstat(at)
    if (!found.isSymbolicLink()) return undefined
    const trouble = notOurs(at, found)
    if (trouble !== undefined) return trouble
    // From where the link really stands: `..` in it leads there, too.
    at = resolve(await realpath(dirname(at)), await readlink(at))
  }
  return `${path} is a link that leads to no end`
}

function notOursToWrite(folder: string, found: Stats): string | undefined {
  if (!found.isDirectory()) return `${folder} is not a folder`
  if ((found.mode & kOthersMayWrite) !== 0)
    return `everybody may write to ${folder}: choose another folder, or chmod o-w`
  if ((found.mode & kGroupMayWrite) !== 0)
    return `its group may write to ${folder}: choose another folder, or chmod g-w`
  return notOurs(folder, found)
}

function notOurs(path: string, { uid }: Stats): string | undefined {
  const our = process.geteuid?.()
  if (uid === 0 || uid === our) return undefined
  return `${path} belongs to user ${uid}, and this is user ${our}: run as that one, choose another folder, or chown it`
}
