import type { NumberPoint } from '../../data/metric.js'

/** What a unit holds and the kernel cannot take back at will: not the page cache, not caches of inodes and directory entries. */
const kinds: ReadonlySet<unknown> = new Set(['anon', 'kernel', 'shmem'])

/**
 * That in bytes, of `systemd.unit.memory.stat`. `kernel` is there since Linux 5.18: before, caches of inodes are in nothing that is
 * added here, and so are not taken off.
 */
export function heldBytes(points: readonly NumberPoint[]): number {
  let held = 0
  let reclaimable = 0
  let hasKernel = false
  for (let at = 0; at < points.length; at++) {
    const { attributes, value } = points[at]!
    const kind = attributes['systemd.memory.kind']
    if (kinds.has(kind)) held += Number(value)
    if (kind === 'kernel') hasKernel = true
    if (kind === 'slab_reclaimable') reclaimable = Number(value)
  }
  return hasKernel ? held - reclaimable : held
}
