import type { UnitState } from '../../data/signal-record.js'
import { assertNever } from '../../util/assert-never.js'
import { guiltyCommand } from './failure.js'
import type { Occurrence, Restarter } from './occurrence.js'
import { type Phase, phaseOf, unloadedState } from './unit-phase.js'
import { endedAt, isBad, isIdle, isSame } from './unit-state.js'

/** What has been told of the run that `#state.invocationId` names. */
type Run = (typeof runs)[number]
export const runs = ['preparing', 'up', 'ended'] as const

/**
 * Run, restart under way, whether the end of a run is held back until its job ends, result that was told by an event of its
 * own, and the state before the job that is on it: `activating auto-restart <InvocationID>`.
 */
export type MachineMemory = readonly [run: Run, restart: Restarter | '', held: boolean, warned: string, before: string]

/**
 * A transition whose meaning only the job's end tells: systemd's signals never say what a job is for.
 * `stop`: dead with a job still on it, the end of a stop or the middle of a restart.
 * `reload`: active again with the job still on it; ExecReload= may have failed.
 */
interface Held {
  readonly kind: 'stop' | 'reload'
  readonly jobId: number
  readonly state: UnitState
  readonly before: UnitState
}

/**
 * Turns the states of one unit, in the order systemd passed through them, into what happened.
 *
 * Pure: no clock, no I/O, nothing depends on how signals are grouped. A new InvocationID is what separates two runs;
 * systemd assigns it when a start really begins, which a state still called `inactive` or `failed` may already carry.
 */
export class UnitMachine {
  #state: UnitState = unloadedState
  /** The state from which `#state` was entered. */
  #enteredFrom: UnitState = unloadedState
  #run: Run = 'ended'
  /** Announced or under way, not yet completed. */
  #restart: Restarter | undefined
  #held: Held | undefined
  #job: { readonly id: number; readonly before: UnitState } | undefined
  /** Result that was already told by an event of its own (watchdog, oom-kill) in this run. */
  #warned = ''
  #oneshot = false
  /** The setting whose command this run's failure is of; empty where it is another's, or none. */
  #failedCommand = ''
  /** When the reload under way, or the last one, began: systemd's time; 0 for unknown. */
  #reloadBeganUsec = 0

  get state(): UnitState {
    return this.#state
  }

