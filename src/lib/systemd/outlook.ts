import type { UnitState } from '../../data/signal-record.js'
import type { ExitStatuses, RestartPolicy } from '../../data/unit-snapshot.js'
import type { Occurrence } from './occurrence.js'
import type { TrackedUnit } from './tracked-unit.js'
import { phaseOf } from './unit-phase.js'
import type { Outlook } from './verdict.js'

/** How an occurrence came to be known. */
export interface Telling {
  /** The unit whose failure is the reason, where one is. */
  readonly causedBy: string | undefined
  /** From a reading of states, which shows where the unit has come to rest. */
  readonly read: boolean
}

const gaveUp: Outlook = Object.freeze({ verdict: 'gave_up' })
const byOperator: Outlook = Object.freeze({ verdict: 'stopped_by_operator' })
const byDependency: Outlook = Object.freeze({ verdict: 'dependency' })
const notMet: Outlook = Object.freeze({ verdict: 'condition_not_met' })

/** Undefined where there is none (a start, an end nobody has to think of) and where the configuration is not known yet. */
export function outlookOf(what: Occurrence, name: string, unit: TrackedUnit, told: Telling): Outlook | undefined {
  switch (what.kind) {
    case 'failed':
    case 'stopped':
      return ofEnd(what, name, unit, told)
    case 'restarting':
      return willRestart(what.state, unit, what.cause === 'auto' && phaseOf(what.state) === 'waiting')
    case 'startLimitHit':
      return gaveUp
    case 'jobFinished':
      return ofJob(what, unit, told)
    default:
      return undefined
  }
}

function ofEnd(what: Occurrence, name: string, unit: TrackedUnit, told: Telling): Outlook | undefined {
  const { state, kind } = what
  // A state that says so itself; the last one since systemd 254.
  if (phaseOf(state) === 'waiting' || state.subState.endsWith('-before-auto-restart'))
    return willRestart(state, unit, true)
  if (kind === 'stopped' && refusedByCondition(unit.machine.state, state)) return notMet
  if (told.causedBy !== undefined) return byDependency
  if (unit.endAsked) return byOperator
  if (state.result === 'start-limit-hit') return gaveUp
  const restarts = restartsAfter(name, unit.facts?.restart, state)
  if (restarts === undefined) return undefined
  // systemd schedules the restart in the same call, so a state that was read and is not `waiting` is a refusal.
  const atRest = told.read || what.inferred === true
  if (kind === 'failed') return restarts && !atRest ? willRestart(state, unit, true) : gaveUp
  if (restarts) return atRest ? byOperator : willRestart(state, unit, true)
  return undefined // it has done its work
}

function ofJob(what: Occurrence, unit: TrackedUnit, told: Telling): Outlook | undefined {
  if (conditionStoppedIt(what)) return notMet
  switch (what.job?.result) {
    case 'dependency':
      return byDependency
    case 'assert':
      return notMet
    case 'failed':
    case 'timeout':
      return phaseOf(what.state) === 'waiting' ? willRestart(what.state, unit, true) : unit.outlook
    case 'canceled':
      // A start that was taken back; where the unit is up nothing has come of it.
      if (phaseOf(what.state) === 'up') return undefined
      return told.causedBy === undefined ? byOperator : byDependency
    default:
      return undefined
  }
}

/** @param delayed - RestartSec= begins with this state; a job's restart does not wait for it */
function willRestart(state: UnitState, unit: TrackedUnit, delayed: boolean): Outlook {
  const delay = unit.facts?.restart?.delayUsec
  const dueUsec = delayed && delay !== undefined ? state.stateChangeUsec + delay : Number.NaN
  // RestartSec=infinity is 2^64 - 1: no date at all.
  return Number.isSafeInteger(dueUsec) ? { verdict: 'will_restart', dueUsec } : { verdict: 'will_restart' }
}

const crashes = ['signal', 'core-dump']
const inOrder = ['success', 'exec-condition']

/** Which results Restart= covers (systemd.service(5), table 1; `service_shall_restart` of systemd 252). */
const covered: Readonly<Record<string, (result: string) => boolean>> = {
  no: () => false,
  always: () => true,
  'on-success': (result) => result === 'success',
  'on-failure': (result) => !inOrder.includes(result),
  'on-abnormal': (result) => result !== 'exit-code' && !inOrder.includes(result),
  'on-abort': (result) => crashes.includes(result),
  'on-watchdog': (result) => result === 'watchdog',
}

/** Whether systemd starts the unit again after it has ended by itself like this; undefined where that is not known. */
export function restartsAfter(name: string, policy: RestartPolicy | undefined, state: UnitState): boolean | undefined {
  if (!name.endsWith('.service')) return false // only services have Restart=
  if (policy === undefined) return undefined
  if (holds(policy.prevent, state)) return false
  if (holds(policy.force, state)) return true
  return covered[policy.when]?.(state.result)
}

/** ExecMainCode is the si_code of waitid(2): 1 exited, 2 killed, 3 dumped. */
function holds({ codes, signals }: ExitStatuses, { execMainCode, execMainStatus }: UnitState): boolean {
  if (execMainCode === 1) return codes.includes(execMainStatus)
  return (execMainCode === 2 || execMainCode === 3) && signals.includes(execMainStatus)
}

/**
 * A job that is `done` has started nothing, because it checked the conditions and one was not met, or ExecCondition= said
 * no. A result of `false` alone says nothing: that is also what was never checked, and the job may be a stop.
 */
export function conditionStoppedIt({ kind, job, state, before }: Occurrence): boolean {
  if (kind !== 'jobFinished' || job?.result !== 'done' || state.activeState !== 'inactive') return false
  if (refusedByCondition(state, before)) return true
  return state.result === 'exec-condition' && state.invocationId !== before.invocationId
}

function refusedByCondition(now: UnitState, before: UnitState): boolean {
  return !now.conditionResult && now.conditionUsec !== before.conditionUsec
}
