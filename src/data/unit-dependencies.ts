/**
 * Dependencies of a unit as systemd's D-Bus interface names them (org.freedesktop.systemd1.Unit; systemd.unit(5), "Mapping
 * of unit properties to their inverses"): a property of the unit that says so, and the one that the other unit has of it.
 */
export const dependencyInverses = {
  Requires: 'RequiredBy',
  Requisite: 'RequisiteOf',
  Wants: 'WantedBy',
  BindsTo: 'BoundBy',
  PartOf: 'ConsistsOf',
  Upholds: 'UpheldBy',
  StopPropagatedFrom: 'PropagatesStopTo',
  TriggeredBy: 'Triggers',
  After: 'Before',
  Conflicts: 'ConflictedBy',
  OnFailure: 'OnFailureOf',
} as const

type Forward = keyof typeof dependencyInverses
export type DependencyProperty = Forward | (typeof dependencyInverses)[Forward]

/** At which end of a unit's dependencies one looks: what it needs, what needs it, or both. */
export type DependencyEnds = 'needs' | 'neededBy' | 'both'

export const dependencyProperties = Object.entries(dependencyInverses).flat() as readonly DependencyProperty[]

/** Names of units by property, both directions: all that one unit has to do with others. What is empty may be left out. */
export type UnitDependencies = Readonly<Partial<Record<DependencyProperty, readonly string[]>>>
