import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type { Resource, ResourcePool } from '../../data/resource.js'
import type { SignalRecord, UnitState } from '../../data/signal-record.js'
import type { UnitDependencies } from '../../data/unit-dependencies.js'
import type { ListedUnit, UnitFacts, UnitSnapshot } from '../../data/unit-snapshot.js'
import { UnitGraph, type UnitStates } from '../dependencies/unit-graph.js'
import { CauseFinder } from './cause-finder.js'
import { ClockWatch } from './clock-watch.js'
import { DetailMetrics } from './detail-metrics.js'
import { Expectations } from './expectations.js'
import { JobQueue } from './job-queue.js'
import { type MetricSwitches, metricGroups } from './metric-groups.js'
import type { Occurrence } from './occurrence.js'
import type { UpUnit } from './polled-units.js'
import { RestartCauses } from './restart-cause.js'
import { stateMetrics } from './state-metrics.js'
import { TrackedUnit, type UnitCgroup } from './tracked-unit.js'
import { unitEvent } from './unit-event.js'
import { phaseOf, unloadedState } from './unit-phase.js'
import { unitResource } from './unit-resource.js'
import { type StoreLimits, UnitStore } from './unit-store.js'
import { stateAt } from './unit-times.js'
import { typeOfUnit } from './unit-types.js'
import { outlookOf } from './verdict.js'

/** What is read of a unit besides its state. */
type Configuration = { readonly facts: UnitFacts; readonly dependencies?: UnitDependencies | undefined }

/** Larger differences of systemd's timestamps are a stepped clock, not a late signal: signals lag by milliseconds. */
const kMaxLagUsec = 60_000_000

/** A run's directory is made just before its state is told, and systemd restarts nothing sooner than this (RestartSec=). */
const kMaxCgroupLagUsec = 50_000

export interface TrackerOptions extends StoreLimits {
  readonly scope: 'system' | 'user'
  readonly resources: ResourcePool
  /** Filled with the dependencies of the units that are followed; without one the tracker has its own. */
  readonly graph?: UnitGraph
  /** What a unit has to do with containers, for its resource; empty for ordinary units. */
  readonly containerAttributes?: (unit: string) => Attributes
  /** Which metrics are made; left out, those that are on by default. */
  readonly metrics?: MetricSwitches
  /** Where a unit's processes are now; left out, events do not say. */
  readonly findCgroup?: (unit: string, slice: string) => UnitCgroup | undefined
}

/**
 * Follows every unit of one systemd: records and snapshots in, events out.
 *
 * Pure: no clock, no I/O. The same records give the same events however they are grouped into calls. Counters only grow.
 */
export class UnitTracker implements UnitStates {
  readonly #options: TrackerOptions
  readonly #units: UnitStore
  readonly #graph: UnitGraph
  readonly #causes: CauseFinder
  readonly #restarts: RestartCauses
  readonly #clock = new ClockWatch()
  readonly #jobs = new JobQueue()
  readonly #details: DetailMetrics
  readonly #expectations: Expectations
  /** Between Reloading(true) and Reloading(false) PID 1 announces every unit as gone and new: none of that is true. */
  #reloading = false
  /** Signals until now, and until the last time systemd was asked about its units. */
  #signals = 0
  #asked = 0

  constructor(options: TrackerOptions) {
    this.#options = options
    this.#units = new UnitStore(options)
    this.#graph = options.graph ?? new UnitGraph()
    this.#causes = new CauseFinder((name) => this.#units.find(name), this.#graph)
    this.#restarts = new RestartCauses((name) => this.#units.find(name), this.#graph)
    this.#expectations = new Expectations((name) => this.#units.find(name), this.#graph)
    this.#details = new DetailMetrics(options.metrics ?? metricGroups)
  }

  /** Loaded units that are followed. */
  get size(): number {
    return this.#units.followed.size
  }

  /** Loaded units that are not followed, for `maxUnits` are already. */
  get untracked(): number {
    return this.#units.untracked
  }

  /** Unloaded units whose counters are kept. */
  get remembered(): number {
    return this.#units.remembered
  }

  /** Unloaded units whose counters were given up for those of later ones; only grows. */
  get forgotten(): number {
    return this.#units.forgotten
  }

  get reloading(): boolean {
    return this.#reloading
  }

  state(unit: string): UnitState | undefined {
    return this.#units.find(unit)?.machine.state
  }

  facts(unit: string): UnitFacts | undefined {
    return this.#units.find(unit)?.facts
  }

  at(name: string, usec: number, sinceUsec = usec): ReturnType<UnitStates['at']> {
    const unit = this.#units.find(name)
    return unit === undefined ? undefined : stateAt(unit.machine.state, usec, sinceUsec)
  }

