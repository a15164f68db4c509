import type { Resource } from '../../data/resource.js'
import type { UnitState } from '../../data/signal-record.js'
import type { UnitFacts } from '../../data/unit-snapshot.js'
import type { Occurrence, RestartCause } from './occurrence.js'
import { UnitMachine } from './unit-machine.js'
import { phaseOf } from './unit-phase.js'
import type { Outlook } from './verdict.js'

/** A counter with the run that last moved it, for exemplars. */
export interface RunCounter {
  value: number
  invocationId: string
  atUsec: number
}

/** Where a unit's processes are. */
export interface UnitCgroup {
  /** What the kernel calls it by (`bpf_get_current_cgroup_id`): the inode of its directory. */
  readonly id: number
  readonly slice: string
  /** When the directory was made or last changed, microseconds since 1970. */
  readonly changedUsec: number
}

/** Results that systemd 252 knows (`service-result` in src/core/service.c has 12); anything past it shares one counter. */
const kMaxResults = 24

/** Most units never fail; two empty maps for each would be 300 bytes. */
const noCounters: ReadonlyMap<never, RunCounter> = new Map<never, RunCounter>()

/** One unit: its machine, what is known of its configuration, and its counters. */
export class TrackedUnit {
  readonly machine = new UnitMachine()
  facts: UnitFacts | undefined
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
  /** The job that began this run. */
  #startJob = 0
  /** A job ended that no state has shown: PID 1 merges states while its queue is full. */
  #unseenJob = false
  /** Since when the counters count, nanoseconds since 1970. */
  readonly sinceNs: bigint
  /** Own counts: systemd's NRestarts is reset by reset-failed and by unloading. */
  #restarts: Map<RestartCause, RunCounter> | undefined
  #failures: Map<string, RunCounter> | undefined

  constructor(sinceNs: bigint) {
    this.sinceNs = sinceNs
  }

  get restarts(): ReadonlyMap<RestartCause, RunCounter> {
    return this.#restarts ?? noCounters
  }

  get failures(): ReadonlyMap<string, RunCounter> {
    return this.#failures ?? noCounters
  }

  get hasCounts(): boolean {
    return this.#restarts !== undefined || this.#failures !== undefined
  }

  seed(state: UnitState, clockSettings: number): void {
    this.machine.reset(state)
    this.#startJob = phaseOf(state) === 'starting' ? state.jobId : 0
    this.loaded = true
    this.readUnder = clockSettings
    this.endAsked = false
    this.outlook = undefined
    this.#unseenJob = false
  }

  observe(state: UnitState, signal: number): Occurrence[] {
    this.readUnder = undefined
    this.lastSignal = signal
    this.#noteEnd(this.machine.state, state)
    return this.#observe(state)
  }

  observeRead(state: UnitState, clockSettings: number): Occurrence[] {
    const known = this.machine.state
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
    const anothersJob = next.jobId !== 0 && next.jobId !== this.#startJob
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
    if (state.nRestarts > nRestarts) this.#countRestarts('auto', state, state.nRestarts - nRestarts)
    return this.machine.observe(state)
  }

  learn(facts: UnitFacts): Occurrence[] {
    this.facts = facts
    return this.machine.learnOneshot(facts.serviceType === 'oneshot')
  }

  jobRemoved(jobId: number, result: string): Occurrence[] {
    this.#unseenJob = result === 'done' && this.machine.state.jobId !== jobId
    return this.machine.jobRemoved(jobId, result)
  }

  unloaded(): Occurrence[] {
    this.loaded = false
    this.readUnder = undefined
    return this.machine.unloaded()
  }

  count({ kind, state, cause }: Occurrence): void {
    if (kind === 'restarted' && cause === 'manual') this.#countRestarts('manual', state, 1)
    else if (kind === 'failed') this.#countFailure(state.result, state)
    else if (kind === 'startLimitHit') this.#countFailure('start-limit-hit', state)
  }

  #countRestarts(cause: RestartCause, state: UnitState, by: number): void {
    this.#restarts ??= new Map()
    bump(this.#restarts, cause, state, by)
  }

  #countFailure(result: string, state: UnitState): void {
    this.#failures ??= new Map()
    const name = this.#failures.has(result) || this.#failures.size < kMaxResults ? result : 'other'
    bump(this.#failures, name, state, 1)
  }
}

function bump<K>(counters: Map<K, RunCounter>, key: K, state: UnitState, by: number): void {
  const known = counters.get(key)
  const value = (known?.value ?? 0) + by
  counters.set(key, { value, invocationId: state.invocationId, atUsec: state.stateChangeUsec })
}
