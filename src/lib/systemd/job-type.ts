import type { UnitState } from '../../data/signal-record.js'
import { phaseOf } from './unit-phase.js'

/** What a job did to its unit; systemd's own word for it is not signalled. */
export type JobType = 'start' | 'stop' | 'restart' | 'reload'

/**
 * Concluded from the unit's state before the job and after it; undefined where it did nothing: a start that was refused,
 * or of a unit that was up already.
 */
export function jobTypeOf(before: UnitState, after: UnitState): JobType | undefined {
  const [was, is] = [phaseOf(before), phaseOf(after)]
  const fresh = after.invocationId !== before.invocationId
  if (was === 'down' || was === 'failed' || was === 'waiting') return fresh ? 'start' : undefined
  if (fresh) return 'restart'
  if (is === 'down' || is === 'failed') return was === 'starting' && is === 'failed' ? 'start' : 'stop'
  if (was === 'starting') return is === 'up' ? 'start' : undefined
  return is === 'up' && after.stateChangeUsec !== before.stateChangeUsec ? 'reload' : undefined
}
