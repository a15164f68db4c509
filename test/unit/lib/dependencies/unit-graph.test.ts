import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dependencyInverses, type UnitDependencies } from '../../../../src/data/unit-dependencies.js'
import { type Edge, edgeKinds, kindNames, kindsOf } from '../../../../src/lib/dependencies/edge-kinds.js'
import { UnitGraph } from '../../../../src/lib/dependencies/unit-graph.js'
import { collectGarbage } from '../../../../src/util/collect-garbage.js'
import { hostUnits } from './host-units.js'
import { systemdView } from './systemd-view.js'

const told = (edges: readonly Edge[]): string[] =>
  edges.map(({ from, to, kinds }) => `${from} -${kindNames(kinds).join('+')}-> ${to}`).sort()

/** All edges there are, told from both of their ends: the two must be the same. */
function allEdges(graph: UnitGraph): string[] {
  const out = [...graph.units()].flatMap((unit) => told(graph.needs(unit))).sort()
  const into = [...graph.units()].flatMap((unit) => told(graph.neededBy(unit))).sort()
  expect(into).toEqual(out)
  expect(out).toHaveLength(graph.edges)
  return out
}

describe('what a unit says of itself', () => {
  it('is told from both ends, with all kinds between two units in one edge', () => {
    const graph = new UnitGraph()
    graph.update('app.service', {
      Requires: ['db.service'],
      BindsTo: ['db.service'],
      After: ['db.service', 'net.target'],
    })
    expect(told(graph.needs('app.service'))).toEqual([
      'app.service -After-> net.target',
      'app.service -Requires+BindsTo+After-> db.service',
    ])
    expect(told(graph.neededBy('db.service'))).toEqual(['app.service -Requires+BindsTo+After-> db.service'])
    expect(told(graph.needs('app.service', kindsOf('BindsTo', 'Wants')))).toHaveLength(1)
    expect([graph.knows('app.service'), graph.knows('db.service'), graph.knows('x.service')]).toEqual([
      true,
      false,
      false,
    ])
  })

  it.each(Object.entries(dependencyInverses))('%s= of one is %s of the other', (forward, inverse) => {
    const [one, other] = [new UnitGraph(), new UnitGraph()]
    one.update('a.service', { [forward]: ['b.service'] })
    other.update('b.service', { [inverse]: ['a.service'] })
    expect(allEdges(one)).toEqual([`a.service -${forward}-> b.service`])
    expect(allEdges(other)).toEqual(allEdges(one))
  })

  it('a required slice is the one it lies in, whoever tells of it', () => {
    const graph = new UnitGraph()
    graph.update('a.service', { Requires: ['system.slice', 'b.service'] })
    graph.update('system.slice', { RequiredBy: ['a.service', 'c.service'] })
    expect(told(graph.neededBy('system.slice', kindsOf('Slice')))).toEqual([
      'a.service -Requires+Slice-> system.slice',
      'c.service -Requires+Slice-> system.slice',
    ])
  })

  it('nothing depends on itself', () => {
    const graph = new UnitGraph()
    graph.update('a.service', { After: ['a.service'], RequiredBy: ['a.service'] })
    expect([graph.edges, graph.knows('a.service')]).toEqual([0, true])
  })
})

