import type { UnitState } from '../../data/signal-record.js'
import { phaseOf } from './unit-phase.js'

/** When this run was left, microseconds since 1970; undefined when it never was active. */
export function leftUsec({ activeExitUsec, inactiveExitUsec }: UnitState): number | undefined {
  return activeExitUsec >= inactiveExitUsec && activeExitUsec > 0 ? activeExitUsec : undefined
}

/** Whether a unit that is in `state` now ran at a time from `sinceUsec` to `usec`, by systemd's own stamps of its last run. */
export function ranAt(state: UnitState, usec: number, sinceUsec = usec): boolean {
  if (state.inactiveExitUsec >= usec) return false
  const phase = phaseOf(state)
  return phase === 'up' || phase === 'starting' || (leftUsec(state) ?? state.stateChangeUsec) >= sinceUsec
}

/** How it was in that time: `starting` is also one that waits for a job now, or came up later. */
export function stateAt(state: UnitState, usec: number, sinceUsec = usec): 'up' | 'starting' | 'down' {
  const phase = phaseOf(state)
  if (phase !== 'starting' && ranAt(state, usec, sinceUsec)) return 'up'
  return phase === 'up' || phase === 'starting' || phase === 'waiting' || state.jobId !== 0 ? 'starting' : 'down'
}
