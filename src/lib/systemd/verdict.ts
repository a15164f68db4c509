/**
 * What happens next to a unit that ended, or to a job that did not do what it was for.
 *
 * - `will_restart`: systemd starts it again by itself, or a restart job does
 * - `gave_up`: it stays down until somebody acts: started too often, or Restart= does not cover how it ended
 * - `stopped_by_operator`: a job asked for the end, and no other unit's failure is known to be the reason
 * - `dependency`: another unit's failure is the reason
 * - `condition_not_met`: a start was due, and a condition or assertion did not allow it
 */
export type Verdict = (typeof verdicts)[number]

export const verdicts = ['will_restart', 'gave_up', 'stopped_by_operator', 'dependency', 'condition_not_met'] as const

export interface Outlook {
  readonly verdict: Verdict
  /** When systemd starts it again, microseconds since 1970; only with `will_restart`, and where the delay is known. */
  readonly dueUsec?: number
}
