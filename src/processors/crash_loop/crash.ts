import type { UnitSignal } from '../../lib/patterns/detector.js'
import { attr } from '../../lib/systemd/names.js'

/** A run that ended by itself, in failure or too early. Times are steady milliseconds. */
export interface Crash {
  readonly atMs: number
  /** The run that crashed; empty where it is not known. */
  readonly run: string
  readonly how: string
  /** How long it had been up: 0 for a start that failed, NaN where that is not known. */
  readonly upMs: number
  /** systemd has scheduled the next run by itself. */
  restarted: boolean
  /** How long that took to begin; NaN while it is waited for. */
  waitedMs: number
  /** `no`: of a quiet time; `perhaps`: of one that would be no excuse if it went on. */
  counts: 'yes' | 'perhaps' | 'no'
}

/** How a run ended that nobody told of: only a counter or the next run did. */
export const kUnseen = 'unseen'

/** A clean exit before that is no work that was done. */
export const kBriefMs = 30_000

/** How long the run had been up that the signal tells the end of. */
export function upMs({ attributes }: UnitSignal['event'], sinceMs: number, atMs: number): number {
  const usec = (name: string): number => Number(attributes[name] ?? Number.NaN)
  const enter = usec(attr.activeEnterUsec)
  const exit = usec(attr.activeExitUsec)
  // Of a start that failed they are those of an earlier run.
  if (enter < usec(attr.inactiveExitUsec)) return 0
  if (exit >= enter) return (exit - enter) / 1000
  // A clock that was set back by less than a second moves no steady time.
  return Math.max(atMs - sinceMs, 0)
}