  /** Takes the first snapshot: everything in it is how things were, nothing has happened. */
  seed(units: readonly UnitSnapshot[], realtimeNs: bigint): void {
    this.#units.begin(realtimeNs)
    for (const { name, state, facts, dependencies } of units) {
      const unit = this.#units.follow(name)
      if (unit === undefined) continue
      if (dependencies !== undefined) this.#graph.update(name, dependencies)
      if (facts !== undefined) unit.learn(facts)
      unit.seed(state, this.#clock.settings)
      this.#locate(name, unit, state, true)
    }
  }

  /** Rows of `listed` whose unit is not in the state followed here. */
  differing(listed: readonly ListedUnit[]): string[] {
    this.#asked = this.#signals
    const changed = listed.filter(({ name, activeState, subState, jobId }) => {
      const state = this.#units.find(name)?.machine.state ?? unloadedState
      return state.activeState !== activeState || state.subState !== subState || state.jobId !== jobId
    })
    return changed.map(({ name }) => name)
  }

  /** Takes which targets are active; `all` is everything that systemd has loaded, watched or not. */
  noteTargets(all: readonly ListedUnit[]): void {
    this.#expectations.noteTargets(all)
  }

  /** Units followed as loaded that `listed` does not hold. */
  missing(listed: readonly ListedUnit[]): string[] {
    const names = new Set(listed.map(({ name }) => name))
    this.#units.retainUntracked(names)
    return [...this.#units.followed.keys()].filter((name) => !names.has(name))
  }

  /**
   * Compares with what systemd says now and tells what has changed meanwhile, marked as inferred.
   *
   * @param units - units as read now
   * @param gone - units that systemd no longer has loaded
   */
  resync(units: readonly UnitSnapshot[], gone: readonly string[], observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    this.#units.begin(observedNs)
    for (const { name, state, facts, dependencies } of units) {
      const unit = this.#units.follow(name)
      if (unit === undefined) continue
      if (dependencies !== undefined) this.#graph.update(name, dependencies)
      // A signal newer than this reading has come meanwhile: it knows better. Without one the reading is the newer,
      // whatever the stamps say: the clock may have been set back.
      const outdated = unit.lastSignal > this.#asked && isOlder(state, unit.machine.state)
      if (!outdated) {
        this.#locate(name, unit, state, true)
        this.#tell(out, name, unit, unit.observeRead(state, this.#clock.settings), observedNs, true)
      }
      if (facts !== undefined) this.#tell(out, name, unit, unit.learn(facts), observedNs, false)
    }
    for (const name of gone) {
      this.#unload(out, name, observedNs, true)
    }
    return out
  }

  /** Notes what a unit's configuration says; a oneshot that runs already is told as started now. */
  learn(name: string, { facts, dependencies }: Configuration, observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    const unit = this.#units.followed.get(name)
    if (unit !== undefined && dependencies !== undefined) this.#graph.update(name, dependencies)
    if (unit !== undefined) this.#tell(out, name, unit, unit.learn(facts), observedNs, false)
    return out
  }

  /** daemon-reload may have changed every unit's configuration. */
  forgetFacts(): void {
    this.#units.forEach((unit) => {
      unit.facts = undefined
    })
    this.#graph.forgetUnloaded()
  }

