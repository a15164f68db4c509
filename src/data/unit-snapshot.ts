import type { UnitState } from './signal-record.js'
import type { UnitDependencies } from './unit-dependencies.js'

/** What a unit's configuration says, as far as it matters here; read over D-Bus, unchanged until daemon-reload. */
export interface UnitFacts {
  /** Type= of services, e.g. `notify`; empty for others. */
  readonly serviceType: string
  /** Type= of mounts, e.g. `ext4`. */
  readonly mountType?: string
  /** Slice it lies in, e.g. `system.slice`; empty where it has none, or is not known. */
  readonly slice?: string
  /** It must not be started (`systemctl mask`). */
  readonly masked?: boolean
  /**
   * `enabled`, `disabled`, `static`, `generated`, ... (systemctl(1), is-enabled); empty without a unit file. Recordings of
   * before have it; what is read from systemd has not, for it is dear (decision 0187).
   */
  readonly unitFileState?: string
  /** RemainAfterExit= of services: active although no process is left. */
  readonly remainAfterExit?: boolean
  /** Of services: what systemd does when one ends by itself. Absent where it is not known. */
  readonly restart?: RestartPolicy
}

/** Restart= and what else systemd looks at before it starts a service again (`service_shall_restart`, systemd 252). */
export interface RestartPolicy {
  /** `no`, `always`, `on-success`, `on-failure`, `on-abnormal`, `on-abort`, `on-watchdog` */
  readonly when: string
  /** RestartSec=; `infinity` is past every date. Older recordings have 0 where nothing restarts the service. */
  readonly delayUsec: number
  /** RestartPreventExitStatus=, RestartForceExitStatus=: both are looked at before `when`, in this order. */
  readonly prevent: ExitStatuses
  readonly force: ExitStatuses
}

/** Exit codes and signals by number. */
export interface ExitStatuses {
  readonly codes: readonly number[]
  readonly signals: readonly number[]
}

export const noStatuses: ExitStatuses = Object.freeze({ codes: [], signals: [] })

export const noFacts: UnitFacts = Object.freeze({ serviceType: '' })

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
  /** Some of the state was not asked for, and is 0: of a unit at rest, until there is time. */
  readonly brief?: boolean
  /** Absent where they were not asked for. */
  readonly facts?: UnitFacts
  /** Absent where they are not followed. */
  readonly dependencies?: UnitDependencies
}

/** Everything known at one moment: the beginning of a session, or of a recording. */
export interface Snapshot {
  /** CLOCK_REALTIME when it was complete. */
  readonly realtimeNs: bigint
  readonly units: readonly UnitSnapshot[]
}
