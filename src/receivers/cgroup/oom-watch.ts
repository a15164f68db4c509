import type { MemoryKill, MemoryLoss } from '../../binding/cgroup-source.js'
import type { Settings } from '../../component/component.js'
import { ownerOfCgroup, unitOfCgroup, userManagerCgroup } from '../../lib/cgroup/unit-path.js'
import { type OomBoard, type OomEvidence, type OomLoss, oomBoard } from '../../lib/systemd/oom-evidence.js'
import { before } from './subjects.js'

/** Says whose processes the kernel killed for want of memory, to whoever knows the units' runs. */
export class OomWatch {
  readonly #settings: Settings
  readonly #board: OomBoard
  readonly #scope: 'system' | 'user'
  readonly #base: string
  readonly #count: (add: number) => void
  #end: (() => void) | undefined

  constructor(settings: Settings, scope: 'system' | 'user', uid: number) {
    this.#settings = settings
    this.#board = settings.shared.get(oomBoard)
    this.#scope = scope
    this.#base = scope === 'user' ? userManagerCgroup(uid) : ''
    this.#count = settings.telemetry.counter(
      'oom_evidence',
      "What told of units' processes killed for want of memory: counters of cgroups, lines of the kernel's log.",
    )
  }

  start(): void {
    this.#end ??= this.#board.watch()
  }

  stop(): void {
    this.#end?.()
    this.#end = undefined
  }

  take(kills: readonly MemoryKill[]): void {
    const nowNs = this.#settings.clock.unixNano()
    const evidence = kills.flatMap((kill) => this.#evidence(kill, nowNs) ?? [])
    this.#count(evidence.length)
    if (evidence.length > 0) this.#board.tell(evidence)
  }

  /** Kills that only a slice has counted: whose they were is for those to find who know how the runs ended. */
  takeLosses(losses: readonly MemoryLoss[]): void {
    const nowNs = this.#settings.clock.unixNano()
    const ours = losses.flatMap((loss) => this.#loss(loss, nowNs) ?? [])
    this.#count(ours.length)
    if (ours.length > 0) this.#board.tell([], ours)
  }

  /** Undefined for slices that are not this manager's: those within a service are a user's, or a container's. */
  #loss({ slice, kills, grouped, complete, suspects }: MemoryLoss, nowNs: bigint): OomLoss | undefined {
    if (unitOfCgroup(slice, this.#base)?.type !== 'slice') return undefined
    return {
      scope: this.#scope,
      slice,
      kills,
      grouped,
      complete,
      suspects: suspects.map(({ path, id, invocationId, stirred, ageMs }) => ({
        unit: unitOfCgroup(path, this.#base)?.unit ?? '',
        invocationId,
        cgroup: path,
        id,
        stirred,
        goneUsec: Number(before(nowNs, ageMs) / 1000n),
      })),
    }
  }

  /** Undefined where no unit of ours is: a slice, whose counter tells of what lies in it, or a container without a unit. */
  #evidence(kill: MemoryKill, nowNs: bigint): OomEvidence | undefined {
    const owner = ownerOfCgroup(kill.path, this.#base)
    return owner && evidenceOf(kill, { unit: owner.unit, scope: this.#scope, below: owner.below !== '' }, nowNs)
  }
}

/** @param whose - the unit or container, and whether it was told of a cgroup below its own */
export function evidenceOf(
  kill: MemoryKill,
  whose: Pick<OomEvidence, 'unit' | 'scope' | 'below'>,
  nowNs: bigint,
): OomEvidence {
  const { path, id, invocationId, before: until, after, peak, limit, ageMs, pid, command = '', limitedBy = '' } = kill
  return {
    unit: whose.unit,
    scope: whose.scope,
    invocationId,
    cgroup: path,
    below: whose.below,
    atUsec: Number(before(nowNs, ageMs) / 1000n),
    ...(after > until ? { counter: { id, before: until, after } } : {}),
    ...(peak !== undefined ? { peak } : {}),
    ...(limit !== undefined ? { limit } : {}),
    ...(pid !== undefined ? { victim: { pid, command, limitedBy } } : {}),
  }
}
