import type { Resource } from '../../data/resource.js'
import type { Cause } from './cause.js'

/**
 * What a unit did, as far as incidents go.
 *
 * - `failing`: it is being stopped for what it did (watchdog, memory); `failed` follows
 * - `failed`: a run has failed
 * - `refused`: it may not be started any more (start limit)
 * - `taken_down`: another unit's failure has stopped it, or kept it from starting
 * - `waiting`: systemd will start it again
 * - `starting`, `up`
 * - `done`: it has ended well by itself
 * - `ended`: somebody has stopped it, or a condition keeps it down: nobody waits for it
 */
export type ReportKind =
  | 'failing'
  | 'failed'
  | 'refused'
  | 'taken_down'
  | 'waiting'
  | 'starting'
  | 'up'
  | 'done'
  | 'ended'

export interface Impact {
  readonly willStop: readonly string[]
  readonly mayDegrade: readonly string[]
  readonly count: number
}

export interface UnitReport {
  readonly kind: ReportKind
  readonly unit: string
  /** Tells managers apart: units depend only on others of their own. */
  readonly scope: string
  /** When it happened, and when the trouble began: a failed unit may take long to be down. Nanoseconds since 1970. */
  readonly atNano: bigint
  readonly beganNano: bigint
  /** When the run it is about began; undefined when that is not known. */
  readonly runBeganNano: bigint | undefined
  /** InvocationID of that run, or empty. */
  readonly runId: string
  /** `exit-code 3`, `signal SIGSEGV`; of what has not failed, empty. */
  readonly reason: string
  /** What comes next, where that is known. */
  readonly verdict: 'will_restart' | 'gave_up' | undefined
  /** The unit whose failure is the reason, as systemd or the graph has it. */
  readonly cause: Cause | undefined
  /** What ran out of memory: the cgroup that met its limit, or the machine; units of one scope have one cause. */
  readonly memoryScope: string | undefined
  /** What the failure was expected to take down with it. */
  readonly impact: Impact | undefined
  readonly resource: Resource
}

/** Whether it makes an incident where there is none. */
export function isTrouble({ kind, cause }: UnitReport): boolean {
  return kind === 'failing' || kind === 'failed' || kind === 'refused' || (kind === 'taken_down' && cause !== undefined)
}

/** As a line of the incident's story. */
export function storyOf({ unit, kind, reason, cause }: UnitReport): string {
  const because = cause === undefined ? '' : ` because of ${cause.unit}`
  switch (kind) {
    case 'failed':
    case 'failing':
      return `${unit} failed${reason === '' ? '' : ` (${reason})`}${because}`
    case 'refused':
      return `${unit} gave up`
    case 'taken_down':
      return `${unit} is down${because}`
    case 'waiting':
      return `${unit} waits for its restart`
    case 'starting':
      return `${unit} is starting`
    case 'up':
      return `${unit} is up`
    case 'done':
      return `${unit} is done`
    case 'ended':
      return `${unit} was stopped`
  }
}
