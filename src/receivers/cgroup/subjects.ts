import type { CgroupEntry } from '../../binding/cgroup-source.js'
import type { Resource, ResourcePool } from '../../data/resource.js'
import { unitOfCgroup, userManagerCgroup } from '../../lib/cgroup/unit-path.js'
import {
  type ContainerIdentity,
  containerAttributes,
  containerAttributesOfUnit,
  containerOfCgroup,
} from '../../lib/containers/recognise.js'
import { compileFold } from '../../lib/matching/fold.js'
import { compilePatterns, type NameTest } from '../../lib/matching/pattern.js'
import { runSpanId } from '../../lib/systemd/ids.js'
import { unitResource } from '../../lib/systemd/unit-resource.js'
import type { Config } from './config.js'

/** What is known of when the counters of a cgroup began, docs/decisions/0056-start-of-cgroup-sums.md. */
export interface Since {
  /** At 0 no earlier than this; undefined while that is unknown, and until the first numbers are on their way. */
  startNs: bigint | undefined
}

/** Start of what is read now; `nowNs` itself where nobody knows, which a clock that was set back makes so again. */
export function startOf({ startNs }: Since, nowNs: bigint): bigint {
  return startNs === undefined || startNs > nowNs ? nowNs : startNs
}

/** `ageMs` before `nowNs`. */
export function before(nowNs: bigint, ageMs: number): bigint {
  return nowNs - BigInt(Math.round(ageMs * 1e6))
}

/** One incarnation of a cgroup that is measured: from the making of its directory to its removal. */
export interface Subject {
  readonly path: string
  /** By which the kernel's own events name it. */
  readonly cgroupId: number
  readonly resource: Resource
  readonly since: Since
  /** Of the unit or container; and points it had in the last reading. */
  readonly name: string
  series: number
  /** The run of the unit, for exemplars; systemd gives none to the root and to what it did not start. */
  readonly run: { readonly traceId: string; readonly spanId: string } | undefined
}

/** Decides which cgroups are measured, as what, and since when. */
export class Subjects {
  readonly #pool: ResourcePool
  readonly #config: Config
  readonly #base: string
  readonly #include: NameTest | undefined
  readonly #exclude: NameTest | undefined
  readonly #fold: ReturnType<typeof compileFold>
  #folded = 0
  #byKey = new Map<number, Subject>()

  constructor(pool: ResourcePool, config: Config, uid: number) {
    this.#pool = pool
    this.#config = config
    this.#base = config.scope === 'user' ? userManagerCgroup(uid) : ''
    this.#include = compilePatterns(config.include)
    this.#exclude = compilePatterns(config.exclude)
    this.#fold = compileFold(config.fold)
  }

  get size(): number {
    return this.#byKey.size
  }

  /** Cgroups that were not taken in, for their slice has the sum; only grows. */
  get folded(): number {
    return this.#folded
  }

  values(): IterableIterator<Subject> {
    return this.#byKey.values()
  }

  get(key: number): Subject | undefined {
    return this.#byKey.get(key)
  }

  /** Takes a cgroup over that is new, or in which a new run began; undefined when it is not to be measured. */
  add(entry: CgroupEntry, nowNs: bigint): Subject | undefined {
    const resource = this.#resourceOf(entry.path)
    if (resource === undefined) return undefined
    const startNs = entry.ageMs === undefined ? undefined : before(nowNs, entry.ageMs)
    // systemd keeps the directory when processes outlive a run: a new run then, but the counters go on.
    const since = this.#byKey.get(entry.key)?.since ?? { startNs }
    const traceId = entry.invocationId
    const run = traceId === '' ? undefined : { traceId, spanId: runSpanId(traceId) }
    const name = String(resource.attributes['service.name'])
    const subject = { path: entry.path, cgroupId: entry.id, resource, since, run, name, series: 0 }
    this.#byKey.set(entry.key, subject)
    return subject
  }

  remove(key: number): void {
    this.#byKey.delete(key)
  }

  /** A new reader has taken over: its keys have nothing to do with the old ones. */
  clear(): void {
    this.#byKey.clear()
  }

  #resourceOf(path: string): Resource | undefined {
    const found = unitOfCgroup(path, this.#base)
    if (found !== undefined) {
      const { unit, type } = found
      const wanted =
        (this.#config.unit_types as readonly string[]).includes(type) &&
        (this.#include?.(unit) ?? true) &&
        !this.#exclude?.(unit)
      if (!wanted) return undefined
      if (this.#fold?.(unit) !== undefined) {
        this.#folded++
        return undefined
      }
      return unitResource(this.#pool, unit, this.#config.scope, containerAttributesOfUnit(unit))
    }
    if (!this.#config.containers || !path.startsWith(`${this.#base}/`)) return undefined
    const container = containerOfCgroup(path.slice(this.#base.length))
    return container === undefined ? undefined : containerResource(this.#pool, container)
  }
}

/** Resource of a container or pod without a unit; `service.name` is short enough for a list, the ID is whole. */
export function containerResource(pool: ResourcePool, identity: ContainerIdentity): Resource {
  const { runtime, containerId, podUid } = identity
  const [key, name] =
    containerId === undefined
      ? [`pod:${podUid}`, `pod-${podUid}`]
      : [`container:${runtime}:${containerId}`, `${runtime}-${containerId.slice(0, 12)}`]
  return pool.intern(key, () => ({
    'service.name': name,
    ...pool.host,
    ...containerAttributes(identity),
  }))
}
