import { dependencyInverses } from '../../data/unit-dependencies.js'

/**
 * How one unit depends on another, in systemd's words. `Slice`: it lies in that slice. An edge leads from the unit that
 * says so (or of which it is said) to the other: `app -Requires-> db`, `db.service -TriggeredBy-> db.socket`,
 * `app -OnFailure-> alarm`. Before= is After= seen from the other side.
 */
export type EdgeKind = keyof typeof dependencyInverses | 'Slice'

export const edgeKinds = [...(Object.keys(dependencyInverses) as (keyof typeof dependencyInverses)[]), 'Slice'] as const

/** Several kinds in one number: two units have often more than one (Requires= with After=). */
export type EdgeKinds = number

export const allKinds: EdgeKinds = (1 << edgeKinds.length) - 1

export function kindsOf(...names: readonly EdgeKind[]): EdgeKinds {
  return names.reduce((kinds, name) => kinds | (1 << edgeKinds.indexOf(name)), 0)
}

/** In the order of `edgeKinds`: what ties most firmly of those that pull in comes first. */
export function kindNames(kinds: EdgeKinds): EdgeKind[] {
  return edgeKinds.filter((_, bit) => (kinds & (1 << bit)) !== 0)
}

/** What the other unit says of the same edge; a slice has no word for it but Before=, RequiredBy= and this. */
export function inverseName(kind: EdgeKind): string {
  return kind === 'Slice' ? 'SliceOf' : dependencyInverses[kind]
}

/** One unit's tie to another; both directions know the same edge. */
export interface Edge {
  /** The unit that depends. */
  readonly from: string
  /** The unit it depends on. */
  readonly to: string
  readonly kinds: EdgeKinds
}
