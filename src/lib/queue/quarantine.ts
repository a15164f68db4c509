import { basename, join } from 'node:path'
import type { Disk } from './disk.js'

/** Files of damaged segments that are kept for whoever wants to look; the oldest make room. */
const kMaxKept = 16

/** Gives files a second name in the folder `damaged`, under which they outlive the queue. Never rejects. */
export async function quarantine(
  {
    disk,
    folder,
    onError,
  }: { readonly disk: Disk; readonly folder: string; readonly onError: (error: unknown) => void },
  paths: readonly string[],
): Promise<void> {
  const damaged = join(folder, 'damaged')
  try {
    await disk.prepareFolder(damaged)
    for (const path of paths) {
      await disk.link(path, join(damaged, basename(path))).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error
      })
    }
    const kept = [...(await disk.list(damaged))].sort()
    for (const name of kept.slice(0, Math.max(kept.length - kMaxKept, 0))) await disk.remove(join(damaged, name))
  } catch (error) {
    onError(error)
  }
}
