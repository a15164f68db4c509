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

/** Of a run's stamps, microseconds since 1970; 0 or NaN for unknown. */
export type StopStamps = Readonly<
  Record<'inactiveExitUsec' | 'activeExitUsec' | 'inactiveEnterUsec' | 'execMainStartUsec', number>
>

/**
 * How long the last stop took, microseconds; undefined where that is not known. A start that failed leaves ActiveExit of the run
 * before: then something began between the two. Where all that began has been stamped anew since, nothing shows it.
 */
export function stopUsec(stamps: StopStamps): number | undefined {
  const { inactiveExitUsec, activeExitUsec, inactiveEnterUsec, execMainStartUsec } = stamps
  if (!(activeExitUsec > 0 && inactiveEnterUsec >= activeExitUsec)) return undefined
  const isOfAnother = [inactiveExitUsec, execMainStartUsec].some(
    (beganUsec) => activeExitUsec < beganUsec && beganUsec < inactiveEnterUsec,
  )
  return isOfAnother ? undefined : inactiveEnterUsec - activeExitUsec
}
