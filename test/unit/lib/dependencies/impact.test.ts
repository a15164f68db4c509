import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { UnitDependencies } from '../../../../src/data/unit-dependencies.js'
import { pathFrom } from '../../../../src/lib/dependencies/cause-path.js'
import { type Edge, type EdgeKind, edgeKinds, kindNames, kindsOf } from '../../../../src/lib/dependencies/edge-kinds.js'
import { type Impact, type ImpactQuery, impactOf } from '../../../../src/lib/dependencies/impact.js'
import { effectOf, type FailureMode, modeOfDependent } from '../../../../src/lib/dependencies/propagation.js'
import type { UnitGraph, UnitStates } from '../../../../src/lib/dependencies/unit-graph.js'
import { graphOf, type Units } from './systemd-view.js'

/** `b.service 1`: the unit and how far away it is. */
function told({ willStop, mayDegrade }: Impact): { stop: string[]; degrade: string[] } {
  const short = (all: Impact['willStop']): string[] => all.map(({ unit, distance }) => `${unit} ${distance}`)
  return { stop: short(willStop), degrade: short(mayDegrade) }
}

const impact = (units: Units, unit: string, query: Partial<ImpactQuery> = {}) =>
  told(impactOf(graphOf(units), unit, { mode: 'crash', depth: 3, ...query }))

/** c needs b, b needs a: by the same directive, with After= where it says so. */
function chain(...directives: readonly EdgeKind[]): Units {
  const needs = (unit: string): UnitDependencies => Object.fromEntries(directives.map((one) => [one, [unit]]))
  return { 'a.service': {}, 'b.service': needs('a.service'), 'c.service': needs('b.service') }
}

const all = ['b.service 1', 'c.service 2']

// What systemd 252 does, by its unit-dependency-atom.c and seen in the lab (test/e2e/dependency.test.ts).
describe('a chain a <- b <- c of which a fails', () => {
  it.each<[directives: EdgeKind[], mode: FailureMode, stop: string[], degrade: string[]]>([
    [['BindsTo', 'After'], 'crash', all, []],
    [['StopPropagatedFrom'], 'crash', all, []],
    [['Requires', 'After'], 'crash', [], all],
    [['Requisite', 'After'], 'crash', [], all],
    [['PartOf'], 'crash', [], all],
    [['Wants'], 'crash', [], all],
    [['Upholds'], 'crash', [], all],
    [['TriggeredBy'], 'crash', [], all],
    [['After'], 'crash', [], []],
    [['Conflicts'], 'crash', [], []],
    [['OnFailure'], 'crash', [], []],
    [['BindsTo', 'After'], 'start_failed', all, []],
    [['BindsTo'], 'start_failed', all, []],
    [['Requires', 'After'], 'start_failed', all, []],
    [['Requires'], 'start_failed', [], all],
    [['Requisite', 'After'], 'start_failed', all, []],
    [['PartOf', 'After'], 'start_failed', [], all],
    [['Wants', 'After'], 'start_failed', [], all],
    [['After'], 'start_failed', [], []],
    [['BindsTo'], 'stop', all, []],
    [['Requires'], 'stop', all, []],
    [['Requisite'], 'stop', all, []],
    [['PartOf'], 'stop', all, []],
    [['StopPropagatedFrom'], 'stop', all, []],
    [['Wants'], 'stop', [], all],
    [['Upholds'], 'stop', [], all],
    [['TriggeredBy'], 'stop', [], all],
    [['After', 'Conflicts', 'OnFailure'], 'stop', [], []],
  ])('%j, %s', (directives, mode, stop, degrade) => {
    expect(impact(chain(...directives), 'a.service', { mode })).toEqual({ stop, degrade })
  })

  it('a crash stops what is bound to it, and that stop stops what needs those', () => {
    const units = {
      'b.service': { BindsTo: ['a.service'] },
      'c.service': { Requires: ['b.service'] },
      'd.service': { Wants: ['b.service'] },
      'e.service': { Requires: ['a.service'] },
      'f.service': { BindsTo: ['e.service'] },
    }
    expect(impact(units, 'a.service')).toEqual({
      stop: ['b.service 1', 'c.service 2'],
      degrade: ['e.service 1', 'd.service 2', 'f.service 2'],
    })
  })
})

