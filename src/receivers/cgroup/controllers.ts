/** What `cgroup.controllers` must offer; cpu.stat and PSI need no controller. */
export type Wanted = Readonly<Record<'memory' | 'io' | 'pids', boolean>>

/** What to switch off in `metrics`, where that is more than the key of the controller's name. */
const keysOf: Readonly<Record<string, readonly string[]>> = { memory: ['memory', 'memory_local', 'memory_stat'] }

/**
 * Says which wanted controllers cgroup v2 does not have here, and what to do about it.
 *
 * @param present - text of `cgroup.controllers`; undefined where it could not be read, and so nothing is known
 */
export function missingControllers(present: string | undefined, wanted: Wanted, hybrid: boolean): string | undefined {
  if (present === undefined) return undefined
  const names = present.trim().split(' ')
  const missing = Object.entries(wanted).flatMap(([name, on]) => (on && !names.includes(name) ? [name] : []))
  if (missing.length === 0) return undefined
  const why = hybrid
    ? 'cgroup v1 owns it (hybrid machine); boot with systemd.unified_cgroup_hierarchy=1'
    : 'the kernel or the parent cgroup does not offer it; see cgroup_disable= and cgroup.subtree_control'
  const off = missing.flatMap((name) => keysOf[name] ?? [name]).map((key) => `${key}: false`)
  return `no ${missing.join(', ')} controller here: ${why}, or write metrics: { ${off.join(', ')} }`
}
