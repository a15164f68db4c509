/**
 * What the native reader hands over, decoded: systemd's signals after the unit filter and the last-state cache.
 *
 * The byte layout stands once in C++ (native/core/batch/layout.h) and once in src/binding/layout.ts;
 * test/golden/batch/records.bin must be read by both.
 */

/** All that systemd's PropertiesChanged says of a unit (Unit interface and, merged in, its type's interface). */
export interface UnitState {
  /** ActiveState: active, reloading, inactive, failed, activating, deactivating, maintenance. */
  readonly activeState: string
  readonly subState: string
  /** Result of the type's interface (`success`, `exit-code`, ...); empty for types that have none (target, slice, device). */
  readonly result: string
  /** ID of the pending job, 0 for none. */
  readonly jobId: number
  readonly mainPid: number
  readonly controlPid: number
  readonly nRestarts: number
  readonly execMainPid: number
  /** si_code of waitid(2): 1 CLD_EXITED, 2 CLD_KILLED, 3 CLD_DUMPED, 0 not exited. */
  readonly execMainCode: number
  /** Exit status, or the signal's number, by `execMainCode`. */
  readonly execMainStatus: number
  /** 32 hex digits, or empty when the unit never ran. */
  readonly invocationId: string
  readonly conditionResult: boolean
  readonly assertResult: boolean
  /** Microseconds since 1970, 0 for never; systemd's own timestamps. */
  readonly stateChangeUsec: number
  readonly inactiveExitUsec: number
  readonly activeEnterUsec: number
  readonly activeExitUsec: number
  readonly inactiveEnterUsec: number
  readonly execMainStartUsec: number
  readonly execMainExitUsec: number
  /** Timers: LastTriggerUSec (microseconds since 1970), else 0. */
  readonly lastTriggerUsec: number
  /** ConditionTimestamp: when conditions were checked last, whatever the outcome; 0 for never. `conditionResult` is of then. */
  readonly conditionUsec: number
}

interface RecordHead {
  /** When the bytes were read (CLOCK_REALTIME, CLOCK_BOOTTIME; nanoseconds). */
  readonly realtimeNs: bigint
  readonly boottimeNs: bigint
}

export type SignalRecord =
  | (RecordHead & { readonly kind: 'unit_changed'; readonly unit: string; readonly state: UnitState })
  | (RecordHead & { readonly kind: 'unit_new' | 'unit_removed'; readonly unit: string })
  | (RecordHead & { readonly kind: 'job_new'; readonly unit: string; readonly jobId: number })
  | (RecordHead & {
      readonly kind: 'job_removed'
      readonly unit: string
      readonly jobId: number
      readonly result: string
    })
  /** Manager.Reloading(active): daemon-reload or reexec begins (true) or has ended (false). */
  | (RecordHead & { readonly kind: 'reloading'; readonly active: boolean })
  /** NameOwnerChanged of org.freedesktop.systemd1: whether PID 1 is on the bus now. */
  | (RecordHead & { readonly kind: 'owner_changed'; readonly present: boolean })
  | (RecordHead & { readonly kind: 'unit_files_changed' })
  /** `count` records were dropped here because the ring was full: every unit must be looked at again. */
  | (RecordHead & { readonly kind: 'lost'; readonly count: number })
  /** Match rules are in place; signals flow from here. */
  | (RecordHead & { readonly kind: 'connected' })
  /** The connection has ended and will not come back; make a new reader. */
  | (RecordHead & { readonly kind: 'disconnected'; readonly reason: string })
