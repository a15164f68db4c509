import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type { SignalRecord, UnitState } from '../../data/signal-record.js'
import type { UnitDependencies } from '../../data/unit-dependencies.js'
import type { ListedUnit, UnitFacts, UnitSnapshot } from '../../data/unit-snapshot.js'
import { UnitGraph, type UnitStates } from '../dependencies/unit-graph.js'
import { ClockWatch } from './clock-watch.js'
import { DetailMetrics } from './detail-metrics.js'
import type { Source } from './evidence.js'
import { Expectations } from './expectations.js'
import type { HistoryEntry } from './history-entry.js'
import { HistoryTeller } from './history-teller.js'
import { JobQueue } from './job-queue.js'
import { type MetricSwitches, metricGroups } from './metric-groups.js'
import type { OomEvidence } from './oom-evidence.js'
import type { UpUnit } from './polled-units.js'
import { stateMetrics } from './state-metrics.js'
import { TrackedUnit } from './tracked-unit.js'
import { kMaxSavedUnits, type SavedTracker } from './tracker-state.js'
import { unloadedState } from './unit-phase.js'
import { type StoreLimits, UnitStore } from './unit-store.js'
import { type TellerOptions, UnitTeller } from './unit-teller.js'
import { stateAt } from './unit-times.js'
import { typeOfUnit } from './unit-types.js'

/** Where an earlier run of this program stopped. */
export interface Continued {
  /** What happened until then it has told and counted, microseconds since 1970. */
  readonly sinceUsec: number
  /** The machine was not booted since: units may be compared with what they were. */
  readonly sameBoot: boolean
  /** Of now. */
  readonly bootId: string
}

/** What is read of a unit besides its state. */
type Configuration = { readonly facts: UnitFacts; readonly dependencies?: UnitDependencies | undefined }

/** Larger differences of systemd's timestamps are a stepped clock, not a late signal: signals lag by milliseconds. */
const kMaxLagUsec = 60_000_000

export interface TrackerOptions extends StoreLimits, TellerOptions {
  /** Filled with the dependencies of the units that are followed; without one the tracker has its own. */
  readonly graph?: UnitGraph
  /** Which metrics are made; left out, those that are on by default. */
  readonly metrics?: MetricSwitches
  /** Points of units that a collection may have; left out or 0, no limit. */
  readonly maxSeries?: number
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
  readonly #teller: UnitTeller
  readonly #history: HistoryTeller
  readonly #clock = new ClockWatch()
  readonly #jobs = new JobQueue()
  readonly #details: DetailMetrics
  readonly #expectations: Expectations
  /** Between Reloading(true) and Reloading(false) PID 1 announces every unit as gone and new: none of that is true. */
  #reloading = false
  /** Signals until now, and until the last time systemd was asked about its units. */
  #signals = 0
  #asked = 0
  #continued: Continued | undefined
  #configuredUsec: number | undefined
  #revision = 0
  #accountedNs = 0n
  #leftOut = 0

