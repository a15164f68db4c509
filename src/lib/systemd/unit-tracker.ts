import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type { ResourcePool } from '../../data/resource.js'
import type { SignalRecord, UnitState } from '../../data/signal-record.js'
import type { ListedUnit, UnitFacts, UnitSnapshot } from '../../data/unit-snapshot.js'
import { CauseFinder } from './cause-finder.js'
import type { Occurrence } from './occurrence.js'
import { stateMetrics } from './state-metrics.js'
import { TrackedUnit } from './tracked-unit.js'
import { unitEvent } from './unit-event.js'
import { unloadedState } from './unit-phase.js'
import { unitResource } from './unit-resource.js'

/** About 1 KB each; the largest hosts load some 10,000 units. Past it new units are counted in `untracked`, not followed. */
const kMaxUnits = 65_536

/** Larger differences of systemd's timestamps are a stepped clock, not a late signal: signals lag by milliseconds. */
const kMaxLagUsec = 60_000_000

export interface TrackerOptions {
  readonly scope: 'system' | 'user'
  readonly resources: ResourcePool
  /** What a unit has to do with containers, for its resource; empty for ordinary units. */
  readonly containerAttributes?: (unit: string) => Attributes
  readonly maxUnits?: number
}

/**
 * Follows every unit of one systemd: records and snapshots in, events out.
 *
 * Pure: no clock, no I/O. The same records give the same events however they are grouped into calls. Counters only grow.
 */
export class UnitTracker {
  readonly #options: TrackerOptions
  readonly #units = new Map<string, TrackedUnit>()
  readonly #causes = new CauseFinder((name) => this.#units.get(name))
  /** Between Reloading(true) and Reloading(false) PID 1 announces every unit as gone and new: none of that is true. */
  #reloading = false
  #startNs: bigint | undefined
  #untracked = 0

  constructor(options: TrackerOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#units.size
  }

  /** Units that were met after `maxUnits` was reached. */
  get untracked(): number {
    return this.#untracked
  }

  get reloading(): boolean {
    return this.#reloading
  }

  state(unit: string): UnitState | undefined {
    return this.#units.get(unit)?.machine.state
  }

  facts(unit: string): UnitFacts | undefined {
    return this.#units.get(unit)?.facts
  }

  /** Takes the first snapshot: everything in it is how things were, nothing has happened. */
  seed(units: readonly UnitSnapshot[], realtimeNs: bigint): void {
    this.#startNs ??= realtimeNs
    for (const { name, state, facts } of units) {
      const unit = this.#unit(name)
      if (unit === undefined) continue
      if (facts !== undefined) unit.learn(facts)
      unit.seed(state)
    }
  }

  /** Rows of `listed` whose unit is not in the state followed here. */
  differing(listed: readonly ListedUnit[]): string[] {
    const changed = listed.filter(({ name, activeState, subState, jobId }) => {
      const state = this.#units.get(name)?.machine.state ?? unloadedState
      return state.activeState !== activeState || state.subState !== subState || state.jobId !== jobId
    })
    return changed.map(({ name }) => name)
  }