describe('what counts', () => {
  it('a unit that is reached in several ways counts once, by the worst', () => {
    const units = {
      'b.service': { BindsTo: ['a.service'] },
      'c.service': { Wants: ['a.service'], Requires: ['b.service'] },
    }
    expect(impact(units, 'a.service')).toEqual({ stop: ['b.service 1', 'c.service 2'], degrade: [] })
  })

  it('cycles end', () => {
    const units = {
      'a.service': { BindsTo: ['c.service'], Wants: ['a2.service'] },
      'a2.service': { Wants: ['a.service'] },
      'b.service': { BindsTo: ['a.service'] },
      'c.service': { BindsTo: ['b.service'] },
    }
    expect(impact(units, 'a.service', { depth: 100 })).toEqual({ stop: all, degrade: ['a2.service 1'] })
  })

  it('depth', () => {
    expect(impact(chain('BindsTo'), 'a.service', { depth: 1 })).toEqual({ stop: ['b.service 1'], degrade: [] })
    expect(impact(chain('Wants'), 'a.service', { depth: 1 })).toEqual({ stop: [], degrade: ['b.service 1'] })
  })

  it('visits', () => {
    const units = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`${n}.service`, { Wants: ['a.service'] }]))
    const { mayDegrade, complete } = impactOf(graphOf(units), 'a.service', { mode: 'crash', depth: 3, maxVisits: 4 })
    expect([mayDegrade.length, complete]).toEqual([4, false])
    expect(impactOf(graphOf(units), 'a.service', { mode: 'crash', depth: 3, maxVisits: 10 }).complete).toBe(true)
  })

  it('a target that only lists a unit is no worse without it; one that requires it is, and passes it on', () => {
    const units = {
      'multi-user.target': { Wants: ['a.service'], After: ['a.service'] },
      'graphical.target': { Requires: ['multi-user.target'] },
      'app.target': { Requires: ['a.service'], After: ['a.service'] },
      'web.service': { Requires: ['app.target'], After: ['app.target'] },
    }
    expect(impact(units, 'a.service')).toEqual({ stop: [], degrade: ['app.target 1', 'web.service 2'] })
    expect(impact(units, 'a.service', { mode: 'start_failed' })).toEqual({
      stop: ['app.target 1', 'web.service 2'],
      degrade: [],
    })
  })

  it('an unknown unit takes nothing down', () => {
    expect(impact({}, 'x.service')).toEqual({ stop: [], degrade: [] })
  })
})

describe('by the states of units', () => {
  type State = NonNullable<ReturnType<UnitStates['at']>> | undefined
  const units = { ...chain('Requires', 'After'), 'd.service': { BindsTo: ['a.service'] } }

  it.each<[mode: FailureMode, directives: EdgeKind[], state: State, told: string]>([
    ['crash', ['BindsTo'], 'up', 'stop'],
    ['crash', ['BindsTo'], 'starting', 'stop'],
    ['crash', ['BindsTo'], undefined, 'stop'],
    ['crash', ['BindsTo'], 'down', 'nothing'],
    ['crash', ['Wants'], 'up', 'degrade'],
    ['crash', ['Wants'], 'down', 'nothing'],
    ['stop', ['Requires'], 'down', 'nothing'],
    ['start_failed', ['Requires', 'After'], 'down', 'stop'],
    ['start_failed', ['Requires', 'After'], 'starting', 'stop'],
    // It was up all the time, as after a crash of the other one: only its restart has failed now.
    ['start_failed', ['Requires', 'After'], 'up', 'degrade'],
    ['start_failed', ['BindsTo', 'After'], 'up', 'stop'],
    ['start_failed', ['Wants'], 'starting', 'degrade'],
    ['start_failed', ['Wants'], 'down', 'nothing'],
  ])('%s of what a unit %j, which was %s: %s', (mode, directives, state, expected) => {
    const graph = graphOf({ 'b.service': Object.fromEntries(directives.map((one) => [one, ['a.service']])) })
    const end = graph.addStates({ at: (_, usec) => (usec === 7 ? state : undefined) })
    const { stop, degrade } = told(impactOf(graph, 'a.service', { mode, depth: 3, atUsec: 7 }))
    expect(stop.length > 0 ? 'stop' : degrade.length > 0 ? 'degrade' : 'nothing').toBe(expected)
    end()
    expect(graph.stateAt('b.service', 7)).toBeUndefined()
  })

  it('a unit that was down passes nothing on', () => {
    const graph = graphOf({ ...units, 'e.service': { Requires: ['d.service'] } })
    graph.addStates({ at: (unit) => (unit === 'd.service' ? 'down' : 'up') })
    expect(told(impactOf(graph, 'a.service', { mode: 'crash', depth: 3, atUsec: 1 }))).toEqual({
      stop: [],
      degrade: all,
    })
  })
})

