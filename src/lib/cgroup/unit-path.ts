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

/** ControlGroup of the user manager of `uid`. */
export function userManagerCgroup(uid: number): string {
  return `/user.slice/user-${uid}.slice/user@${uid}.service`
}

/** systemd prefixes `_` where a name could be taken for an attribute file (`cpu.service`) or begins with `_` or a dot. */
function unescapeName(name: string): string {
  return name.startsWith('_') ? name.slice(1) : name
}
