import type { ListedUnit } from '../../data/unit-snapshot.js'
import type { UnitGraph } from '../../lib/dependencies/unit-graph.js'
import type { readDependencies } from '../../lib/systemd/configuration-reader.js'

type Dependencies = Awaited<ReturnType<typeof readDependencies>>[number]

/**
 * Types that tie units together: what depends on a unit often does so over a target, and what lies in a slice is known by
 * it. Scopes are containers and sessions. A host loads some 80 of these; devices, by far more, hang on mounts alone.
 */
export const surroundingTypes = ['target', 'slice', 'scope'] as const

/** Units read at a time, 0.25 ms of PID 1 each; the next sweep takes the rest. */
const kMaxPerSweep = 256
/** Of as many or fewer it does not matter what is asked of each. */
const kFew = 128
/** Units to be read; past it the next reading of all of them brings the others. */
const kMaxPending = 65_536

/**
 * Units that are not watched and yet stand between those that are. Their states are nobody's business here, their
 * dependencies are read into the graph: all at the start and after a reload, later each new one that systemd announces. Only
 * what they need: what needs them says so itself, where it is watched or one of them.
 */
export class Surroundings {
  readonly #graph: UnitGraph
  readonly #watched: (unit: string) => boolean
  readonly #pending = new Set<string>()
  /** Units that are read as one: of each what it needs. Empty when that is done. */
  #together: ReadonlySet<string> = new Set()
  /** Those among them that are read for nothing else. */
  #others: ReadonlySet<string> = new Set()
  /** That was begun, and not brought to an end: of those that were read nobody has said who needs them. */
  #interrupted = false

  /** @param watched - units whose dependencies come with their states */
  constructor(graph: UnitGraph, watched: (unit: string) => boolean) {
    this.#graph = graph
    this.#watched = watched
  }

  /** All that systemd has loaded at `atUsec`, microseconds since 1970: all are to be read, or read again. */
  listed(units: readonly ListedUnit[], atUsec: number): void {
    this.#pending.clear()
    this.#interrupted ||= this.#together.size > 0
    this.#together = new Set()
    const loaded = new Set(units.filter(({ loadState }) => loadState === 'loaded').map(({ name }) => name))
    for (const name of loaded) this.appeared(name)
    const gone = [...this.#graph.units()].filter((name) => this.#reads(name) && !loaded.has(name))
    for (const name of gone) this.#graph.remove(name, atUsec)
  }

  /**
   * systemd keeps each dependency at both of its ends. So where what they need is read of all units, nobody has to be asked
   * who needs it: half the questions, unless more units would have to be read for it that concern nobody.
   *
   * @param loaded - all that systemd has loaded
   * @param unread - those among them whose configuration is to be read
   */
  readTogether(loaded: readonly string[], unread: readonly string[]): void {
    const others = loaded.filter((name) => !this.#watched(name) && !this.#concerns(name))
    if (!this.#interrupted && (unread.length <= kFew || others.length >= unread.length)) return
    this.#together = new Set(loaded)
    this.#others = new Set(others)
    for (const name of others) this.#pending.add(name)
    for (const name of [...this.#graph.units()]) if (!this.#together.has(name)) this.#graph.withdraw(name)
  }

  /** At which end of its dependencies to look. */
  endsOf(unit: string): 'needs' | 'both' {
    return this.#together.has(unit) ? 'needs' : 'both'
  }

  /** Some of `wanted` may have gone, and no signal has told: they are of types that are not announced. */
  get unheard(): boolean {
    return this.wanted.some((name) => this.#others.has(name))
  }

  /** @param unread - units whose configuration is still to be read */
  swept(unread: readonly string[]): void {
    const isLeft = (name: string): boolean => this.#together.has(name)
    if (unread.some(isLeft) || [...this.#pending].some(isLeft)) return
    this.#together = new Set()
    this.#interrupted = false
    this.#graph.complete()
  }

  appeared(unit: string): void {
    if (this.#concerns(unit) && this.#pending.size < kMaxPending) this.#pending.add(unit)
  }

  vanished(unit: string, atUsec: number): void {
    if (!this.#concerns(unit)) return
    this.#pending.delete(unit)
    this.#graph.remove(unit, atUsec)
  }

  /** Units whose turn it is to be read. */
  get wanted(): readonly string[] {
    if (this.#pending.size === 0) return none
    return [...this.#pending].slice(0, kMaxPerSweep)
  }

  /** @param asked - what was `wanted`; of those that are not in `read` there is nothing to know any more */
  learn(asked: readonly string[], read: readonly Dependencies[]): void {
    for (const name of asked) this.#pending.delete(name)
    for (const { name, dependencies } of read) this.#graph.update(name, dependencies, 'needs')
  }

  #reads(unit: string): boolean {
    return this.#concerns(unit) || this.#others.has(unit)
  }

  #concerns(unit: string): boolean {
    return types.has(unit.slice(unit.lastIndexOf('.') + 1)) && !this.#watched(unit)
  }
}

const none: readonly string[] = Object.freeze([])
const types: ReadonlySet<string> = new Set(surroundingTypes)
