import type { Resource } from '../../data/resource.js'
import type { UnitState } from '../../data/signal-record.js'
import type { UnitFacts, UnitSnapshot } from '../../data/unit-snapshot.js'
import type { Occurrence } from './occurrence.js'
import { autoCause, type Restart } from './restart-cause.js'
import { type SavedUnit, stateOfValues, stateValues } from './tracker-state.js'
import { UnitCounters } from './unit-counters.js'
import { UnitMachine } from './unit-machine.js'
import { phaseOf, unloadedState } from './unit-phase.js'
import type { Outlook, Verdict } from './verdict.js'

/** Where a unit's processes are. */
export interface UnitCgroup {
  /** What the kernel calls it by (`bpf_get_current_cgroup_id`): the inode of its directory. */
  readonly id: number
  readonly slice: string
  /** When the directory was made or last changed, microseconds since 1970. */
  readonly changedUsec: number
}

/** What the instances of a template are told as, and count in. */
export interface Fold {
  readonly name: string
  readonly counters: UnitCounters
}

/** One unit: its machine, what is known of its configuration, and its counters. */
export class TrackedUnit {
  readonly machine = new UnitMachine()
  facts: UnitFacts | undefined
  /** Its state was read in part only, and no signal has come since. */
  brief = false
  /** UnitFileState, as it was when it was last read; undefined when it never was. */
  fileState: string | undefined
  /** Unit files were not read anew since. */
  fileStateHolds = false
  /** Once something was told of it; kept, for it is asked for at each interval. */
  resource: Resource | undefined
  /** Known to systemd at the moment, as far as signals tell. */
  loaded = false
  /**
   * The state was read over D-Bus and no signal has come since, so late ones may still be on their way: how often the
   * clock had been set until then.
   */
  readUnder: number | undefined
  /** Number of the last signal that was believed, by the tracker's count. */
  lastSignal = 0
  /** When it last failed by itself, by systemd's stamps: not one that failed in a stop someone had asked for. */
  failedAtUsec: number | undefined
  /** The run is being stopped, and which unit's failure is the reason, if one is. */
  stopping: { readonly causedBy: string | undefined } | undefined
  /** Where the processes of the run `cgroupOf` are, or were; kept, for the directory goes with them. */
  cgroup: UnitCgroup | undefined
  cgroupOf = ''
  /** A job that did not begin the run has asked for its end. */
  endAsked = false
  /** What was said to come next when this run failed, or its start was refused. */
  outlook: Outlook | undefined
  /** Of the last end; empty once that is over, or while it is not known; undefined when there never was one. */
  verdict: Verdict | '' | undefined
  /** It has failed, and that it is failed no more was not told yet, as metrics tell states. */
  failureIsTold = false
  /** Announced or under way; not yet over. */
  restart: Restart | undefined
  /** The last run that began with a restart. */
  restarted = ''
  /** The last run that is known to have died for want of memory, whatever its result says. */
  oomRun = ''
  /** Of all instances of its template, where it is folded into that: they come and go, a count only grows. */
  readonly counters: UnitCounters
  readonly foldedInto: string | undefined
  /** Points it had in the last collection. */
  series = 0
  /** The job that began this run. */
  #startJob = 0
  /** A job ended that no state has shown: PID 1 merges states while its queue is full. */
  #unseenJob = false
  #scheduled = 0
  #lastState = unloadedState
  /** Since when the counters count, nanoseconds since 1970. */
  readonly sinceNs: bigint
  constructor(sinceNs: bigint, fold?: Fold) {
    this.sinceNs = sinceNs
    this.foldedInto = fold?.name
    this.counters = fold?.counters ?? new UnitCounters()
  }

