import { type Fold, TrackedUnit } from './tracked-unit.js'
import type { EndedUnit, SavedUnit } from './tracker-state.js'
import { isFold } from './unit-types.js'

/** About 1 KB each; the largest hosts load some 10,000 units. Past it new units are named in `untracked`, not followed. */
const kMaxFollowed = 65_536

/**
 * Unloaded units whose counters are kept for their return. Hosts install some 500 services; names that never come back
 * (`systemd-run`, `foo@<id>.service`) would fill any limit, and each costs 1 KB and up to 26 points a collection.
 */
const kMaxRemembered = 4096

/** Runs of units that were unloaded: for those of the last seconds, which a journal read later tells again. */
const kMaxEnded = 256
/** Templates that are folded: hosts have some dozens. */
const kMaxFolds = 1024

export interface StoreLimits {
  readonly maxUnits?: number
  readonly maxRemembered?: number
  /** The name under which a unit's metrics are told together with those of others; undefined for one that stands alone. */
  readonly foldOf?: (unit: string) => string | undefined
}

/** The units of one systemd: those it has loaded, and the counters of those it had. Both are limited. */
export class UnitStore {
  readonly #maxFollowed: number
  readonly #maxRemembered: number
  readonly #followed = new Map<string, TrackedUnit>()
  /** Unloaded longest ago first. */
  readonly #remembered = new Map<string, TrackedUnit>()
  readonly #untracked = new Set<string>()
  readonly #ended = new Map<string, { readonly invocationId: string; readonly atUsec: number }>()
  /** What folded units count together; none of them is ever loaded itself. */
  readonly #folds = new Map<string, TrackedUnit>()
  readonly #foldOf: ((unit: string) => string | undefined) | undefined
  #sinceNs: bigint | undefined
  #forgotten = 0

  constructor({ maxUnits = kMaxFollowed, maxRemembered = kMaxRemembered, foldOf }: StoreLimits) {
    this.#foldOf = foldOf
    this.#maxFollowed = maxUnits
    this.#maxRemembered = maxRemembered
  }

  /** Units that systemd has loaded. */
  get followed(): ReadonlyMap<string, TrackedUnit> {
    return this.#followed
  }

  get remembered(): number {
    return this.#remembered.size
  }

  /** Units whose counters were given up for those of later ones; only grows. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Loaded units that are not followed, for `maxUnits` are already; at most as many are told apart. */
  get untracked(): number {
    return this.#untracked.size
  }

  get folds(): ReadonlyMap<string, TrackedUnit> {
    return this.#folds
  }

  /** Loaded ones first, folds last. */
  forEach(visit: (unit: TrackedUnit, name: string) => void): void {
    this.#followed.forEach(visit)
    this.#remembered.forEach(visit)
    this.#folds.forEach(visit)
  }

  find(name: string): TrackedUnit | undefined {
    return this.#followed.get(name) ?? this.#remembered.get(name) ?? this.#folds.get(name)
  }

  /** The first moment from which anything is counted; later calls change nothing. */
  begin(nowNs: bigint): void {
    this.#sinceNs ??= nowNs
  }

  /** Since when whatever is counted from now on is counted, nanoseconds since 1970. */
  get sinceNs(): bigint {
    return this.#sinceNs ?? 0n
  }

