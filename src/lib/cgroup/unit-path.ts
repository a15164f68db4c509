/** A unit as its cgroup's path tells. */
export interface CgroupUnit {
  readonly unit: string
  /** Suffix without the dot: service, scope, slice, socket, mount or swap. */
  readonly type: string
}

const unitPattern = /^.+\.(service|scope|slice|socket|mount|swap)$/

/** Unit names end at 255 characters (systemd, UNIT_NAME_MAX). */
const kMaxUnitName = 255

/**
 * The unit whose ControlGroup is `path`, so that no D-Bus call is needed to know it.
 *
 * systemd puts units into slices and nothing but slices: a path whose inner components are all slices is a unit's own.
 * What lies below a service or scope was made by the service itself (delegation), or by another systemd inside it, whose
 * units bear the same names.
 *
 * @param base - ControlGroup of the manager itself: `''` for PID 1, `/user.slice/.../user@1000.service` for a user's
 */
export function unitOfCgroup(path: string, base = ''): CgroupUnit | undefined {
  if (path === '/') return base === '' ? { unit: '-.slice', type: 'slice' } : undefined
  if (!path.startsWith(`${base}/`)) return undefined
  const names = path
    .slice(base.length + 1)
    .split('/')
    .map(unescapeName)
  const unit = names.at(-1)!
  const type = unit.length <= kMaxUnitName ? unitPattern.exec(unit)?.[1] : undefined
  if (type === undefined || !names.slice(0, -1).every((name) => name.endsWith('.slice'))) return undefined
  return { unit, type }
}

/** The unit in whose processes a cgroup is one. */
export interface CgroupOwner extends CgroupUnit {
  /** Path of the cgroup below the unit's own, e.g. `/init.scope`; empty for its own. */
  readonly below: string
}

/**
 * The unit that made the cgroup at `path`: a container's, for one inside it. Undefined for slices, in which no processes are,
 * and for what no unit made.
 *
 * @param base - as for `unitOfCgroup`
 */
export function ownerOfCgroup(path: string, base = ''): CgroupOwner | undefined {
  if (!path.startsWith(`${base}/`) || path === '/') return undefined
  const names = path.slice(base.length + 1).split('/')
  const depth = names.findIndex((name) => !name.endsWith('.slice'))
  if (depth < 0) return undefined
  const own = `${base}/${names.slice(0, depth + 1).join('/')}`
  const found = unitOfCgroup(own, base)
  return found === undefined ? undefined : { ...found, below: path.slice(own.length) }
}

/** ControlGroup of the user manager of `uid`. */
export function userManagerCgroup(uid: number): string {
  return `/user.slice/user-${uid}.slice/user@${uid}.service`
}

/**
 * ControlGroup of a unit that lies in `slice`.
 *
 * @param base - as for `unitOfCgroup`
 */
export function cgroupOfUnit(unit: string, slice: string, base = ''): string {
  return `${cgroupOfSlice(slice, base)}/${escapeName(unit)}`
}

/** A dash in the name of a slice is a level: `a-b.slice` lies in `a.slice`; `-.slice` is the root. */
function cgroupOfSlice(slice: string, base: string): string {
  if (slice === '-.slice') return base
  const parts = slice.slice(0, -'.slice'.length).split('-')
  return parts.reduce((path, _, at) => `${path}/${escapeName(`${parts.slice(0, at + 1).join('-')}.slice`)}`, base)
}

/**
 * The slice systemd puts a unit into that names none (`unit_set_default_slice`): that of its scope's services, instances
 * of a template into one of their own. Of a slice it is the one above it.
 */
export function defaultSlice(unit: string, scope: 'system' | 'user'): string {
  const top = scope === 'user' ? 'app' : 'system'
  if (unit.endsWith('.slice')) {
    const dash = unit.lastIndexOf('-')
    return dash > 0 ? `${unit.slice(0, dash)}.slice` : '-.slice'
  }
  const at = unit.indexOf('@')
  // A dash would be a level, and is escaped.
  return at > 0 ? `${top}-${unit.slice(0, at).replaceAll('-', '\\x2d')}.slice` : `${top}.slice`
}

/** systemd prefixes `_` where a name could be taken for an attribute file (`cpu.service`) or begins with `_` or a dot. */
function unescapeName(name: string): string {
  return name.startsWith('_') ? name.slice(1) : name
}

/** Attribute files of cgroup v1 and v2: `cg_needs_escape` of systemd. */
const attributeFile =
  /^(_|\.|cgroup\.|(notify_on_release|release_agent|tasks)$|(cpu|cpuacct|cpuset|io|blkio|memory|devices|pids|bpf-[a-z-]+)\.)/

function escapeName(name: string): string {
  return attributeFile.test(name) ? `_${name}` : name
}
