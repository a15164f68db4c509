/** A mount of cgroup v2, and whether v1 owns controllers beside it. */
export interface CgroupMount {
  readonly path: string
  /** Hybrid machine: v1 hierarchies are mounted too, and what they own (usually all but PSI) is missing in v2. */
  readonly hybrid: boolean
}

/**
 * Finds where cgroup v2 is mounted: the whole tree at /sys/fs/cgroup, or beside v1 at /sys/fs/cgroup/unified, or anywhere.
 *
 * @param mountinfo - text of /proc/self/mountinfo (proc_pid_mountinfo(5))
 */
export function findCgroupMount(mountinfo: string): CgroupMount | undefined {
  const paths: string[] = []
  let v1 = false
  for (const line of mountinfo.split('\n')) {
    // The fields before " - " vary in number: mount point is the fifth; after it come type, source, options.
    const [before, after] = line.split(' - ')
    const point = before?.split(' ')[4]
    const type = after?.split(' ')[0]
    if (type === 'cgroup') v1 ||= !/(^|,)name=/.test(after!.split(' ')[2] ?? '')
    if (type === 'cgroup2' && point !== undefined) paths.push(unescapeOctal(point))
  }
  const usual = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']
  const path = usual.find((candidate) => paths.includes(candidate)) ?? paths[0]
  return path === undefined ? undefined : { path, hybrid: v1 }
}

/** Blank, tab, newline and backslash are written as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
