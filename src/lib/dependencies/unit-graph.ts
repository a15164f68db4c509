import type { SharedKey } from '../../component/shared.js'
import type { DependencyEnds, UnitDependencies } from '../../data/unit-dependencies.js'
import { readDependencies } from './dependency-lists.js'
import { allKinds, type Edge, type EdgeKinds } from './edge-kinds.js'
import { EdgeStore, kNoEdge } from './edge-store.js'

/** Twice what the tracker follows: targets, slices and units that are only named come on top. */
const kMaxUnits = 131_072
/** A service has about 8; 26 MiB when all are used. */
const kMaxEdges = 1_048_576
/** Unloaded units whose edges are kept, as many as the tracker remembers. */
const kMaxUnloaded = 4096

/** What is known of the states of units, beside the graph: it has none itself. */
export interface UnitStates {
  /**
   * How a unit was at `usec`, microseconds since 1970, or at any time since `sinceUsec`: `up`; `starting`, it has a job, or
   * came up since; or `down`. Undefined for one that nobody watches.
   */
  at(unit: string, usec: number, sinceUsec?: number): 'up' | 'starting' | 'down' | undefined
}

export interface GraphLimits {
  readonly maxUnits?: number
  readonly maxEdges?: number
  readonly maxUnloaded?: number
}

/** One graph per systemd manager; the receiver that watches it fills it. */
export const unitGraphKeys = {
  system: { name: 'unit-graph/system', make: () => new UnitGraph() },
  user: { name: 'unit-graph/user', make: () => new UnitGraph() },
} as const satisfies Record<string, SharedKey<UnitGraph>>

/** Of whom the graph knows everything (`read`), whom others only name, and whom systemd has no longer loaded. */
type Standing = 'named' | 'read' | 'unloaded'

/**
 * Who depends on whom among systemd's units.
 *
 * systemd keeps each dependency at both of its ends, so one unit's properties tell all edges that begin or end there. A unit
 * is unloaded as soon as nobody needs it, often in the very moment of the failure that is to be explained: its edges stay,
 * until the configuration is read again or many others have gone since.
 */
export class UnitGraph {
  readonly #maxUnits: number
  readonly #maxUnloaded: number
  readonly #edges: EdgeStore
  readonly #ids = new Map<string, number>()
  readonly #names: (string | undefined)[] = []
  readonly #standing: (Standing | undefined)[] = []
  readonly #freeIds: number[] = []
  /** Units of which was read what they need; who needs them others will say, who are still to be read. */
  readonly #half = new Set<number>()
  /** When they were unloaded, microseconds since 1970; gone longest ago first. */
  readonly #unloaded = new Map<number, number>()
  readonly #states = new Set<UnitStates>()
  #version = 0
  #rejected = 0

  constructor({ maxUnits = kMaxUnits, maxEdges = kMaxEdges, maxUnloaded = kMaxUnloaded }: GraphLimits = {}) {
    this.#maxUnits = maxUnits
    this.#maxUnloaded = maxUnloaded
    this.#edges = new EdgeStore(maxEdges)
  }

  /** Units that have edges, or of which is known that they have none. */
  get size(): number {
    return this.#ids.size
  }

  get edges(): number {
    return this.#edges.size
  }

  /** Changes with the graph: what was concluded under one version holds as long as it is the same. */
  get version(): number {
    return this.#version
  }

  /** Edges and units for which there was no room; only grows. */
  get rejected(): number {
    return this.#rejected
  }

  units(): IterableIterator<string> {
    return this.#ids.keys()
  }

  /** Whether the unit's own dependencies were read, and not only others told of it. */
  knows(unit: string): boolean {
    const id = this.#ids.get(unit)
    return id !== undefined && this.#standing[id] !== 'named'
  }

  /** Whether all that depends on the unit is known, too. */
  knowsBothEnds(unit: string): boolean {
    const id = this.#ids.get(unit)
    return id !== undefined && this.#standing[id] !== 'named' && !this.#half.has(id)
  }