  /** Units followed as loaded that `listed` does not hold. */
  missing(listed: readonly ListedUnit[]): string[] {
    const names = new Set(listed.map(({ name }) => name))
    return [...this.#units].filter(([name, unit]) => unit.loaded && !names.has(name)).map(([name]) => name)
  }

  /**
   * Compares with what systemd says now and tells what has changed meanwhile, marked as inferred.
   *
   * @param units - units as read now
   * @param gone - units that systemd no longer has loaded
   */
  resync(units: readonly UnitSnapshot[], gone: readonly string[], observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    this.#startNs ??= observedNs
    for (const { name, state, facts } of units) {
      const unit = this.#unit(name)
      if (unit === undefined) continue
      // A signal newer than this reading has come meanwhile: it knows better.
      if (!isOlder(state, unit.machine.state)) this.#tell(out, name, unit, unit.observeRead(state), observedNs, true)
      if (facts !== undefined) this.#tell(out, name, unit, unit.learn(facts), observedNs, false)
    }
    for (const name of gone) {
      const unit = this.#units.get(name)
      if (unit !== undefined) this.#unload(out, name, unit, observedNs, true)
    }
    return out
  }

  /** Notes what a unit's configuration says; a oneshot that runs already is told as started now. */
  learn(name: string, facts: UnitFacts, observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    const unit = this.#units.get(name)
    if (unit !== undefined) this.#tell(out, name, unit, unit.learn(facts), observedNs, false)
    return out
  }

  /** daemon-reload may have changed every unit's configuration. */
  forgetFacts(): void {
    for (const unit of this.#units.values()) unit.facts = undefined
  }

  /** Loaded units whose configuration was not read yet, oldest first. */
  withoutFacts(): string[] {
    return [...this.#units].filter(([, unit]) => unit.facts === undefined && unit.loaded).map(([name]) => name)
  }

  /** Ends the reloading state when its end was not seen. */
  endReloading(): void {
    this.#reloading = false
  }

  feed(record: SignalRecord): RawEvent[] {
    const out: RawEvent[] = []
    this.#startNs ??= record.realtimeNs
    if (record.kind === 'reloading') this.#reloading = record.active
    if (this.#reloading) return out
    switch (record.kind) {
      case 'unit_changed': {
        const unit = this.#unit(record.unit)
        if (unit === undefined || (unit.fromRead && isLate(record.state, unit.machine.state))) break
        this.#tell(out, record.unit, unit, unit.observe(record.state), record.realtimeNs, false)
        break
      }
      case 'job_removed': {
        const unit = this.#unit(record.unit)
        if (unit === undefined) break
        this.#causes.jobRemoved(record.unit, record.result)
        this.#tell(
          out,
          record.unit,
          unit,
          unit.machine.jobRemoved(record.jobId, record.result),
          record.realtimeNs,
          false,
        )
        break
      }
      case 'unit_removed': {
        const unit = this.#units.get(record.unit)
        if (unit !== undefined) this.#unload(out, record.unit, unit, record.realtimeNs, false)
        break
      }
      default:
        break
    }
    return out
  }

  /** State metrics at this moment. */
  metrics(nowNs: bigint): Metric[] {
    const resource = (name: string) => this.#resource(name)
    return stateMetrics(this.#units, {
      nowNs,
      startNs: this.#startNs ?? nowNs,
      resource,
      pool: this.#options.resources,
    })
  }

  #unit(name: string): TrackedUnit | undefined {
    const known = this.#units.get(name)
    if (known !== undefined) return known
    if (this.#units.size >= (this.#options.maxUnits ?? kMaxUnits)) {
      this.#untracked++
      return undefined
    }
    const unit = new TrackedUnit()
    this.#units.set(name, unit)
    return unit
  }

  #unload(out: RawEvent[], name: string, unit: TrackedUnit, observedNs: bigint, inferred: boolean): void {
    this.#tell(out, name, unit, unit.unloaded(), observedNs, inferred)
    // Its counters must go on growing when it comes back; a unit without any can be forgotten.
    if (!unit.hasCounts) this.#units.delete(name)
  }

  #tell(
    out: RawEvent[],
    name: string,
    unit: TrackedUnit,
    happened: readonly Occurrence[],
    observedNs: bigint,
    inferred: boolean,
  ): void {
    for (const what of happened) {
      unit.count(what)
      out.push(
        unitEvent(what, {
          unit: name,
          resource: this.#resource(name),
          observedNs,
          inferred,
          causedBy: this.#causes.of(name, what),
        }),
      )
    }
  }

  #resource(name: string) {
    const { resources, scope, containerAttributes } = this.#options
    return unitResource(resources, name, scope, containerAttributes?.(name))
  }
}

/** A signal from before the unit's state was read. Without a timestamp the unit had not changed since it was loaded. */
function isLate(signal: UnitState, read: UnitState): boolean {
  return isOlder(signal, read) || (signal.stateChangeUsec === 0 && read.stateChangeUsec > 0)
}

/** True when `a` was true before `b`, by systemd's own timestamps. */
function isOlder(a: UnitState, b: UnitState): boolean {
  const lag = b.stateChangeUsec - a.stateChangeUsec
  return lag > 0 && lag < kMaxLagUsec
}
