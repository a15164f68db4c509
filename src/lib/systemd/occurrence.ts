import type { UnitState } from '../../data/signal-record.js'
import type { OomReport } from './oom-run.js'

/** Who restarts a unit: systemd itself, as Restart= says, or a job. */
export type Restarter = 'auto' | 'manual'

/** Something that happened to one unit, before it is dressed up as an event. */
export interface Occurrence {
  readonly kind:
    | 'started'
    | 'stopped'
    | 'failed'
    | 'restarting'
    | 'restarted'
    | 'reloaded'
    | 'startLimitHit'
    | 'oomKilled'
    | 'watchdogTimeout'
    | 'jobFinished'
  /** The state that tells of it: its run, exit status and timestamps are those the event is about. */
  readonly state: UnitState
  readonly before: UnitState
  /** systemd's timestamp of this transition, microseconds since 1970; 0 where systemd keeps none (jobs). */
  readonly atUsec: number
  /** When it began, as `atUsec`: of what takes time and is told at its end (reloads). */
  readonly beganUsec?: number
  readonly cause?: Restarter
  readonly job?: { readonly id: number; readonly result: string }
  /** Of a failure that is a command's beside the main process, its setting: `ExecStartPre=`. */
  readonly command?: string
  /** Of oomKilled, where the kernel was asked, too. */
  readonly oom?: OomReport
  /** Concluded from two states that are not neighbours: what lay between was never seen. */
  readonly inferred?: boolean
}
