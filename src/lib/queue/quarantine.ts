import { basename, join } from 'node:path'
import { codeOf, type Disk } from './disk.js'

/** Files of damaged segments that are kept for whoever wants to look; the oldest make room. */
const kMaxKept = 16

/**
 * Gives files a second name in the folder `damaged`, under which they outlive the queue. Names begin with a number that grows: those of
 * segments come again once a queue was empty. Never rejects.
 *
 * @returns whether all that was there is kept
 */
export async function quarantine(
  {
    disk,
    folder,
    onError,
  }: { readonly disk: Disk; readonly folder: string; readonly onError: (error: unknown) => void },
  paths: readonly string[],
): Promise<boolean> {
  const damaged = join(folder, 'damaged')
  try {
    await disk.prepareFolder(damaged)
    const before = [...(await disk.list(damaged))].sort()
    const turn = String(1 + (Number.parseInt(before.at(-1) ?? '', 10) || 0)).padStart(10, '0')
    const names: string[] = []
    for (const path of paths) {
      const name = `${turn}-${basename(path)}`
      try {
        await disk.link(path, join(damaged, name))
        names.push(name)
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error
      }
    }
    const kept = [...before, ...names]
    for (const name of kept.slice(0, Math.max(kept.length - kMaxKept, 0)))
      await disk.remove(join(damaged, name)).catch(onError)
    return true
  } catch (error) {
    onError(error)
    return false
  }
}