describe('a configuration that changes', () => {
  it('takes the place of the old one, at both ends', () => {
    const graph = new UnitGraph()
    graph.update('app.service', { Requires: ['db.service'], WantedBy: ['multi-user.target'] })
    const { version } = graph
    graph.update('app.service', { Requires: ['db.service'], WantedBy: ['multi-user.target'] })
    expect(graph.version).toBe(version)
    graph.update('app.service', { Wants: ['db.service'] })
    expect(allEdges(graph)).toEqual(['app.service -Wants-> db.service'])
    expect(graph.version).toBeGreaterThan(version)
    expect([...graph.units()]).toEqual(['app.service', 'db.service'])
  })

  it('of which one end alone was asked for leaves the other as it was', () => {
    const graph = new UnitGraph()
    graph.update('a.target', { Wants: ['b.service'], WantedBy: ['c.target'] })
    graph.update('a.target', { Requires: ['b.service'] }, 'needs')
    expect(allEdges(graph)).toEqual(['a.target -Requires-> b.service', 'c.target -Wants-> a.target'])
    graph.update('a.target', {}, 'neededBy')
    expect(allEdges(graph)).toEqual(['a.target -Requires-> b.service'])
  })

  it('of all units what they need is all there is, and known of each when all were asked', () => {
    const [both, needs] = [new UnitGraph(), new UnitGraph()]
    const files: Record<string, UnitDependencies> = { 'z.slice': {} }
    for (let n = 0; n < 50; n++)
      files[`u${n}.service`] = {
        Requires: ['z.slice'],
        Wants: [`u${(n * 7) % 50}.service`],
        After: [`u${(n * 3) % 50}.service`],
      }
    const units = [...systemdView(files)]
    for (const [name, dependencies] of units) {
      both.update(name, dependencies)
      needs.update(name, dependencies, 'needs')
      expect([both.knowsBothEnds(name), needs.knowsBothEnds(name)]).toEqual([true, false])
    }
    needs.complete()
    expect(allEdges(needs)).toEqual(allEdges(both))
    for (const [name] of units) expect(needs.knowsBothEnds(name)).toBe(true)
  })

  it('a unit that was never read and is not there needs nothing; what was read of others stays', () => {
    const graph = new UnitGraph()
    graph.update('a.service', { WantedBy: ['gone.device', 'b.service'] })
    graph.update('b.service', { Wants: ['a.service'] })
    graph.withdraw('gone.device')
    graph.withdraw('b.service')
    expect(allEdges(graph)).toEqual(['b.service -Wants-> a.service'])
    expect([...graph.units()]).toEqual(['a.service', 'b.service'])
  })

  it('keeps what an unloaded unit needed until its configuration may be another', () => {
    const graph = new UnitGraph()
    graph.update('app.service', { Requires: ['db.service'] })
    graph.remove('app.service', 5)
    graph.update('db.service', {}) // systemd no longer tells of app.service
    expect(allEdges(graph)).toEqual(['app.service -Requires-> db.service'])
    expect([4, 5, 6].map((usec) => graph.stateAt('app.service', usec))).toEqual([undefined, undefined, 'down'])
    graph.forgetUnloaded()
    expect([allEdges(graph), graph.knows('app.service'), graph.knows('db.service')]).toEqual([[], false, true])
  })
})

describe('limits', () => {
  it('of unloaded units the last ones are kept', () => {
    const graph = new UnitGraph({ maxUnloaded: 2 })
    for (const name of ['a', 'b', 'c']) graph.update(`${name}.service`, { After: ['x.target'] })
    for (const name of ['a', 'b', 'c']) graph.remove(`${name}.service`, 5)
    expect(allEdges(graph)).toEqual(['b.service -After-> x.target', 'c.service -After-> x.target'])
  })

  it('edges and units that find no room are counted, and leave nothing behind', () => {
    const graph = new UnitGraph({ maxUnits: 3, maxEdges: 2 })
    graph.update('a.service', { After: ['b.service', 'c.service', 'd.service'] })
    expect([graph.size, graph.edges, graph.rejected]).toEqual([3, 2, 1])
    graph.update('e.service', { After: ['a.service'] })
    graph.update('b.service', { Before: ['a.service'], After: ['c.service'] })
    expect([graph.size, graph.edges, graph.rejected]).toEqual([3, 2, 3])
    graph.update('a.service', {})
    graph.update('f.service', { After: ['a.service'] })
    expect([graph.size, graph.edges, graph.rejected]).toEqual([3, 1, 3])
  })
})