  get phase(): Phase {
    return phaseOf(this.#state)
  }

  get failedCommand(): string {
    return this.#failedCommand
  }

  /** What the state does not say, for `resume`. */
  save(): MachineMemory {
    const job = this.#job?.id === this.#state.jobId ? this.#job : undefined
    const before =
      job === undefined ? '' : [job.before.activeState, job.before.subState, job.before.invocationId].join(' ')
    return [this.#run, this.#restart ?? '', this.#held?.kind === 'stop', this.#warned, before]
  }

  /** Goes on where another one stopped: what that has told is not told again, and what it held back is not lost. */
  resume(state: UnitState, [run, restart, held, warned, before]: MachineMemory): void {
    this.reset(state)
    this.#run = run
    this.#restart = restart === '' ? undefined : restart
    this.#held = held ? { kind: 'stop', jobId: state.jobId, state, before: state } : undefined
    this.#warned = warned
    if (before === '') return
    const [activeState = '', subState = '', invocationId = ''] = before.split(' ')
    this.#job = { id: state.jobId, before: { ...state, activeState, subState, invocationId } }
  }

  /** Takes a state as given, without telling anything of how it came about. */
  reset(state: UnitState): void {
    this.#state = state
    this.#enteredFrom = state
    const phase = phaseOf(state)
    this.#run = phase === 'up' || phase === 'stopping' ? 'up' : phase === 'starting' ? 'preparing' : 'ended'
    if (phase === 'starting' && this.#oneshot && state.subState === 'start') this.#run = 'up'
    this.#restart = phase === 'waiting' ? 'auto' : undefined
    this.#held = undefined
    this.#job = undefined
    this.#warned = ''
    this.#failedCommand = ''
    this.#reloadBeganUsec = state.activeState === 'reloading' ? state.stateChangeUsec : 0
  }

  /** Takes what was left out when the state was read, unless it is another one by now. */
  complete(state: UnitState): void {
    if (isSame(state, this.#state)) this.#state = state
  }

  /** Type=oneshot counts as started when its command begins to run, all others when they are active. */
  learnOneshot(oneshot: boolean): Occurrence[] {
    this.#oneshot = oneshot
    const out: Occurrence[] = []
    this.#startOneshot(out, this.#state, this.#state)
    return out
  }

  observe(next: UnitState): Occurrence[] {
    const out: Occurrence[] = []
    const prev = this.#state
    this.#state = next
    const fresh = next.invocationId !== '' && next.invocationId !== prev.invocationId
    const phase = phaseOf(next)
    if (next.activeState === 'reloading' && prev.activeState !== 'reloading')
      this.#reloadBeganUsec = next.stateChangeUsec
    if (isBad(next) && !isBad(prev)) this.#failedCommand = guiltyCommand(prev, next)
    else if (fresh || !isBad(next)) this.#failedCommand = ''
    if (next.jobId !== 0 && next.jobId !== this.#job?.id) this.#job = { id: next.jobId, before: prev }
    this.#settleHeld(out, next, phase, fresh)
    if (fresh) this.#beginRun(out, prev, next)
    else if (this.#run === 'ended' && isIdle(phaseOf(prev)) && (phase === 'starting' || phase === 'up')) {
      this.#run = 'preparing' // types without InvocationID
      this.#warned = ''
    }
    // A start that has just begun: processes may exist, the state is still that of before.
    const preparing =
      fresh && next.jobId !== 0 && (phase === 'down' || (phase === 'failed' && next.result === 'success'))
    if (!preparing) this.#enter(out, prev, next, phase, fresh)
    if (prev.activeState !== next.activeState || prev.subState !== next.subState) this.#enteredFrom = prev
    return out
  }

  /** The unit's job has ended. */
  jobRemoved(jobId: number, result: string): Occurrence[] {
    const out: Occurrence[] = []
    const state = this.#state
    const held = this.#held
    if (held?.jobId === jobId) {
      this.#held = undefined
      if (held.kind === 'stop') this.#tellStopped(out, held.state, held.before)
      else if (result === 'done') this.#tellReloaded(out, held.state, held.before)
    }
    const job = this.#job?.id === jobId ? this.#job : undefined
    if (job !== undefined) this.#job = undefined
    if (job !== undefined && result === 'failed' && phaseOf(state) === 'failed' && this.#run === 'ended')
      this.#tellRefusedStart(out, job.before)
    out.push({ kind: 'jobFinished', state, before: job?.before ?? state, atUsec: 0, job: { id: jobId, result } })
    return out
  }

  /** systemd has unloaded the unit: it is inactive and nothing refers to it. */
  unloaded(): Occurrence[] {
    const out: Occurrence[] = []
    const held = this.#held
    if (held?.kind === 'stop') this.#tellStopped(out, held.state, held.before)
    else if (this.#run === 'up') {
      const before = this.#state
      const state = { ...before, activeState: 'inactive', subState: 'dead' }
      this.#tellStopped(out, state, before, { inferred: true, atUsec: 0 }) // its InactiveEnter is of an earlier run
    }
    this.reset(unloadedState)
    return out
  }

  #settleHeld(out: Occurrence[], next: UnitState, phase: Phase, fresh: boolean): void {
    const held = this.#held
    if (held === undefined) return
    if (!fresh && next.jobId === held.jobId && phase === phaseOf(held.state)) return
    this.#held = undefined
    if (held.kind === 'reload') {
      this.#tellReloaded(out, held.state, held.before)
    } else if (next.jobId !== held.jobId && next.jobId !== 0) {
      this.#tellStopped(out, held.state, held.before) // what begins now is another job's
    } else if (fresh || phase === 'starting' || phase === 'up') {
      // The same job goes on upwards: it was the first half of a restart.
      this.#run = 'ended'
      if (this.#restart === undefined)
        this.#tellRestarting(out, held.state, held.before, 'manual', held.state.inactiveEnterUsec)
    } else if (phase !== 'failed' || this.#restart !== 'auto') {
      this.#tellStopped(out, held.state, held.before)
    }
  }

  #beginRun(out: Occurrence[], prev: UnitState, next: UnitState): void {
    const counted = next.nRestarts > prev.nRestarts
    const job = this.#job?.id === next.jobId ? this.#job : undefined
    // PID 1 merges states when its queue is full: the end of the old run, or the auto-restart, was never sent.
    const unseen = this.#run === 'up' || (counted && this.#restart === undefined)
    // The stopping half of a restart job ended in failure, and its starting half begins.
    const resumed = this.#restart === undefined && job !== undefined && !isIdle(phaseOf(job.before))
    if (unseen || resumed) {
      // `prev` is of when the old run was last seen; when it ended, `next` still knows, unless the clock was set back.
      const atUsec = next.inactiveEnterUsec >= prev.stateChangeUsec ? next.inactiveEnterUsec : 0
      this.#tellRestarting(out, prev, prev, counted ? 'auto' : 'manual', atUsec, unseen)
    }
    this.#run = 'preparing'
    this.#warned = ''
  }

  #enter(out: Occurrence[], prev: UnitState, next: UnitState, phase: Phase, fresh: boolean): void {
    const was = phaseOf(prev)
    switch (phase) {
      case 'starting':
        this.#startOneshot(out, prev, next)
        break
      case 'up':
        if (this.#run !== 'up') this.#tellUp(out, prev, next, next.activeEnterUsec)
        if (prev.activeState === 'reloading' && next.activeState === 'active') this.#endReload(out, prev, next)
        break
      case 'stopping':
        this.#tellUnseenUp(out, prev, next)
        this.#warn(out, prev, next)
        break
      case 'failed':
        this.#fail(out, prev, next, was)
        break
      case 'waiting':
        if (was === 'waiting' && !fresh) break
        if (this.#run !== 'ended') this.#endUnseen(out, prev, next)
        this.#tellRestarting(out, next, prev, 'auto', next.stateChangeUsec)
        break
      case 'down':
        this.#goDown(out, prev, next, was, fresh)
        break
      default:
        assertNever(phase)
    }
  }

  #startOneshot(out: Occurrence[], prev: UnitState, next: UnitState): void {
    if (!this.#oneshot || this.#run !== 'preparing') return
    if (phaseOf(next) !== 'starting' || next.subState !== 'start') return
    this.#tellUp(out, prev, next, next.inactiveExitUsec)
  }

  #fail(out: Occurrence[], prev: UnitState, next: UnitState, was: Phase): void {
    if (next.result === 'success') return // a start has begun on a failed unit
    if (this.#run === 'ended') {
      // Timers and paths can fail without a run. With a job, its end tells whether the start was refused.
      if (was === 'down' && next.jobId === 0) this.#tellFailed(out, next, prev, { atUsec: next.stateChangeUsec })
      // The refusal of its restart was not seen.
      else if (was === 'waiting') this.#tellGivenUp(out, next, prev, true)
      return
    }
    this.#tellUnseenUp(out, prev, next)
    this.#tellFailed(out, next, prev)
  }

  /** Active was merged away between the start and the end of a run; its timestamp still tells. */
  #tellUnseenUp(out: Occurrence[], prev: UnitState, next: UnitState): void {
    if (this.#run !== 'preparing' || next.activeEnterUsec <= prev.activeEnterUsec) return
    this.#tellUp(out, prev, next, next.activeEnterUsec, true)
  }

  /** The state in which a run ended was merged away; its result still tells how. */
  #endUnseen(out: Occurrence[], prev: UnitState, next: UnitState): void {
    this.#tellUnseenUp(out, prev, next)
    if (next.result !== 'success' && next.result !== '') this.#tellFailed(out, next, prev, { inferred: true })
    else this.#tellStopped(out, next, prev, { inferred: true })
  }

  #goDown(out: Occurrence[], prev: UnitState, next: UnitState, was: Phase, fresh: boolean): void {
    if (was === 'failed' && !fresh) {
      this.#restart = undefined // reset-failed
      return
    }
    if (was === 'down' && !fresh) return
    this.#tellUnseenUp(out, prev, next)
    if (this.#run === 'preparing') {
      // Only a oneshot goes from `activating` straight to `inactive` with success: any other would fail by protocol.
      const ran = next.result === 'success' && (next.execMainCode !== 0 || fresh)
      if (ran && fresh) this.#tellUp(out, prev, next, next.inactiveExitUsec, true)
      else if (ran && was === 'starting') {
        this.#oneshot = true
        this.#tellUp(out, this.#enteredFrom, prev, prev.inactiveExitUsec)
      } else if (was === 'starting') {
        this.#run = 'ended' // ExecCondition= said no: nothing ever ran
        return
      }
    }
    if (next.jobId !== 0) this.#held = { kind: 'stop', jobId: next.jobId, state: next, before: prev }
    else this.#tellStopped(out, next, prev)
  }

  #endReload(out: Occurrence[], prev: UnitState, next: UnitState): void {
    if (next.jobId === 0) this.#tellReloaded(out, next, prev)
    else this.#held = { kind: 'reload', jobId: next.jobId, state: next, before: prev }
  }

  /** A start job failed without a run having begun. */
  #tellRefusedStart(out: Occurrence[], jobBefore: UnitState): void {
    const state = this.#state
    if (jobBefore.invocationId !== state.invocationId) return
    const phaseBefore = phaseOf(jobBefore)
    // Result stays that of the last run when there was one (systemd 252), so it alone does not tell.
    if (state.result === 'start-limit-hit' || phaseBefore === 'waiting' || phaseBefore === 'failed') {
      this.#tellGivenUp(out, state, jobBefore)
    } else if (phaseBefore === 'down') this.#tellFailed(out, state, jobBefore, { atUsec: state.stateChangeUsec })
  }

  #warn(out: Occurrence[], before: UnitState, state: UnitState): void {
    if (this.#warned === state.result) return
    const kind = state.result === 'watchdog' ? 'watchdogTimeout' : state.result === 'oom-kill' ? 'oomKilled' : undefined
    if (kind === undefined) return
    this.#warned = state.result
    out.push({ kind, state, before, atUsec: state.stateChangeUsec })
  }

  #tellUp(out: Occurrence[], before: UnitState, state: UnitState, atUsec: number, inferred = false): void {
    const cause = this.#restart
    this.#run = 'up'
    this.#restart = undefined
    const head = { state, before, atUsec, ...(inferred ? { inferred } : {}) }
    out.push(cause === undefined ? { kind: 'started', ...head } : { kind: 'restarted', cause, ...head })
  }

  #tellStopped(out: Occurrence[], state: UnitState, before: UnitState, how: Partial<Occurrence> = {}): void {
    this.#run = 'ended'
    this.#restart = undefined
    out.push({ kind: 'stopped', state, before, atUsec: endedAt(state), ...how })
  }

