import type { Resource } from '../../data/resource.js'

/**
 * A piece of a unit's part in an incident, once it is over.
 *
 * - `run`: one that failed, from its begin or from that of the trouble
 * - `restart`: from a failure to the next run, which systemd began by itself
 * - `down`: not running, and nobody was starting it
 * - `up`: running again, until the incident was resolved or the unit was stopped
 */
export interface Stretch {
  readonly kind: 'run' | 'restart' | 'down' | 'up'
  readonly unit: string
  readonly resource: Resource
  readonly startNano: bigint
  readonly endNano: bigint
  /** The run it is, or the one before it. */
  readonly runId: string
  /** How the run ended. */
  readonly reason: string
  /** The unit that took it down. */
  readonly cause: string | undefined
  /** Number within the incident, from 1. */
  readonly number: number
}
