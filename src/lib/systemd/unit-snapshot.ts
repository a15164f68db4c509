import type { UnitState } from '../../data/signal-record.js'
import type { UnitFacts } from './unit-facts.js'

/** A row of Manager.ListUnits(), as far as it is used. */
export interface ListedUnit {
  readonly name: string
  /** `loaded`, `not-found`, `masked`, `error`, ... */
  readonly loadState: string
  readonly activeState: string
  readonly subState: string
  readonly jobId: number
}

/** A unit as systemd described it on request. */
export interface UnitSnapshot {
  readonly name: string
  readonly state: UnitState
  /** Absent where they were not asked for. */
  readonly facts?: UnitFacts
}

/** Everything known at one moment: the beginning of a session, or of a recording. */
export interface Snapshot {
  /** CLOCK_REALTIME when it was complete. */
  readonly realtimeNs: bigint
  readonly units: readonly UnitSnapshot[]
}
