import { dependencyInverses, type UnitDependencies } from '../../data/unit-dependencies.js'
import { type EdgeKinds, kindsOf } from './edge-kinds.js'

/** All that ties a unit to others, by their names. */
export interface DependencyLists {
  readonly needs: Map<string, EdgeKinds>
  readonly neededBy: Map<string, EdgeKinds>
}

const properties = (Object.keys(dependencyInverses) as (keyof typeof dependencyInverses)[]).map((forward) => {
  return { forward, inverse: dependencyInverses[forward], kind: kindsOf(forward) }
})
const kRequires = kindsOf('Requires')
const kSlice = kindsOf('Slice')

export function readDependencies(unit: string, dependencies: UnitDependencies): DependencyLists {
  const needs = new Map<string, EdgeKinds>()
  const neededBy = new Map<string, EdgeKinds>()
  for (const { forward, inverse, kind } of properties) {
    collect(needs, dependencies[forward], kind, unit)
    collect(neededBy, dependencies[inverse], kind, unit)
  }
  // systemd makes each unit require the slice it lies in, and nothing else has a reason to.
  for (const [name, kinds] of needs) if (inSlice(name, kinds)) needs.set(name, kinds | kSlice)
  if (unit.endsWith('.slice'))
    for (const [name, kinds] of neededBy) if (inSlice(unit, kinds)) neededBy.set(name, kinds | kSlice)
  return { needs, neededBy }
}

function collect(
  into: Map<string, EdgeKinds>,
  names: readonly string[] | undefined,
  kind: EdgeKinds,
  unit: string,
): void {
  if (names === undefined) return
  for (const name of names) if (name !== unit) into.set(name, (into.get(name) ?? 0) | kind)
}

function inSlice(to: string, kinds: EdgeKinds): boolean {
  return (kinds & kRequires) !== 0 && to.endsWith('.slice')
}
