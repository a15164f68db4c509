import type { UnitState } from '../../data/signal-record.js'

/**
 * Why a unit was restarted.
 *
 * - `auto`: by systemd, as Restart= says; `watchdog`, `oom`: the same, and the run had ended like that
 * - `manual`: by a job that no other unit explains
 * - `dependency`: by a job, because a unit that this one needs or is part of was restarted at the same time
 * - `remediation`: by a job that this agent has asked for
 */
export type RestartCause = 'auto' | 'watchdog' | 'oom' | 'manual' | 'dependency' | 'remediation'

export const restartCauses = ['auto', 'manual', 'dependency', 'watchdog', 'oom', 'remediation'] as const

/** A restart that was announced, or is over. */
export interface Restart {
  readonly cause: RestartCause
  /** The unit whose restart is the reason, with `dependency`. */
  readonly dueTo?: string
  /** The run that ended. */
  readonly ended: string
}

/** Cause of a restart by systemd itself, from the last state of the run that ended. */
export function autoCause({ result }: UnitState): RestartCause {
  return result === 'watchdog' ? 'watchdog' : result === 'oom-kill' ? 'oom' : 'auto'
}
