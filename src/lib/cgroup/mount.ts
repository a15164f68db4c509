/** A mount of cgroup v2, and whether v1 owns controllers beside it. */
export interface CgroupMount {
  readonly path: string
  /** Hybrid machine: v1 hierarchies are mounted too, and what they own (usually all but PSI) is missing in v2. */
  readonly hybrid: boolean
}

/**
 * Finds where cgroup v2 is mounted: the whole tree at /sys/fs/cgroup, or beside v1 at /sys/fs/cgroup/unified, or anywhere.
 *
 * In a container there may be two: its own, which shows what lies in its cgroup namespace, and the host's, mounted elsewhere.
 * The one that shows most is taken: the root of a mount is told relative to the reader's own namespace, so the host's is
 * above it, `/../..` (cgroup_namespaces(7)), and that of a mere part is below, `/system.slice`.
 *
 * @param mountinfo - text of /proc/self/mountinfo (proc_pid_mountinfo(5))
 */
export function findCgroupMount(mountinfo: string): CgroupMount | undefined {
  const mounts: { readonly path: string; readonly rank: number }[] = []
  let v1 = false
  for (const line of mountinfo.split('\n')) {
    // The fields before " - " vary in number: root and mount point are the fourth and fifth; after it come type, source, options.
    const [before, after] = line.split(' - ')
    const [, , , root, point] = before!.split(' ')
    const type = after?.split(' ')[0]
    if (type === 'cgroup') v1 ||= !/(^|,)name=/.test(after!.split(' ')[2] ?? '')
    if (type !== 'cgroup2' || point === undefined) continue
    const path = unescapeOctal(point)
    mounts.push({ path, rank: 2 * levelsAbove(root!) + (usual.includes(path) ? 1 : 0) })
  }
  const best = mounts.sort((a, b) => b.rank - a.rank)[0]
  return best === undefined ? undefined : { path: best.path, hybrid: v1 }
}

const usual: readonly string[] = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']

/** How far the root of a mount lies above that of the reader's namespace; negative for a part of it. */
function levelsAbove(root: string): number {
  if (root === '/') return 0
  const above = root.split('/').filter((name) => name === '..').length
  return above > 0 ? above : -1
}

/** Blank, tab, newline and backslash are written as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
