import type { RawEvent } from '../../data/event.js'
import type { SignalRecord, UnitState } from '../../data/signal-record.js'
import type { DependencyEnds, UnitDependencies } from '../../data/unit-dependencies.js'
import type { ListedUnit, UnitFacts, UnitSnapshot } from '../../data/unit-snapshot.js'
import { UnitGraph, type UnitStates } from '../dependencies/unit-graph.js'
import { Accounts } from './accounts.js'
import type { Source } from './evidence.js'
import { Freshness } from './freshness.js'
import type { HistoryEntry } from './history-entry.js'
import { HistoryTeller, type ListenedGap } from './history-teller.js'
import { JobQueue } from './job-queue.js'
import { LastHeard } from './last-heard.js'
import { OomTeller } from './oom-teller.js'
import { TrackedUnit } from './tracked-unit.js'
import { unloadedState } from './unit-phase.js'
import { type SeriesOptions, UnitSeries } from './unit-series.js'
import { type StoreLimits, UnitStore } from './unit-store.js'
import { type TellerOptions, UnitTeller } from './unit-teller.js'
import { stateAt } from './unit-times.js'

/** What is read of a unit besides its state. */
interface Configuration {
  readonly facts: UnitFacts
  readonly dependencies?: UnitDependencies | undefined
  /** At which end of them was looked. */
  readonly ends?: DependencyEnds | undefined
}

export interface TrackerOptions extends StoreLimits, TellerOptions, SeriesOptions {
  /** Filled with the dependencies of the units that are followed; without one the tracker has its own. */
  readonly graph?: UnitGraph
}

/**
 * Follows every unit of one systemd: records and snapshots in, events out.
 *
 * Pure: no clock, no I/O. The same records give the same events however they are grouped into calls. Counters only grow.
 */
export class UnitTracker implements UnitStates {
  readonly #units: UnitStore
  readonly #graph: UnitGraph
  readonly #teller: UnitTeller
  readonly #history: HistoryTeller
  readonly #freshness = new Freshness()
  readonly #heard = new LastHeard()
  readonly #jobs = new JobQueue()
  /** Between Reloading(true) and Reloading(false) PID 1 announces every unit as gone and new: none of that is true. */
  #reloading = false
  #configuredUsec: number | undefined
  /** Signals until then. */
  #configuredSignal = 0
  /** Where it goes on, and up to when all is counted. */
  readonly accounts: Accounts
  /** Its metrics. */
  readonly series: UnitSeries
  /** Kills for want of memory, as the kernel tells of them. */
  readonly oom: OomTeller