  constructor(options: TrackerOptions) {
    this.#options = options
    this.#units = new UnitStore(options)
    this.#graph = options.graph ?? new UnitGraph()
    this.#teller = new UnitTeller(options, (name) => this.#units.find(name), this.#graph)
    this.#history = new HistoryTeller(this.#units, this.#teller, (...gone) => this.#unload(...gone))
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

  /** Units that have no metrics, for there would be more than `maxSeries` points. */
  get leftOut(): number {
    return this.#leftOut
  }

  /** Units whose metrics are told together with those of other instances of their template. */
  get folded(): number {
    let folded = 0
    if (this.#units.folds.size === 0) return folded
    this.#units.followed.forEach(({ foldedInto }) => {
      if (foldedInto !== undefined) folded++
    })
    return folded
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

  /** What an earlier run of this program knew; undefined when there was none. */
  get continued(): Continued | undefined {
    return this.#continued
  }

  /** Counts what was fed and read; only grows. */
  get revision(): number {
    return this.#revision
  }

  /**
   * All that must outlive this process.
   *
   * @param untilNs - nothing is under way from before then; without it, that is the time of what came last
   */
  save(bootId: string, untilNs = 0n): SavedTracker {
    const accountedNs = untilNs > this.#accountedNs ? untilNs : this.#accountedNs
    const { sinceNs, ended } = this.#units
    const units = this.#units.save(kMaxSavedUnits)
    return { bootId, accountedNs: String(accountedNs), sinceNs: String(sinceNs), units, ended }
  }

  /**
   * Goes on where an earlier run of this program stopped. To be called before anything else is. In another boot than that of
   * then, counters go on, and no unit is what it was.
   *
   * @param accepts - units that are still to be followed
   */
  restore(saved: SavedTracker, bootId: string, accepts: (unit: string) => boolean = () => true): void {
    const sameBoot = bootId !== '' && saved.bootId === bootId
    this.#units.begin(BigInt(saved.sinceNs))
    this.#units.restore(
      saved.units.filter(({ name }) => accepts(name)),
      saved.ended,
    )
    this.#accountedNs = BigInt(saved.accountedNs)
    const sinceUsec = Number(this.#accountedNs / 1000n)
    this.#continued = { sinceUsec, sameBoot, bootId }
    this.#history.sinceUsec = sinceUsec
  }

  /**
   * Takes the first reading: how things are, or, where an earlier run of this program has left what it knew, what has changed
   * since then.
   *
   * @param history - what PID 1 has told the journal since `continued.sinceUsec`, or from before: what is known is not told again
   */
  begin(units: readonly UnitSnapshot[], observedNs: bigint, history: readonly HistoryEntry[] = []): RawEvent[] {
    const { continued } = this
    const names = new Set(units.map(({ name }) => name))
    const gone = [...this.#units.followed.keys()].filter((name) => !names.has(name))
    const ofThisBoot = history.filter(({ bootId }) => bootId === continued?.bootId)
    if (continued?.sameBoot === true) return this.resync(units, gone, observedNs, ofThisBoot)
    const out: RawEvent[] = []
    const ofOthers = history.filter(({ bootId }) => bootId !== continued?.bootId)
    this.#history.tell(out, ofOthers, [], observedNs)
    for (const name of [...this.#units.followed.keys()]) {
      this.#units.find(name)?.forgetState()
      this.#units.unload(name, observedNs)
    }
    const told = this.#history.tell(out, ofThisBoot, units, observedNs)
    out.push(
      ...this.resync(
        units.filter(({ name }) => told.has(name)),
        [],
        observedNs,
      ),
    )
    this.seed(
      units.filter(({ name }) => !told.has(name)),
      observedNs,
    )
    return out
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
      // Of this boot nothing was counted yet, and of those before everything.
      if (this.#continued !== undefined) unit.countMissed(state)
      this.#teller.locate(name, unit, state, true)
    }
    this.#accounted(realtimeNs)
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
   * @param history - what PID 1 has told the journal meanwhile, and may be from before or after: what is known is not told again
   */
  resync(
    units: readonly UnitSnapshot[],
    gone: readonly string[],
    observedNs: bigint,
    history: readonly HistoryEntry[] = [],
  ): RawEvent[] {
    const out: RawEvent[] = []
    this.#units.begin(observedNs)
    this.#history.tell(out, history, units, observedNs)
    for (const { name, state, facts, dependencies } of units) {
      const unit = this.#units.follow(name)
      if (unit === undefined) continue
      if (dependencies !== undefined) this.#graph.update(name, dependencies)
      // A signal newer than this reading has come meanwhile: it knows better. Without one the reading is the newer,
      // whatever the stamps say: the clock may have been set back.
      const outdated = unit.lastSignal > this.#asked && isOlder(state, unit.machine.state)
      if (!outdated) {
        this.#teller.locate(name, unit, state, true)
        this.#teller.tell(out, name, unit, unit.observeRead(state, this.#clock.settings), observedNs, 'reading')
      }
      if (facts !== undefined) this.#teller.tell(out, name, unit, unit.learn(facts), observedNs, 'signal')
    }
    for (const name of gone) {
      this.#unload(out, name, observedNs, 'reading')
    }
    this.#accounted(observedNs)
    return out
  }

  /** Notes what a unit's configuration says; a oneshot that runs already is told as started now. */
  learn(name: string, { facts, dependencies }: Configuration, observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    const unit = this.#units.followed.get(name)
    if (unit !== undefined && dependencies !== undefined) this.#graph.update(name, dependencies)
    if (unit !== undefined) this.#teller.tell(out, name, unit, unit.learn(facts), observedNs, 'signal')
    return out
  }

  /** Units whose state has changed since it was last told: systemd stamps each change, also one back to what was. */
  changed(stamps: ReadonlyMap<string, number>): Set<string> {
    const changed = new Set<string>()
    for (const [name, usec] of stamps)
      if (this.#units.followed.get(name)?.machine.state.stateChangeUsec !== usec) changed.add(name)
    return changed
  }

  /**
   * Takes when systemd has last read its unit files. Where that is not when it was, or nobody knows, what was read of any
   * unit's configuration holds no more.
   */
  noteConfigured(usec: number | undefined): void {
    const same = usec !== undefined && usec === this.#configuredUsec
    this.#configuredUsec = usec
    if (same) return
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
    this.#accounted(record.realtimeNs)
    if (record.kind === 'reloading') this.#reloading = record.active
    if (this.#reloading) return out
    switch (record.kind) {
      case 'unit_changed': {
        const unit = this.#units.follow(record.unit)
        if (unit === undefined || this.#isLate(record.state, unit)) break
        this.#teller.locate(record.unit, unit, record.state, false)
        const happened = unit.observe(record.state, ++this.#signals)
        this.#teller.causes.observed(record.unit, unit)
        this.#teller.tell(out, record.unit, unit, happened, record.realtimeNs, 'signal')
        break
      }
      case 'job_new':
        this.#jobs.queued(record.jobId, record.realtimeNs)
        break
      case 'job_removed': {
        this.#teller.causes.jobRemoved(record.unit, record.result)
        // The job of a unit that was never loaded has nothing to be kept for.
        const unit = this.#units.find(record.unit) ?? new TrackedUnit(record.realtimeNs)
        const happened = unit.jobRemoved(record.jobId, record.result)
        const queuedUsec = this.#jobs.take(record.jobId)
        this.#teller.tell(out, record.unit, unit, happened, record.realtimeNs, 'signal', queuedUsec)
        break
      }
      case 'unit_removed':
        this.#unload(out, record.unit, record.realtimeNs, 'signal')
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
    this.#teller.restarts.announce(unit, Number(nowNs / 1000n))
  }

  /** The kernel says that a unit's process was killed for want of memory. */
  oomEvidence(evidence: OomEvidence, observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    this.#teller.tellOom(out, evidence.unit, this.#teller.oom.take(evidence), observedNs, 'signal')
    return out
  }

  /** Whether settleOom() is to be called in a while: kills wait for what else may tell of them. */
  get oomWaits(): boolean {
    return this.#teller.oom.waits
  }

  /** What the kernel told of kills that led to no event; only grows. */
  get oomUnattributed(): number {
    return this.#teller.oom.unattributed
  }

  /** A while has passed: kills that have waited since before the last call are told as they are known. */
  settleOom(observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    for (const told of this.#teller.oom.sweep()) this.#teller.tellOom(out, told.unit, [told], observedNs, 'signal')
    return out
  }

  /** State metrics of all units, in parts; `now` is asked for each one. */
  metrics(now: () => bigint): Generator<readonly Metric[], void, undefined> {
    const { resources, metrics: on = metricGroups, maxSeries = 0 } = this.#options
    return stateMetrics(this.#units, {
      now,
      resource: (name, unit) => this.#teller.resource(name, unit),
      pool: resources,
      on,
      details: this.#details,
      expectations: this.#expectations,
      maxSeries,
      onLeftOut: (units) => {
        this.#leftOut = units
      },
    })
  }

  /** Units of a type that are up, for questions that no signal answers. */
  unitsUp(type: string): UpUnit[] {
    const up: UpUnit[] = []
    this.#units.followed.forEach((unit, name) => {
      if (unit.foldedInto !== undefined) return
      const { state, phase } = unit.machine
      if (phase !== 'up' || typeOfUnit(name) !== type) return
      up.push({ name, invocationId: state.invocationId, resource: this.#teller.resource(name, unit) })
    })
    return up
  }

  #unload(out: RawEvent[], name: string, observedNs: bigint, source: Source): void {
    const unit = this.#units.followed.get(name)
    if (unit !== undefined) this.#teller.tell(out, name, unit, unit.unloaded(), observedNs, source)
    this.#units.unload(name, observedNs)
    this.#graph.remove(name, Number(observedNs / 1000n))
  }

  #accounted(untilNs: bigint): void {
    this.#revision++
    if (untilNs > this.#accountedNs) this.#accountedNs = untilNs
  }

  /** A signal from before the unit's state was read. No stamps tell when the clock was set in between. */
  #isLate(signal: UnitState, { machine, readUnder }: TrackedUnit): boolean {
    if (readUnder !== this.#clock.settings) return false
    const read = machine.state
    // A restart is scheduled within one state: its stamp stays, NRestarts tells. (reset-failed, which sets that back, changes the state.)
    if (signal.stateChangeUsec === read.stateChangeUsec && signal.nRestarts < read.nRestarts) return true
    // Without a timestamp the unit had not changed since it was loaded.
    return isOlder(signal, read) || (signal.stateChangeUsec === 0 && read.stateChangeUsec > 0)
  }
}

/** True when `a` was true before `b`, by systemd's own timestamps. */
function isOlder(a: UnitState, b: UnitState): boolean {
  const lag = b.stateChangeUsec - a.stateChangeUsec
  return lag > 0 && lag < kMaxLagUsec
}
