import type { UnitSnapshot } from '../../data/unit-snapshot.js'

// Recordings of format 1 name only what a unit needs, among its facts: `requires` (Requires=, Requisite= and BindsTo= in one
// list) and `bindsTo`.

interface OldFacts {
  readonly requires?: unknown
  readonly bindsTo?: unknown
}

export function isOfVersion1(unit: unknown): boolean {
  const { facts } = (unit ?? {}) as { facts?: OldFacts }
  return facts?.requires !== undefined
}

/** The properties that the lists are of; what they hold is checked like those of later formats. */
export function dependenciesOfVersion1(facts: unknown): Readonly<Record<string, unknown>> {
  const { requires, bindsTo } = (facts ?? {}) as OldFacts
  return {
    ...(requires === undefined ? {} : { Requires: requires }),
    ...(bindsTo === undefined ? {} : { BindsTo: bindsTo }),
  }
}

/** systemd tells of each dependency at both of its ends, and so do later formats. */
export function withInverses(units: readonly UnitSnapshot[]): UnitSnapshot[] {
  const requiredBy = new Map<string, string[]>()
  const boundBy = new Map<string, string[]>()
  for (const { name, dependencies } of units) {
    for (const other of dependencies?.Requires ?? []) add(requiredBy, other, name)
    for (const other of dependencies?.BindsTo ?? []) add(boundBy, other, name)
  }
  return units.map((unit) => {
    const { name, dependencies } = unit
    const inverses = { RequiredBy: requiredBy.get(name) ?? [], BoundBy: boundBy.get(name) ?? [] }
    return dependencies === undefined ? unit : { ...unit, dependencies: { ...dependencies, ...inverses } }
  })
}

function add(lists: Map<string, string[]>, key: string, name: string): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [name])
  else list.push(name)
}
