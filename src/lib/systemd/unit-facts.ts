/** What a unit's configuration says, as far as it matters here; read over D-Bus, unchanged until daemon-reload. */
export interface UnitFacts {
  /** Type= of services, e.g. `notify`; empty for others. */
  readonly serviceType: string
  /** Units whose absence keeps this one from starting: Requires=, Requisite=, BindsTo=. */
  readonly requires: readonly string[]
  /** Units whose end stops this one: BindsTo=. */
  readonly bindsTo: readonly string[]
}

/** Dependencies kept per unit and kind. Real units name a handful; sysinit.target about 40. */
export const kMaxDependencies = 64

export const noFacts: UnitFacts = Object.freeze({ serviceType: '', requires: [], bindsTo: [] })