describe('the path from a cause', () => {
  const path = (units: Units, cause: string, unit: string, mode: FailureMode = 'crash', depth = 3) =>
    pathFrom(graphOf(units), cause, unit, { mode, depth })?.map(
      ({ from, to, kinds }) => `${to} <-${kindNames(kinds)[0]}- ${from}`,
    )

  it('begins at the cause', () => {
    expect(path(chain('BindsTo'), 'a.service', 'c.service')).toEqual([
      'a.service <-BindsTo- b.service',
      'b.service <-BindsTo- c.service',
    ])
  })

  it('goes the way systemd stops units, though another is shorter', () => {
    const units = { ...chain('BindsTo'), 'c.service': { BindsTo: ['b.service'], Wants: ['a.service'] } }
    expect(path(units, 'a.service', 'c.service')).toHaveLength(2)
    expect(path({ ...units, 'c.service': { Wants: ['a.service'] } }, 'a.service', 'c.service')).toHaveLength(1)
  })

  it('is none where only order joins two, or it is too far', () => {
    expect(path(chain('After'), 'a.service', 'c.service')).toBeUndefined()
    expect(path(chain('BindsTo'), 'a.service', 'c.service', 'crash', 1)).toBeUndefined()
    expect(path(chain('BindsTo'), 'a.service', 'a.service')).toEqual([])
  })
})

// --- against a model that knows no breadth first

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f').map((letter) => `${letter}.service`)
const edge: fc.Arbitrary<Edge> = fc.record({
  from: name,
  to: name,
  kinds: fc.subarray(edgeKinds.filter((kind) => kind !== 'Slice')).map((kinds) => kindsOf(...kinds)),
})
const edges = fc.uniqueArray(edge, { maxLength: 15, selector: ({ from, to }) => `${from} ${to}` })
const mode = fc.constantFrom<FailureMode>('crash', 'start_failed', 'stop')

/** Distances by trying all edges again until nothing changes. */
function fixpoint(
  sources: ReadonlyMap<string, number>,
  depth: number,
  passes: (edge: Edge, distance: number) => boolean,
  all: readonly Edge[],
) {
  const found = new Map(sources)
  for (let round = 0; round <= depth; round++)
    for (const one of all) {
      const distance = (found.get(one.to) ?? Infinity) + 1
      if (distance > depth || !passes(one, distance) || (found.get(one.from) ?? Infinity) <= distance) continue
      found.set(one.from, distance)
    }
  return found
}

function graphOfEdges(all: readonly Edge[]): UnitGraph {
  const units: Record<string, Record<string, string[]>> = {}
  for (const { from, to, kinds } of all) {
    const said = units[from] ?? {}
    units[from] = said
    for (const kind of kindNames(kinds)) said[kind] = [...(said[kind] ?? []), to]
  }
  return graphOf(units)
}

describe('any graph', () => {
  it('impact is what trying all edges until nothing changes finds', () => {
    fc.assert(
      fc.property(edges, mode, fc.integer({ min: 1, max: 6 }), (drawn, mode, depth) => {
        const all = drawn.filter(({ from, to }) => from !== to)
        const { willStop, mayDegrade } = impactOf(graphOfEdges(all), 'a.service', { mode, depth })
        const stopped = fixpoint(
          new Map([['a.service', 0]]),
          depth,
          (one, distance) => effectOf(one, distance === 1 ? mode : modeOfDependent(mode)) === 'will_stop',
          all,
        )
        const reached = fixpoint(
          stopped,
          depth,
          (one) => effectOf(one, mode) !== undefined && !stopped.has(one.from),
          all,
        )
        const distances = (affected: Impact['willStop']) =>
          affected.map(({ unit, distance }) => [unit, distance]).sort()
        expect(distances(willStop)).toEqual([...stopped].filter(([unit]) => unit !== 'a.service').sort())
        expect(distances(mayDegrade)).toEqual([...reached].filter(([unit]) => !stopped.has(unit)).sort())
        for (const list of [willStop, mayDegrade])
          expect(list.map(({ distance }) => distance)).toEqual(list.map(({ distance }) => distance).sort())
      }),
    )
  })

  it('there is a path to whatever the impact names, joined end to end, and to nothing else', () => {
    fc.assert(
      fc.property(edges, mode, (drawn, mode) => {
        const graph = graphOfEdges(drawn.filter(({ from, to }) => from !== to))
        const { willStop, mayDegrade } = impactOf(graph, 'a.service', { mode, depth: 6 })
        const affected = new Map([...willStop, ...mayDegrade].map(({ unit, distance }) => [unit, distance]))
        for (const unit of graph.units()) {
          if (unit === 'a.service') continue
          const path = pathFrom(graph, 'a.service', unit, { mode, depth: 6 })
          expect(path !== undefined).toBe(affected.has(unit))
          if (path === undefined) continue
          expect([path[0]!.to, path.at(-1)!.from]).toEqual(['a.service', unit])
          for (const [at, one] of path.entries()) if (at > 0) expect(one.to).toBe(path[at - 1]!.from)
        }
      }),
    )
  })
})
