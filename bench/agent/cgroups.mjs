// Cgroups of units that a stand-in for systemd tells of: directories, made as systemd would, with nothing running in them.
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { product } from '../lib/product.mjs'

let count = 0

/** Why none can be made; undefined when they can. Root only. */
export function cgroupsMissing() {
  return process.getuid?.() === 0 ? undefined : 'needs root to make cgroups'
}

/**
 * Makes `system.slice/<name>` for each name below a directory of its own in the cgroup2 mount.
 *
 * @returns the directory, and `close()`, which removes all of it
 */
export async function makeCgroups(names) {
  const { findCgroupMount } = await product('lib/cgroup/mount.js')
  const mount = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'))?.path
  if (mount === undefined) throw new Error('no cgroup2 file system is mounted')
  const root = join(mount, `unitscope-bench-${process.pid}-${++count}`)
  const slice = join(root, 'system.slice')
  const made = []
  const close = async () => {
    for (const path of made.splice(0).reverse()) rmdirSync(path)
  }
  try {
    for (const path of [root, slice, ...names.map((name) => join(slice, name))]) {
      mkdirSync(path)
      made.push(path)
    }
    return { root, close }
  } catch (error) {
    await close()
    throw error
  }
}
