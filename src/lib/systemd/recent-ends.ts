import type { Occurrence } from './occurrence.js'

/** Units whose ends are remembered, and ends of each: the storm of a thousand units that restart brings 350 a second. */
const kMaxUnits = 512
const kMaxOfUnit = 4

/** An end of a run, or the last that was told of one that is being stopped. */
export interface RecentEnd {
  readonly what: Occurrence
  /** When it was told of first, microseconds since 1970. */
  readonly usec: number
}

/** How the last runs of units ended. */
export class RecentEnds {
  /** Heard of longest ago first. */
  readonly #units = new Map<string, RecentEnd[]>()

  remember(unit: string, what: Occurrence): void {
    const ends = this.#units.get(unit) ?? []
    const at = ends.findIndex((end) => end.what.state.invocationId === what.state.invocationId)
    const usec = at < 0 ? what.atUsec : ends[at]!.usec
    if (at >= 0) ends.splice(at, 1)
    ends.push({ what, usec })
    if (ends.length > kMaxOfUnit) ends.shift()
    this.#units.delete(unit)
    this.#units.set(unit, ends)
    if (this.#units.size > kMaxUnits) this.#units.delete(this.#units.keys().next().value!)
  }

  /** Oldest first. */
  of(unit: string): readonly RecentEnd[] {
    return this.#units.get(unit) ?? []
  }

  last(unit: string): Occurrence | undefined {
    return this.of(unit).at(-1)?.what
  }

  find(unit: string, invocationId: string): Occurrence | undefined {
    return this.of(unit).find(({ what }) => what.state.invocationId === invocationId)?.what
  }
}