  /** Loaded units whose configuration was not read yet, oldest first. */
  withoutFacts(): string[] {
    const names: string[] = []
    // Asked every other second, and nearly always for nothing.
    this.#units.followed.forEach((unit, name) => {
      if (unit.facts === undefined) names.push(name)
    })
    return names
  }

  /** Ends the reloading state when its end was not seen. What is read next is newer than all that was fed. */
  endReloading(): void {
    this.#reloading = false
    this.#asked = this.#signals
  }

  feed(record: SignalRecord): RawEvent[] {
    const out: RawEvent[] = []
    this.#units.begin(record.realtimeNs)
    this.#clock.observe(record)
    if (record.kind === 'reloading') this.#reloading = record.active
    if (this.#reloading) return out
    switch (record.kind) {
      case 'unit_changed': {
        const unit = this.#units.follow(record.unit)
        if (unit === undefined || this.#isLate(record.state, unit)) break
        this.#locate(record.unit, unit, record.state, false)
        const happened = unit.observe(record.state, ++this.#signals)
        this.#causes.observed(record.unit, unit)
        this.#tell(out, record.unit, unit, happened, record.realtimeNs, false)
        break
      }
      case 'job_new':
        this.#jobs.queued(record.jobId, record.realtimeNs)
        break
      case 'job_removed': {
        this.#causes.jobRemoved(record.unit, record.result)
        // The job of a unit that was never loaded has nothing to be kept for.
        const unit = this.#units.find(record.unit) ?? new TrackedUnit(record.realtimeNs)
        const happened = unit.jobRemoved(record.jobId, record.result)
        const queuedUsec = this.#jobs.take(record.jobId)
        this.#tell(out, record.unit, unit, happened, record.realtimeNs, false, queuedUsec)
        break
      }
      case 'unit_removed':
        this.#unload(out, record.unit, record.realtimeNs, false)
        break
      case 'reloading':
      case 'lost':
        this.#asked = this.#signals // units are read before the next signal is fed
        break
      default:
        break
    }
    return out
  }

  /** This agent is about to ask systemd to restart `unit`: that restart counts as `remediation`. */
  announceRestart(unit: string, nowNs: bigint): void {
    this.#restarts.announce(unit, Number(nowNs / 1000n))
  }

  /** State metrics of all units, in parts; `now` is asked for each one. */
  metrics(now: () => bigint): Generator<readonly Metric[], void, undefined> {
    const resource = (name: string, unit: TrackedUnit) => this.#resource(name, unit)
    const { resources, metrics: on = metricGroups } = this.#options
    return stateMetrics(this.#units, {
      now,
      resource,
      pool: resources,
      on,
      details: this.#details,
      expectations: this.#expectations,
    })
  }

  /** Units of a type that are up, for questions that no signal answers. */
  unitsUp(type: string): UpUnit[] {
    const up: UpUnit[] = []
    this.#units.followed.forEach((unit, name) => {
      const { state, phase } = unit.machine
      if (phase !== 'up' || typeOfUnit(name) !== type) return
      up.push({ name, invocationId: state.invocationId, resource: this.#resource(name, unit) })
    })
    return up
  }

  #unload(out: RawEvent[], name: string, observedNs: bigint, inferred: boolean): void {
    const unit = this.#units.followed.get(name)
    if (unit !== undefined) this.#tell(out, name, unit, unit.unloaded(), observedNs, inferred)
    this.#units.unload(name, observedNs)
    this.#graph.remove(name, Number(observedNs / 1000n))
  }

  /** A signal from before the unit's state was read. No stamps tell when the clock was set in between. */
  #isLate(signal: UnitState, { machine, readUnder }: TrackedUnit): boolean {
    if (readUnder !== this.#clock.settings) return false
    const read = machine.state
    // Without a timestamp the unit had not changed since it was loaded.
    return isOlder(signal, read) || (signal.stateChangeUsec === 0 && read.stateChangeUsec > 0)
  }

  #tell(
    out: RawEvent[],
    name: string,
    unit: TrackedUnit,
    happened: readonly Occurrence[],
    observedNs: bigint,
    inferred: boolean,
    jobQueuedUsec?: number,
  ): void {
    for (const what of happened) {
      unit.count(what, what.kind === 'restarting' ? this.#restarts.of(name, unit, what) : undefined)
      const restart = what.cause === undefined ? undefined : unit.restart
      const causedBy = restart?.dueTo ?? this.#causes.of(name, what)
      const outlook = outlookOf(what, name, unit, { causedBy, read: inferred })
      if (what.kind === 'failed' || what.kind === 'startLimitHit') unit.outlook = outlook
      out.push(
        unitEvent(what, {
          unit: name,
          resource: this.#resource(name, unit),
          observedNs,
          inferred,
          causedBy,
          restartCause: restart?.cause ?? what.cause,
          outlook,
          jobQueuedUsec,
          slice: unit.facts?.slice || unit.cgroup?.slice || '',
          cgroupId: unit.cgroupOf === what.state.invocationId ? unit.cgroup?.id : undefined,
        }),
      )
    }
  }

  /** Finds the cgroup of a run as soon as it is heard of: when it has ended there is none. */
  #locate(name: string, unit: TrackedUnit, state: UnitState, isNow: boolean): void {
    const { invocationId } = state
    if (invocationId === '' || unit.cgroupOf === invocationId || this.#options.findCgroup === undefined) return
    const phase = phaseOf(state)
    if (phase !== 'up' && phase !== 'starting') return
    const found = this.#options.findCgroup(name, unit.facts?.slice ?? '')
    if (found === undefined) return
    // A signal that comes late may tell of a run that was over when the directory there now was made.
    if (!isNow && found.changedUsec > state.stateChangeUsec + kMaxCgroupLagUsec) return
    unit.cgroup = found
    unit.cgroupOf = invocationId
  }

  #resource(name: string, unit: TrackedUnit): Resource {
    const { resources, scope, containerAttributes } = this.#options
    unit.resource ??= unitResource(resources, name, scope, containerAttributes?.(name))
    return unit.resource
  }
}

/** True when `a` was true before `b`, by systemd's own timestamps. */
function isOlder(a: UnitState, b: UnitState): boolean {
  const lag = b.stateChangeUsec - a.stateChangeUsec
  return lag > 0 && lag < kMaxLagUsec
}
