import { fieldAt } from '../../binding/cgroup-layout.js'
import type { CgroupNumbers } from '../../binding/cgroup-source.js'
import type { Metric } from '../../data/metric.js'
import { gauge, onePoint } from '../../lib/systemd/metric-points.js'
import { metric } from '../../lib/systemd/names.js'
import type { Subject } from './subjects.js'

const memoryCurrent = fieldAt('memoryCurrent')
const memoryMax = fieldAt('memoryMax')
const memoryHigh = fieldAt('memoryHigh')
const pidsCurrent = fieldAt('pidsCurrent')
const pidsMax = fieldAt('pidsMax')

/** Infinity for none. */
interface Limits {
  readonly memory: number
  readonly tasks: number
}

/**
 * Limits of slices, which hold for all that lies in them: what is below is told of one that it will meet before its own. Most hosts
 * have none, and then nothing is looked for.
 */
export class SliceLimits {
  /** Of slices that have any; by the path of their cgroup. */
  readonly #byPath = new Map<string, Limits>()
  readonly #slicesAbove = new WeakMap<Subject, readonly string[]>()

  /** A slice was read, for the last time where it has ended. */
  note({ path }: Subject, numbers: CgroupNumbers, ended: boolean): void {
    if (!path.endsWith('.slice')) return
    const limits = limitsOf(numbers)
    if (ended || (limits.memory === Number.POSITIVE_INFINITY && limits.tasks === Number.POSITIVE_INFINITY))
      this.#byPath.delete(path)
    else this.#byPath.set(path, limits)
  }

  clear(): void {
    this.#byPath.clear()
  }

  /**
   * Adds the least limits above a cgroup to its metrics, where its own are not lower. A slice may be read after what lies in it: then
   * its limits are those of the reading before.
   *
   * @returns how many points
   */
  add(out: Metric[], numbers: CgroupNumbers, subject: Subject, timeUnixNano: bigint): number {
    if (this.#byPath.size === 0) return 0
    let [memory, tasks] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (const path of this.#above(subject)) {
      const limits = this.#byPath.get(path)
      if (limits === undefined) continue
      memory = Math.min(memory, limits.memory)
      tasks = Math.min(tasks, limits.tasks)
    }
    const own = limitsOf(numbers)
    const { words, at } = numbers
    const before = out.length
    const { resource } = subject
    if (memory < own.memory && !Number.isNaN(words[at + memoryCurrent]!))
      out.push(gauge(metric.memorySliceLimit, 'By', memoryLimit, resource, timeUnixNano, onePoint(memory)))
    if (tasks < own.tasks && !Number.isNaN(words[at + pidsCurrent]!))
      out.push(gauge(metric.pidsSliceLimit, '{process}', tasksLimit, resource, timeUnixNano, onePoint(tasks)))
    return out.length - before
  }

  #above(subject: Subject): readonly string[] {
    let above = this.#slicesAbove.get(subject)
    if (above === undefined) {
      above = slicesAbove(subject.path)
      this.#slicesAbove.set(subject, above)
    }
    return above
  }
}

const memoryLimit = 'Least MemoryMax= or MemoryHigh= of the slices above the unit, where its own are not lower.'
const tasksLimit = 'Least TasksMax= of the slices above the unit, where its own is not lower.'

function limitsOf({ words, at }: CgroupNumbers): Limits {
  const limit = (field: number): number => {
    const value = words[at + field]!
    return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value
  }
  return { memory: Math.min(limit(memoryMax), limit(memoryHigh)), tasks: limit(pidsMax) }
}

/** `/a.slice` and `/a.slice/a-b.slice` of `/a.slice/a-b.slice/c.service`. */
function slicesAbove(path: string): readonly string[] {
  const above: string[] = []
  for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1))
    if (path.endsWith('.slice', end)) above.push(path.slice(0, end))
  return above
}
