import type { Stats } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Whoever may write into a folder can put another file in the place of ours: others, its group, and its owner. */
const kOthersMayWrite = 0o002
const kGroupMayWrite = 0o020

/**
 * What makes a folder unfit for files that nobody else may change, and what to do: that it, or the one it stands in, is not ours
 * alone. Undefined where both are. It may not be a link; the one above may, to another disk for example, if the link is ours.
 *
 * @throws Error of the system: ENOENT where either is not there
 */
export async function notOursAlone(folder: string): Promise<string | undefined> {
  const above = dirname(folder)
  const link = await lstat(above)
  return (
    (link.isSymbolicLink() ? notOurs(above, link) : undefined) ??
    notOursToWrite(above, await stat(above)) ??
    notOursToWrite(folder, await lstat(folder))
  )
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