  /** The last runs of units that were unloaded lately, oldest first: name, run, when it was last heard of. */
  get ended(): EndedUnit[] {
    return [...this.#ended].map(([name, { invocationId, atUsec }]) => [name, invocationId, atUsec])
  }

  /** The last run of a unit that is not loaded, where it ended lately. */
  lastRun(name: string): { readonly invocationId: string; readonly atUsec: number } | undefined {
    return this.#ended.get(name)
  }

  /** What must outlive this process: units with counters first, at most `max`. */
  save(max: number): SavedUnit[] {
    const counted: SavedUnit[] = []
    const others: SavedUnit[] = []
    this.forEach((unit, name) => {
      ;(unit.counters.empty ? others : counted).push(unit.save(name))
    })
    return [...counted, ...others].slice(0, max)
  }

  /** Puts back what an earlier process has saved. */
  restore(units: readonly SavedUnit[], ended: readonly EndedUnit[]): void {
    for (const [name, invocationId, atUsec] of ended) this.#noteEnded(name, invocationId, atUsec)
    // Folds first: instances go on counting in them.
    for (const saved of [...units].sort((a, b) => Number(isFold(b.name)) - Number(isFold(a.name)))) {
      const unit = TrackedUnit.restore(saved, this.#foldFor(saved.name))
      if (unit.foldedInto !== undefined && !unit.loaded) continue
      const isNew = this.find(saved.name) === undefined
      if (!isNew || (!unit.loaded && unit.counters.empty)) continue
      if (unit.loaded && this.#followed.size < this.#maxFollowed) this.#followed.set(saved.name, unit)
      else if (!unit.loaded && this.#remembered.size < this.#maxRemembered) this.#remembered.set(saved.name, unit)
    }
  }

  /** The unit as one that is loaded; undefined when there are too many. */
  follow(name: string): TrackedUnit | undefined {
    const known = this.#followed.get(name)
    if (known !== undefined) return known
    if (this.#followed.size >= this.#maxFollowed) {
      if (this.#untracked.size < this.#maxFollowed) this.#untracked.add(name)
      return undefined
    }
    const unit = this.#remembered.get(name) ?? this.#make(name)
    this.#remembered.delete(name)
    this.#untracked.delete(name)
    this.#followed.set(name, unit)
    return unit
  }

  #make(name: string): TrackedUnit {
    const fold = this.#foldFor(name)
    return new TrackedUnit(fold?.sinceNs ?? this.sinceNs, fold)
  }

  #foldFor(unit: string): (Fold & { readonly sinceNs: bigint }) | undefined {
    // `sshd@*.service` matches `sshd@*`, too.
    const name = isFold(unit) ? undefined : this.#foldOf?.(unit)
    if (name === undefined) return undefined
    let all = this.#folds.get(name)
    if (all === undefined) {
      // Past it a unit stands alone.
      if (this.#folds.size >= kMaxFolds) return undefined
      all = this.#remembered.get(name) ?? new TrackedUnit(this.sinceNs)
      this.#remembered.delete(name)
      this.#folds.set(name, all)
    }
    return { name, counters: all.counters, sinceNs: all.sinceNs }
  }

  /** Leaves out of `untracked` what systemd no longer has loaded. */
  retainUntracked(loaded: ReadonlySet<string>): void {
    for (const name of this.#untracked) if (!loaded.has(name)) this.#untracked.delete(name)
  }

  /** systemd has unloaded the unit. Its counters must go on growing when it comes back; without any it is forgotten. */
  unload(name: string, nowNs: bigint): void {
    this.#untracked.delete(name)
    const unit = this.#followed.get(name)
    if (unit === undefined) return
    this.#followed.delete(name)
    const { invocationId, stateChangeUsec } = unit.lastState
    if (invocationId !== '') this.#noteEnded(name, invocationId, stateChangeUsec)
    // What a folded one has counted is kept where it was counted.
    if (unit.foldedInto !== undefined || unit.counters.empty) return
    this.#remembered.set(name, unit)
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= this.#maxRemembered) break
      this.#remembered.delete(oldest)
      this.#forgotten++
      // Whoever comes back counts from 0 again, and a cumulative count may fall only with a later start.
      if (this.#sinceNs === undefined || nowNs > this.#sinceNs) this.#sinceNs = nowNs
    }
  }

  #noteEnded(name: string, invocationId: string, atUsec: number): void {
    this.#ended.delete(name)
    this.#ended.set(name, { invocationId, atUsec })
    if (this.#ended.size <= kMaxEnded) return
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest)
      return
    }
  }
}