  /** What a unit depends on. */
  needs(unit: string, kinds: EdgeKinds = allKinds): Edge[] {
    const found: Edge[] = []
    const id = this.#ids.get(unit)
    if (id === undefined) return found
    for (let edge = this.#edges.firstOut(id); edge !== kNoEdge; edge = this.#edges.nextOut(edge))
      if ((this.#edges.kinds(edge) & kinds) !== 0) found.push(this.#edge(edge))
    return found
  }

  /** What depends on a unit. */
  neededBy(unit: string, kinds: EdgeKinds = allKinds): Edge[] {
    const found: Edge[] = []
    const id = this.#ids.get(unit)
    if (id === undefined) return found
    for (let edge = this.#edges.firstIn(id); edge !== kNoEdge; edge = this.#edges.nextIn(edge))
      if ((this.#edges.kinds(edge) & kinds) !== 0) found.push(this.#edge(edge))
    return found
  }

  /** Whether any of those that depend on a unit is one that `test` accepts; makes nothing, for it is asked at each interval. */
  isNeeded(unit: string, kinds: EdgeKinds, test: (unit: string) => boolean): boolean {
    const id = this.#ids.get(unit)
    if (id === undefined) return false
    const edges = this.#edges
    for (let edge = edges.firstIn(id); edge !== kNoEdge; edge = edges.nextIn(edge))
      if ((edges.kinds(edge) & kinds) !== 0 && test(this.#names[edges.from(edge)]!)) return true
    return false
  }

  /** The same of those on either end of its edges. */
  isTied(unit: string, kinds: EdgeKinds, test: (unit: string) => boolean): boolean {
    const id = this.#ids.get(unit)
    if (id === undefined) return false
    const edges = this.#edges
    for (let edge = edges.firstOut(id); edge !== kNoEdge; edge = edges.nextOut(edge))
      if ((edges.kinds(edge) & kinds) !== 0 && test(this.#names[edges.to(edge)]!)) return true
    return this.isNeeded(unit, kinds, test)
  }

  /**
   * Takes what systemd says of a loaded unit; edges it does not name are gone, but for those of units it has unloaded.
   *
   * @param ends - what was asked for; the other end stays as it was, and `complete` says when all that others say of it is known
   */
  update(unit: string, dependencies: UnitDependencies, ends: DependencyEnds = 'both'): void {
    const id = this.#intern(unit)
    if (id === undefined) {
      this.#rejected++
      return
    }
    this.#unloaded.delete(id)
    this.#standing[id] = 'read'
    const { needs, neededBy } = readDependencies(unit, dependencies)
    if (ends !== 'neededBy') this.#updateOut(id, needs)
    if (ends !== 'needs') this.#updateIn(id, neededBy)
    if (ends === 'needs') this.#half.add(id)
    else this.#half.delete(id)
  }

  /** What they need was read of all loaded units: so both ends are known of each. */
  complete(): void {
    this.#half.clear()
  }

  /** A unit that was never read and is not loaded: it needs nothing, whatever others have said of it before. */
  withdraw(unit: string): void {
    const id = this.#ids.get(unit)
    if (id === undefined || this.#standing[id] !== 'named') return
    this.#updateOut(id, new Map())
    this.#release(id)
  }

  /** systemd has unloaded the unit; `atUsec` is when that was told, microseconds since 1970. */
  remove(unit: string, atUsec: number): void {
    const id = this.#ids.get(unit)
    if (id === undefined || this.#standing[id] !== 'read') return
    this.#standing[id] = 'unloaded'
    this.#unloaded.set(id, atUsec)
    if (this.#unloaded.size > this.#maxUnloaded) this.#forget(this.#unloaded.keys().next().value!)
  }

  /** The configuration may be another: what unloaded units needed is no longer known. */
  forgetUnloaded(): void {
    for (const id of [...this.#unloaded.keys()]) this.#forget(id)
  }

  /** Registers somebody who knows states; returns what ends that. */
  addStates(states: UnitStates): () => void {
    this.#states.add(states)
    return () => void this.#states.delete(states)
  }

  /** How a unit was at a time, by whoever knows; one that had been unloaded by then was down. */
  stateAt(unit: string, usec: number, sinceUsec = usec): ReturnType<UnitStates['at']> {
    for (const states of this.#states) {
      const state = states.at(unit, usec, sinceUsec)
      if (state !== undefined) return state
    }
    const id = this.#ids.get(unit)
    const unloadedAt = id === undefined ? undefined : this.#unloaded.get(id)
    return unloadedAt !== undefined && unloadedAt < sinceUsec ? 'down' : undefined
  }

  #edge(edge: number): Edge {
    const [from, to] = [this.#edges.from(edge), this.#edges.to(edge)]
    return { from: this.#names[from]!, to: this.#names[to]!, kinds: this.#edges.kinds(edge) }
  }

  #updateOut(id: number, needs: Map<string, EdgeKinds>): void {
    const edges = this.#edges
    for (let edge = edges.firstOut(id); edge !== kNoEdge; ) {
      const next = edges.nextOut(edge)
      const name = this.#names[edges.to(edge)]!
      this.#settle(edge, needs.get(name) ?? 0)
      needs.delete(name)
      edge = next
    }
    for (const [name, kinds] of needs) this.#join(id, this.#intern(name), kinds)
  }

  #updateIn(id: number, neededBy: Map<string, EdgeKinds>): void {
    const edges = this.#edges
    for (let edge = edges.firstIn(id); edge !== kNoEdge; ) {
      const next = edges.nextIn(edge)
      const from = edges.from(edge)
      const name = this.#names[from]!
      this.#settle(edge, neededBy.get(name) ?? (this.#standing[from] === 'unloaded' ? edges.kinds(edge) : 0))
      neededBy.delete(name)
      edge = next
    }
    for (const [name, kinds] of neededBy) this.#join(this.#intern(name), id, kinds)
  }

  #settle(edge: number, kinds: EdgeKinds): void {
    if (kinds === this.#edges.kinds(edge)) return
    this.#version++
    if (kinds !== 0) this.#edges.setKinds(edge, kinds)
    else this.#cut(edge)
  }

  #join(from: number | undefined, to: number | undefined, kinds: EdgeKinds): void {
    if (from !== undefined && to !== undefined && this.#edges.add(from, to, kinds)) {
      this.#version++
      return
    }
    this.#rejected++
    for (const id of [from, to]) if (id !== undefined) this.#release(id)
  }

  #cut(edge: number): void {
    const [from, to] = [this.#edges.from(edge), this.#edges.to(edge)]
    this.#edges.remove(edge)
    this.#release(from)
    this.#release(to)
  }

  #forget(id: number): void {
    this.#unloaded.delete(id)
    this.#standing[id] = 'named'
    this.#updateOut(id, new Map())
    // systemd has forgotten at both ends, or it would not have been unloaded; those who stay may never be read again.
    this.#updateIn(id, new Map())
    this.#release(id)
  }

  #intern(name: string): number | undefined {
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    if (this.#ids.size >= this.#maxUnits) return undefined
    const id = this.#freeIds.pop() ?? this.#names.length
    this.#ids.set(name, id)
    this.#names[id] = name
    this.#standing[id] = 'named'
    this.#version++
    return id
  }

  /** A unit that nobody names any more, and that was never read or is gone, is let go. */
  #release(id: number): void {
    const name = this.#names[id]
    if (name === undefined || this.#standing[id] !== 'named') return
    if (this.#edges.firstOut(id) !== kNoEdge || this.#edges.firstIn(id) !== kNoEdge) return
    this.#ids.delete(name)
    this.#names[id] = undefined
    this.#standing[id] = undefined
    this.#half.delete(id)
    this.#freeIds.push(id)
    this.#version++
  }
}
