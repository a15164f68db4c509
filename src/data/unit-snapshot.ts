import type { UnitState } from './signal-record.js'

/** What a unit's configuration says, as far as it matters here; read over D-Bus, unchanged until daemon-reload. */
export interface UnitFacts {
  /** Type= of services, e.g. `notify`; empty for others. */
  readonly serviceType: string
  /** Units whose absence keeps this one from starting: Requires=, Requisite=, BindsTo=. */
  readonly requires: readonly string[]
  /** Units whose end stops this one: BindsTo=. */
  readonly bindsTo: readonly string[]
}

export const noFacts: UnitFacts = Object.freeze({ serviceType: '', requires: [], bindsTo: [] })

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
