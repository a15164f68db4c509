import type { UnitState } from '../../data/signal-record.js'
import { type Phase, phaseOf } from './unit-phase.js'

/** When the run that this state is the end of ended. */
export function endedAt(state: UnitState): number {
  // RestartMode=direct never leaves `activating`, so InactiveEnter stays that of an earlier life.
  const left = phaseOf(state) === 'waiting' || state.inactiveEnterUsec >= state.inactiveExitUsec
  return left ? state.inactiveEnterUsec : state.stateChangeUsec
}

/** Each change of a state is stamped, but for a job that comes, and a restart that is scheduled. */
export function isSame(a: UnitState, b: UnitState): boolean {
  return (
    a.stateChangeUsec === b.stateChangeUsec &&
    a.invocationId === b.invocationId &&
    a.jobId === b.jobId &&
    a.nRestarts === b.nRestarts
  )
}

/** Its result says that its last run failed. */
export function isBad({ result }: UnitState): boolean {
  return result !== 'success' && result !== ''
}

/** Nothing of it runs, and nothing is to. */
export function isIdle(phase: Phase): boolean {
  return phase === 'down' || phase === 'failed'
}
