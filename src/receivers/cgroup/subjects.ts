import { hostname } from 'node:os'
import type { CgroupEntry } from '../../binding/cgroup-source.js'
import type { Resource, ResourcePool } from '../../data/resource.js'
import { unitOfCgroup, userManagerCgroup } from '../../lib/cgroup/unit-path.js'
import {
  type ContainerIdentity,
  containerAttributes,
  containerAttributesOfUnit,
  containerOfCgroup,
} from '../../lib/containers/recognise.js'
import { compilePatterns, type NameTest } from '../../lib/matching/pattern.js'
import { runSpanId } from '../../lib/systemd/ids.js'
import { unitResource } from '../../lib/systemd/unit-resource.js'
import type { Config } from './config.js'

/** What is known of when the counters of a cgroup began, docs/decisions/0056-start-of-cgroup-sums.md. */
export interface Since {
  /** At 0 no earlier than this; undefined while that is unknown, and until the first numbers are on their way. */
  startNs: bigint | undefined
  /** Time of the last numbers. */
  lastNs: bigint | undefined
}

/** Start of what is read now; `nowNs` itself where nobody knows, which a clock that was set back makes so again. */
export function startOf({ startNs }: Since, nowNs: bigint): bigint {
  return startNs === undefined || startNs > nowNs ? nowNs : startNs
}

/** One incarnation of a cgroup that is measured: from the making of its directory to its removal. */
export interface Subject {
  readonly path: string
  readonly resource: Resource
  readonly since: Since
  /** The run of the unit, for exemplars; systemd gives none to the root and to what it did not start. */
  readonly run: { readonly traceId: string; readonly spanId: string } | undefined
}

type Known = { readonly entry: CgroupEntry; readonly subject: Subject | undefined }

/** Decides which cgroups are measured, as what, and since when. */
export class Subjects {
  readonly #pool: ResourcePool
  readonly #config: Config
  readonly #base: string
  readonly #include: NameTest | undefined
  readonly #exclude: NameTest | undefined
  #known = new Map<string, Known>()
  #scannedNs: bigint | undefined

  constructor(pool: ResourcePool, config: Config, uid: number) {
    this.#pool = pool
    this.#config = config
    this.#base = config.scope === 'user' ? userManagerCgroup(uid) : ''
    this.#include = compilePatterns(config.include)
    this.#exclude = compilePatterns(config.exclude)
  }

  /**
   * Takes over the list of a scan; a directory made again is a new subject with a new start.
   *
   * @param whole - whether the list has all there is; when not, what is new on it may be old
   */
  update(entries: readonly CgroupEntry[], nowNs: bigint, whole: boolean): readonly Subject[] {
    // A clock that was set back says nothing of what was before.
    const newerThan = this.#scannedNs !== undefined && this.#scannedNs < nowNs ? this.#scannedNs : undefined
    this.#scannedNs = whole ? nowNs : undefined
    const before = this.#known
    this.#known = new Map()
    const subjects: Subject[] = []
    for (const entry of entries) {
      const old = before.get(entry.path)
      const known = old?.entry === entry ? old : { entry, subject: this.#make(entry, old, newerThan) }
      this.#known.set(entry.path, known)
      if (known.subject !== undefined) subjects.push(known.subject)
    }
    return subjects
  }

  #make(entry: CgroupEntry, old: Known | undefined, newerThan: bigint | undefined): Subject | undefined {
    const resource = this.#resourceOf(entry.path)
    if (resource === undefined) return undefined
    // systemd keeps the directory when processes outlive a run: a new run then, but the counters go on.
    const goesOn = old?.entry.id === entry.id ? old.subject?.since : undefined
    // Made again: the new counters do not overlap the last numbers of the old ones.
    const since = goesOn ?? { startNs: old?.subject?.since.lastNs ?? newerThan, lastNs: undefined }
    const traceId = entry.invocationId
    const run = traceId === '' ? undefined : { traceId, spanId: runSpanId(traceId) }
    return { path: entry.path, resource, since, run }
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
      return unitResource(this.#pool, unit, this.#config.scope, containerAttributesOfUnit(unit))
    }
    if (!this.#config.containers || !path.startsWith(`${this.#base}/`)) return undefined
    const container = containerOfCgroup(path.slice(this.#base.length))
    return container === undefined ? undefined : containerResource(this.#pool, container)
  }
}

/** Resource of a container or pod without a unit; `service.name` is short enough for a list, the ID is whole. */
function containerResource(pool: ResourcePool, identity: ContainerIdentity): Resource {
  const { runtime, containerId, podUid } = identity
  const [key, name] =
    containerId === undefined
      ? [`pod:${podUid}`, `pod-${podUid}`]
      : [`container:${runtime}:${containerId}`, `${runtime}-${containerId.slice(0, 12)}`]
  return pool.intern(key, () => ({
    'service.name': name,
    'host.name': hostname(),
    ...containerAttributes(identity),
  }))
}
