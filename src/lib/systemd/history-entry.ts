/** What one of PID 1's journal messages tells of a unit. */
export type HistoryKind =
  | 'started'
  | 'stopping'
  | 'stopped'
  | 'deactivated'
  | 'failed'
  | 'exited'
  | 'restart_scheduled'
  | 'start_failed'
  | 'oom_killed'

/**
 * systemd's messages by MESSAGE_ID (sd-messages.h). Only those of PID 1 count: anybody may write the same ID.
 * `deactivated` is an end in order, `stopped` the end of a job that stops or restarts, `exited` that of the main process.
 * `stopping` is said where a job has something to end.
 */
export const historyMessages: ReadonlyMap<string, HistoryKind> = new Map([
  ['39f53479d3a045ac8e11786248231fbf', 'started'],
  ['de5b426a63be47a7b6ac3eaac82e2f6f', 'stopping'],
  ['9d1aaa27d60140bd96365438aad20286', 'stopped'],
  ['7ad2d189f7e94e70a38c781354912448', 'deactivated'],
  ['d9b373ed55a64feb8242e02dbe79a49c', 'failed'],
  ['98e322203f7a4ed290d09fe03c09fe15', 'exited'],
  ['5eb03494b6584870a536b337290809b3', 'restart_scheduled'],
  ['be02cf6855d2428ba40df7e9d022f03d', 'start_failed'],
  ['fe6faa94e7774663a0da52717891d8ef', 'oom_killed'],
])

/** One message of PID 1 about a unit, from the journal. */
export interface HistoryEntry {
  readonly kind: HistoryKind
  /** UNIT= */
  readonly unit: string
  /** _SOURCE_REALTIME_TIMESTAMP, when PID 1 said it, microseconds since 1970; journald's own time only where that is missing. */
  readonly atUsec: number
  /** _BOOT_ID, 32 hex digits. */
  readonly bootId: string
  /** INVOCATION_ID, 32 hex digits; empty where the unit had none. `restart_scheduled` names the run that ended. */
  readonly invocationId: string
  /** UNIT_RESULT= of `failed`, JOB_RESULT= of `started`, `stopped` and `start_failed`. */
  readonly result?: string
  /** EXIT_CODE= of `exited`. */
  readonly exitCode?: 'exited' | 'killed' | 'dumped'
  /** EXIT_STATUS= of `exited`: a number, or a signal's without `SIG`. */
  readonly exitStatus?: string
  /** N_RESTARTS= of `restart_scheduled`. */
  readonly nRestarts?: number
  /** JOB_ID=, JOB_TYPE= where a job has said it. A restart's stopping half is `restart`, its starting half `start`, of one ID. */
  readonly jobId?: number
  readonly jobType?: string
}