  #tellFailed(out: Occurrence[], state: UnitState, before: UnitState, how: Partial<Occurrence> = {}): void {
    this.#warn(out, before, state)
    this.#run = 'ended'
    this.#restart = undefined
    out.push({ kind: 'failed', state, before, atUsec: endedAt(state), ...how, ...this.#guilty(state) })
  }

  #tellRestarting(
    out: Occurrence[],
    state: UnitState,
    before: UnitState,
    cause: Restarter,
    atUsec: number,
    inferred = false,
  ): void {
    this.#restart = cause
    this.#run = 'ended'
    out.push({
      kind: 'restarting',
      state,
      before,
      atUsec,
      cause,
      ...(inferred ? { inferred } : {}),
      ...this.#guilty(state),
    })
  }

  /** Of a state that is the end of this run. */
  #guilty(state: UnitState): Pick<Occurrence, 'command'> {
    return this.#failedCommand === '' || !isBad(state) ? {} : { command: this.#failedCommand }
  }

  #tellGivenUp(out: Occurrence[], state: UnitState, before: UnitState, inferred = false): void {
    this.#restart = undefined
    const head = {
      kind: 'startLimitHit',
      state,
      before,
      atUsec: state.stateChangeUsec,
      ...this.#guilty(state),
    } as const
    out.push(inferred ? { ...head, inferred } : head)
  }

  #tellReloaded(out: Occurrence[], state: UnitState, before: UnitState): void {
    const beganUsec = this.#reloadBeganUsec
    out.push({ kind: 'reloaded', state, before, atUsec: state.stateChangeUsec, beganUsec })
  }
}
