import { dependencyInverses, type UnitDependencies } from '../../../../src/data/unit-dependencies.js'
import { UnitGraph } from '../../../../src/lib/dependencies/unit-graph.js'

/** What unit files say, by unit. */
export type Units = Readonly<Record<string, UnitDependencies>>

/** The graph of what systemd says of units of which their files say `units`: each dependency at both of its ends. */
export function graphOf(units: Units): UnitGraph {
  const graph = new UnitGraph()
  for (const [name, dependencies] of systemdView(units)) graph.update(name, dependencies)
  return graph
}

export function systemdView(units: Units): Map<string, UnitDependencies> {
  const view = new Map<string, Record<string, string[]>>()
  const say = (unit: string, property: string, other: string): void => {
    const said = view.get(unit) ?? {}
    view.set(unit, said)
    said[property] = [...(said[property] ?? []), other]
  }
  for (const [unit, dependencies] of Object.entries(units)) {
    view.set(unit, view.get(unit) ?? {})
    for (const [forward, inverse] of Object.entries(dependencyInverses))
      for (const other of dependencies[forward as keyof typeof dependencyInverses] ?? []) {
        say(unit, forward, other)
        say(other, inverse, unit)
      }
  }
  return view
}