  save(name: string): SavedUnit {
    const { counters, restart } = this
    return {
      name,
      sinceNs: String(this.sinceNs),
      ...(this.loaded ? { state: stateValues(this.machine.state), machine: this.machine.save() } : {}),
      ...(this.loaded && this.verdict !== undefined ? { verdict: this.verdict } : {}),
      ...(this.loaded && this.endAsked ? { endAsked: true } : {}),
      ...(restart === undefined ? {} : { restart: [restart.cause, restart.dueTo ?? '', restart.ended] }),
      // Those of a folded one are its fold's.
      ...(counters.restarts.size === 0 || this.foldedInto ? {} : { restarts: counters.saveRestarts() }),
      ...(counters.failures.size === 0 || this.foldedInto ? {} : { failures: counters.saveFailures() }),
    }
  }

  /** As it was saved: the next reading tells what has changed since. */
  static restore(saved: SavedUnit, fold?: Fold): TrackedUnit {
    const { state, machine, verdict, endAsked = false, restart, restarts = [], failures = [] } = saved
    const unit = new TrackedUnit(BigInt(saved.sinceNs), fold)
    if (fold === undefined) unit.counters.restore(restarts, failures)
    if (state === undefined || machine === undefined) return unit
    unit.loaded = true
    unit.machine.resume(stateOfValues(state), machine)
    unit.brief = unit.machine.state.activeState === 'active' // it may have been when it was saved
    unit.verdict = verdict
    unit.endAsked = endAsked
    const phase = unit.machine.phase
    unit.#startJob = phase === 'starting' ? unit.machine.state.jobId : 0
    if (restart !== undefined) {
      const [cause, dueTo, ended] = restart
      unit.restart = dueTo === '' ? { cause, ended } : { cause, dueTo, ended }
    }
    return unit
  }

  seed({ state, brief = false }: UnitSnapshot, clockSettings: number): void {
    this.machine.reset(state)
    this.brief = brief
    this.#startJob = phaseOf(state) === 'starting' ? state.jobId : 0
    this.loaded = true
    this.readUnder = clockSettings
    this.endAsked = false
    this.outlook = undefined
    this.#unseenJob = false
  }

  observe(state: UnitState, signal: number): Occurrence[] {
    this.readUnder = undefined
    this.brief = false
    this.lastSignal = signal
    this.#noteEnd(this.machine.state, state)
    return this.#observe(state)
  }

  /** A state of before, from the journal. */
  replay(state: UnitState): Occurrence[] {
    this.#noteEnd(this.machine.state, state)
    return this.#observe(state)
  }

  /** The machine was booted: nothing is as it was, and nobody has to be told. */
  forgetState(): void {
    this.#lastState = this.machine.state
    this.loaded = false
    this.restart = undefined
    this.verdict = undefined
    this.machine.reset(unloadedState)
  }

  /** Restarts of which NRestarts alone tells, and nothing else will. */
  countMissed(state: UnitState): void {
    if (state.nRestarts > 0) this.counters.countRestarts('auto', state, state.nRestarts)
  }

  observeRead({ state, brief = false }: UnitSnapshot, clockSettings: number): Occurrence[] {
    const known = this.machine.state
    this.brief = brief
    if (state.invocationId !== known.invocationId) this.#beginRun(phaseOf(state) === 'starting' ? state.jobId : 0)
    const happened = this.#observe(state)
    if (known.stateChangeUsec !== state.stateChangeUsec) this.readUnder = clockSettings
    return happened
  }

