import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Where journald writes: kept, and until the next boot. */
const journals = ['/var/log/journal', '/run/log/journal']

/** Why this machine's journal cannot be read at the moment; undefined where one file of it can. */
export function missingJournal(folders: readonly string[] = journals): string | undefined {
  const there = folders.filter((folder) => existsSync(folder))
  const mount = "in a container mount the host's /var/log/journal, and name it in `directory`"
  if (there.length === 0) return `no journal here: ${mount}`
  const files = there.map(filesOf)
  if (files.some((found) => found?.some(isReadable))) return undefined
  const places = there.join(' and ')
  if (files.every((found) => found?.length === 0)) return `no journal files in ${places}: ${mount}`
  return `${places} cannot be read: run the agent with the group systemd-journal`
}

/** Journal files in the folders of the machine and of namespaces, `<machine-id>[.<namespace>]`; undefined where none can be listed. */
function filesOf(folder: string): readonly string[] | undefined {
  const machines = listed(() => readdirSync(folder, { withFileTypes: true }))?.filter((entry) => entry.isDirectory())
  const lists = machines?.map(({ name }) =>
    listed(() => readdirSync(join(folder, name)).map((file) => join(folder, name, file))),
  )
  const known = lists?.filter((files) => files !== undefined)
  // One that cannot be listed says nothing of the others.
  if (known === undefined || (known.length === 0 && machines!.length > 0)) return undefined
  return known.flat().filter((file) => /\.journal~?$/.test(file))
}

function listed<T>(list: () => readonly T[]): readonly T[] | undefined {
  try {
    return list()
  } catch {
    return undefined
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