  constructor(options: TrackerOptions) {
    this.#units = new UnitStore(options)
    this.#graph = options.graph ?? new UnitGraph()
    this.#teller = new UnitTeller(options, (name) => this.#units.find(name), this.#graph)
    this.#history = new HistoryTeller(this.#units, this.#teller, (...gone) => this.#unload(...gone))
    this.accounts = new Accounts(this.#units, this.#history)
    this.series = new UnitSeries(options, this.#units, this.#teller, this.#graph)
    this.oom = new OomTeller(this.#teller)
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

  /** Since when something has been missed, microseconds since 1970, if it is lost what should have come next. */
  get missedSinceUsec(): number {
    return this.#heard.missedSinceUsec
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

  /**
   * Takes the first reading: how things are, or, where an earlier run of this program has left what it knew, what has changed
   * since then.
   *
   * @param history - what PID 1 has told the journal since `accounts.continued.sinceUsec`, or from before: what is known is not told again
   */
  begin(units: readonly UnitSnapshot[], observedNs: bigint, history: readonly HistoryEntry[] = []): RawEvent[] {
    const { continued } = this.accounts
    const names = new Set(units.map(({ name }) => name))
    const gone = [...this.#units.followed.keys()].filter((name) => !names.has(name))
    const bootKnown = continued !== undefined && continued.bootId !== ''
    const ofThisBoot = history.filter(({ bootId }) => bootId === continued?.bootId)
    const goesOn = ({ name, state }: UnitSnapshot): boolean =>
      state.invocationId !== '' && this.state(name)?.invocationId === state.invocationId
    if (continued !== undefined && (continued.sameBoot ?? units.some(goesOn)))
      return this.resync(units, gone, observedNs, bootKnown ? ofThisBoot : history)
    const out: RawEvent[] = []
    // What is of which boot only its ID tells.
    const ofOthers = bootKnown ? history.filter(({ bootId }) => bootId !== continued.bootId) : []
    this.#history.tell(out, ofOthers, [], observedNs)
    this.#history.booted()
    for (const name of [...this.#units.followed.keys()]) {
      this.#units.find(name)?.forgetState()
      this.#units.unload(name, observedNs)
    }
    this.#learnDependencies(units)
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

  /** Before a beginning: what units needed that were unloaded while nobody looked. */
  learnGone(units: readonly { readonly name: string; readonly dependencies: UnitDependencies }[], nowNs: bigint): void {
    for (const { name, dependencies } of units) {
      this.#graph.update(name, dependencies, 'needs')
      this.#graph.remove(name, Number(nowNs / 1000n))
    }
  }

  /** Takes the first snapshot: everything in it is how things were, nothing has happened. */
  seed(units: readonly UnitSnapshot[], realtimeNs: bigint): void {
    this.#units.begin(realtimeNs)
    this.#learnDependencies(units)
    for (const snapshot of units) {
      const { name, state, facts } = snapshot
      const unit = this.#units.follow(name)
      if (unit === undefined) continue
      if (facts !== undefined) unit.learn(facts)
      unit.seed(snapshot, this.#freshness.clockSettings)
      this.#heard.state(state)
      // Of this boot nothing was counted yet, and of those before everything.
      if (this.accounts.continued !== undefined) unit.countMissed(state)
      this.#teller.locate(name, unit, state, true)
    }
    this.#upTo(realtimeNs)
  }

  /** Rows of `listed` whose unit is not in the state followed here. */
  differing(listed: readonly ListedUnit[]): string[] {
    this.#freshness.asking()
    const changed = listed.filter(({ name, activeState, subState, jobId }) => {
      const state = this.#units.find(name)?.machine.state ?? unloadedState
      return state.activeState !== activeState || state.subState !== subState || state.jobId !== jobId
    })
    return changed.map(({ name }) => name)
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
   * @param gap - where this is no beginning, and units that are as they were may be left out of `units`
   */
  resync(
    units: readonly UnitSnapshot[],
    gone: readonly string[],
    observedNs: bigint,
    history: readonly HistoryEntry[] = [],
    gap?: ListenedGap,
  ): RawEvent[] {
    const out: RawEvent[] = []
    this.#units.begin(observedNs)
    this.#learnDependencies(units)
    if (gap !== undefined) this.#freshness.listed(gap.listedUsec)
    this.#history.tell(out, history, units, observedNs, gap && { ...gap, gone })
    for (const snapshot of units) {
      const { name, state, facts } = snapshot
      const unit = this.#units.follow(name)
      if (unit === undefined) continue
      if (!this.#freshness.isOutdated(state, unit)) {
        this.#teller.locate(name, unit, state, true)
        this.#teller.tell(
          out,
          name,
          unit,
          unit.observeRead(snapshot, this.#freshness.clockSettings),
          observedNs,
          'reading',
        )
        this.#heard.state(state)
      }
      if (facts !== undefined) this.#teller.learn(out, name, unit, facts, observedNs, 'signal')
    }
    for (const name of gone) {
      this.#unload(out, name, observedNs, 'reading')
    }
    this.#upTo(observedNs)
    return out
  }

  /** Notes what a unit's configuration says; a oneshot that runs already is told as started now. */
  learn(name: string, { facts, dependencies, ends = 'both' }: Configuration, observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    const unit = this.#units.followed.get(name)
    if (unit === undefined) return out
    if (dependencies !== undefined) this.#graph.update(name, dependencies, ends)
    this.#teller.learn(out, name, unit, facts, observedNs, 'signal')
    // The slice may not have been known when it was looked for.
    this.#teller.locate(name, unit, unit.machine.state, false)
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
    this.#configuredSignal = this.#freshness.lastSignal
    this.#units.forEach((unit) => {
      unit.forgetConfiguration()
    })
    this.#graph.forgetUnloaded()
  }

  /**
   * Loaded units of which not all is known yet: those first that something happens to, oldest first. Whoever says
   * `daemon-reload` restarts something next, and if that fails, its verdict must not wait for a thousand that are idle.
   */
  unread(): string[] {
    const names: string[] = []
    const idle: string[] = []
    // Asked every other second, and nearly always for nothing.
    this.#units.followed.forEach((unit, name) => {
      if (unit.facts !== undefined && !unit.brief) return
      if (unit.lastSignal > this.#configuredSignal) names.push(name)
      else idle.push(name)
    })
    for (const name of idle) names.push(name)
    return names
  }

  /** Takes all of a state that was brief; undefined when there is nothing to be had any more. */
  complete(name: string, state: UnitState | undefined): void {
    const unit = this.#units.followed.get(name)
    unit?.complete(state ?? unit.machine.state)
  }

  /** Whether a part of its state was not read. */
  isBrief(name: string): boolean {
    return this.#units.followed.get(name)?.brief === true
  }

  /** Loaded units whose UnitFileState is not known, or of before unit files were read anew; `max` of them. */
  withoutFileState(max: number): string[] {
    const names: string[] = []
    for (const [name, unit] of this.#units.followed) {
      if (names.length === max) break
      if (!unit.fileStateHolds) names.push(name)
    }
    return names
  }

  learnFileState(name: string, state: string): void {
    this.#units.followed.get(name)?.learnFileState(state)
  }

  /** Ends the reloading state when its end was not seen. What is read next is newer than all that was fed. */
  endReloading(): void {
    this.#reloading = false
    this.#freshness.asking()
  }

  feed(record: SignalRecord): RawEvent[] {
    const out: RawEvent[] = []
    this.#units.begin(record.realtimeNs)
    this.#freshness.observe(record)
    this.#upTo(record.realtimeNs)
    if (record.kind === 'reloading') this.#reloading = record.active
    if (this.#reloading) return out
    switch (record.kind) {
      case 'unit_changed': {
        // All that it did until then has been told.
        if (!this.#units.followed.has(record.unit) && this.#freshness.isBeforeListing(record.state)) break
        const unit = this.#units.follow(record.unit)
        if (unit === undefined || this.#freshness.isLate(record.state, unit)) break
        this.#teller.locate(record.unit, unit, record.state, false)
        this.#heard.state(record.state)
        const happened = unit.observe(record.state, this.#freshness.nextSignal())
        this.#teller.causes.observed(record.unit, unit)
        this.#teller.tell(out, record.unit, unit, happened, record.realtimeNs, 'signal')
        break
      }
      case 'job_new':
        this.#jobs.queued(record.jobId, record.realtimeNs)
        break
      case 'job_removed': {
        this.#teller.causes.jobRemoved(record.unit, record.result)
        if (record.result !== 'done') this.#history.jobTold(record.jobId)
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
        this.#freshness.asking() // units are read before the next signal is fed
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

  /** Before anything is told of one: whose failure stopped it is found along them. */
  #learnDependencies(units: readonly UnitSnapshot[]): void {
    for (const { name, dependencies } of units) if (dependencies !== undefined) this.#graph.update(name, dependencies)
  }

  #unload(out: RawEvent[], name: string, observedNs: bigint, source: Source): void {
    const unit = this.#units.followed.get(name)
    if (unit !== undefined) this.#teller.tell(out, name, unit, unit.unloaded(), observedNs, source)
    this.#units.unload(name, observedNs)
    this.#graph.remove(name, Number(observedNs / 1000n))
  }

  #upTo(ns: bigint): void {
    this.accounts.upTo(ns)
    this.#heard.at(ns)
  }
}