  /**
   * Whether a run ends because it fails by itself. A job that is not the one it was started by has asked for the end: PID 1
   * sends the state with the job still on it before it tells that the job is over (`bus_job_send_removed_signal`).
   */
  #noteEnd(prev: UnitState, next: UnitState): void {
    const [was, is] = [phaseOf(prev), phaseOf(next)]
    const fresh = next.invocationId !== prev.invocationId
    if (fresh) this.#beginRun(next.jobId)
    const unseenJob = this.#unseenJob
    this.#unseenJob = false
    const ran = was === 'up' || was === 'starting'
    if (fresh || is === 'up' || is === 'starting' || !(ran || (was === 'waiting' && is === 'down'))) return
    // A job that reloads is on its unit, too, and asks for no end.
    const reloads = prev.activeState === 'reloading' && prev.jobId === next.jobId
    // One that first shows with a failure was queued because of it: by Upholds=, or as its own OnFailure=. A stop shows before.
    const followsFailure = is === 'failed' && ran && prev.jobId !== next.jobId
    const anothersJob = next.jobId !== 0 && next.jobId !== this.#startJob && !followsFailure
    this.endAsked = unseenJob || (anothersJob && !reloads)
    if (is === 'down' || next.result === 'success' || next.result === '') return
    if (anothersJob) return
    const { activeExitUsec, inactiveExitUsec, stateChangeUsec } = next
    this.failedAtUsec = activeExitUsec > inactiveExitUsec ? activeExitUsec : stateChangeUsec
  }

  #beginRun(jobId: number): void {
    this.#startJob = jobId
    this.endAsked = false
    this.outlook = undefined
  }

  #observe(state: UnitState): Occurrence[] {
    this.loaded = true
    const phase = phaseOf(state)
    if (state.invocationId !== this.machine.state.invocationId || phase === 'up' || phase === 'starting')
      this.stopping = undefined
    const { nRestarts } = this.machine.state
    // systemd counts a restart when it schedules the job; several at once when signals were merged.
    if (state.nRestarts > nRestarts) this.#countScheduled(state, state.nRestarts - nRestarts)
    return this.machine.observe(state)
  }

  /** By how much NRestarts went up since this was asked last. */
  takeScheduled(): number {
    const scheduled = this.#scheduled
    this.#scheduled = 0
    return scheduled
  }

  /** Of several the last one alone has left a trace of why. */
  #countScheduled(state: UnitState, by: number): void {
    this.#scheduled += by
    const ended = this.machine.state
    const cause = this.restart?.ended === ended.invocationId ? this.restart.cause : autoCause(ended)
    const oom = this.oomRun !== '' && this.oomRun === ended.invocationId
    this.counters.countRestarts(oom ? 'oom' : cause, state, 1)
    if (by > 1) this.counters.countRestarts('auto', state, by - 1)
  }

  /** Takes the whole of a state of which a part is known. Where it is another one by now, a signal is on its way. */
  complete(state: UnitState): void {
    if (this.brief) this.machine.complete(state)
    this.brief = false
  }

  learn(facts: UnitFacts): Occurrence[] {
    this.facts = facts
    if (facts.unitFileState !== undefined) this.learnFileState(facts.unitFileState)
    return this.machine.learnOneshot(facts.serviceType === 'oneshot')
  }

  learnFileState(state: string): void {
    this.fileState = state
    this.fileStateHolds = true
  }

  /** systemd has read unit files anew. */
  forgetConfiguration(): void {
    this.facts = undefined
    this.fileStateHolds = false
  }

  jobRemoved(jobId: number, result: string): Occurrence[] {
    this.#unseenJob = result === 'done' && this.machine.state.jobId !== jobId
    return this.machine.jobRemoved(jobId, result)
  }

  /** Last state that was not that of a unit nobody has loaded. */
  get lastState(): UnitState {
    return this.loaded ? this.machine.state : this.#lastState
  }

  unloaded(): Occurrence[] {
    this.#lastState = this.machine.state
    this.loaded = false
    this.readUnder = undefined
    return this.machine.unloaded()
  }

  /** To be called with each occurrence, in order; `restart` is that of a restart that begins with it. */
  count({ kind, state, cause }: Occurrence, restart: Restart | undefined): void {
    switch (kind) {
      case 'restarting':
        this.restart = restart
        break
      case 'restarted':
        if (cause === 'manual') this.counters.countRestarts(this.restart?.cause ?? 'manual', state, 1)
        this.restarted = state.invocationId
        break
      case 'failed':
        this.failureIsTold = true
        this.restart = undefined
        this.counters.countFailure(state.result, state)
        break
      case 'startLimitHit':
        this.failureIsTold = true
        this.restart = undefined
        this.counters.countFailure('start-limit-hit', state)
        break
      case 'stopped':
        this.restart = undefined
        break
      case 'oomKilled':
        this.oomRun = state.invocationId
        break
      default:
        break
    }
  }
}
