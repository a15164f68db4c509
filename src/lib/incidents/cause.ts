/** Why a unit belongs to an incident. */
export interface Cause {
  readonly unit: string
  /** `BindsTo`, `Requires`, ...; `systemd` where systemd said so; `memory` for a shared limit. */
  readonly by: string
  /** All units on the way, the cause first. */
  readonly path: readonly string[]
}