describe('memory', () => {
  it('is at most 2 KB per unit of a host of 10,000', () => {
    const used = (): number => {
      collectGarbage()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const before = used()
    const graph = new UnitGraph()
    for (const [name, dependencies] of hostUnits(10_000)) graph.update(name, dependencies)
    const bytes = (used() - before) / graph.size
    expect(graph.edges / graph.size).toBeGreaterThan(8)
    expect(bytes).toBeLessThan(2048)
  })
})

type Step =
  | { readonly do: 'update'; readonly unit: string; readonly dependencies: UnitDependencies }
  | { readonly do: 'remove'; readonly unit: string }
  | { readonly do: 'forget' }

const unit = fc.constantFrom('a.service', 'b.service', 'c.socket', 'd.target', 'e.slice')
const dependencies: fc.Arbitrary<UnitDependencies> = fc.dictionary(
  fc.constantFrom(...Object.entries(dependencyInverses).flat()),
  fc.uniqueArray(unit, { maxLength: 3 }),
  { maxKeys: 4 },
)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('update' as const), unit, dependencies }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), unit }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
  ),
  { maxLength: 30 },
)

/** The same, as slowly and plainly as can be: one set of triples. */
class Model {
  #edges: { from: string; kind: string; to: string }[] = []
  readonly #loaded = new Set<string>()
  readonly #unloaded = new Set<string>()

  take(step: Step): void {
    if (step.do === 'forget') {
      this.#edges = this.#edges.filter(({ from, to }) => !this.#unloaded.has(from) && !this.#unloaded.has(to))
      this.#unloaded.clear()
    } else if (step.do === 'remove') {
      if (this.#loaded.delete(step.unit)) this.#unloaded.add(step.unit)
    } else {
      this.#unloaded.delete(step.unit)
      this.#loaded.add(step.unit)
      this.#edges = this.#edges.filter(
        ({ from, to }) => from !== step.unit && (to !== step.unit || this.#unloaded.has(from)),
      )
      const said = statements(step.unit, step.dependencies)
      // What is said of an unloaded unit is newer than what was kept.
      const anew = new Set(said.filter(({ to }) => to === step.unit).map(({ from }) => from))
      this.#edges = [...this.#edges.filter(({ from, to }) => to !== step.unit || !anew.has(from)), ...said]
    }
  }

  get edges(): string[] {
    const pairs = new Map<string, string[]>()
    for (const { from, to, kind } of this.#edges)
      pairs.set(`${from} ${to}`, [...(pairs.get(`${from} ${to}`) ?? []), kind])
    return [...pairs]
      .map(([pair, kinds]) => {
        const [from, to] = pair.split(' ') as [string, string]
        if (to.endsWith('.slice') && kinds.includes('Requires')) kinds.push('Slice')
        return `${from} -${edgeKinds.filter((kind) => kinds.includes(kind)).join('+')}-> ${to}`
      })
      .sort()
  }
}

function statements(unit: string, dependencies: UnitDependencies): { from: string; kind: string; to: string }[] {
  return Object.entries(dependencyInverses).flatMap(([kind, inverse]) => [
    ...others(unit, dependencies[kind as keyof UnitDependencies]).map((to) => ({ from: unit, kind, to })),
    ...others(unit, dependencies[inverse]).map((from) => ({ from, kind, to: unit })),
  ])
}

const others = (unit: string, names: readonly string[] = []): readonly string[] => names.filter((name) => name !== unit)

it('any sequence of readings, unloads and reloads leaves what a plain list of statements would', () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const [graph, model] = [new UnitGraph(), new Model()]
      for (const step of sequence) {
        if (step.do === 'update') graph.update(step.unit, step.dependencies)
        else if (step.do === 'remove') graph.remove(step.unit, 5)
        else graph.forgetUnloaded()
        model.take(step)
        expect(allEdges(graph)).toEqual(model.edges)
      }
    }),
  )
})

it('keeps nothing of transient units but the last 4096, though each is told of by a unit that stays', () => {
  const graph = new UnitGraph()
  const names = Array.from({ length: 10_000 }, (_, n) => `run-${n}.service`)
  for (const name of names) {
    // As systemd has it of each service: the target is read once, after the start.
    graph.update(name, { Conflicts: ['shutdown.target'], Before: ['shutdown.target'] })
    if (name === names[0]) graph.update('shutdown.target', { After: [name], ConflictedBy: [name] })
    graph.remove(name, 1)
  }
  expect(graph.size).toBe(4097)
  expect(graph.needs('shutdown.target')).toHaveLength(4096)
})
