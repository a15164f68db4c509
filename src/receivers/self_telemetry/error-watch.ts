import type { Totals } from './component-totals.js'

/** A component that began, or ceased, to fail too often. */
export interface Change {
  readonly kind: 'degraded' | 'recovered'
  readonly totals: Totals
  /** Since the beginning of the window: all, and of which reason most were. */
  readonly errors: Share
  readonly lost: Share
  /** How long it was degraded; 0 when that begins. */
  readonly degradedMs: number
}

export interface Share {
  readonly count: number
  /** Empty where there were none. */
  readonly mostly: string
}

interface Look {
  readonly atMs: number
  readonly errors: ReadonlyMap<string, number>
  readonly lost: ReadonlyMap<string, number>
}

interface Watched {
  /** The last look before the window, and those in it; oldest first. */
  looks: Look[]
  degradedSinceMs: number | undefined
}

const kNothing: ReadonlyMap<string, number> = new Map()

/**
 * Tells when a component fails too often, and when no longer. It begins with `threshold` errors, or any item lost, within the window; it is over
 * when a whole window had at most half as many errors and nothing lost, and the component says that it is well: what stays near the threshold is
 * told once, and an exporter that tries seldom, since its server is gone, has not recovered.
 *
 * Components are those of the configuration, so there is no other bound; looks are one per interval of the window.
 */
export class ErrorWatch {
  readonly #windowMs: number
  readonly #threshold: number
  readonly #watched = new Map<string, Watched>()
  readonly #startMs: number

  /** @param nowMs - when all counted from zero: an error before the first look counts, too */
  constructor(windowMs: number, threshold: number, nowMs: number) {
    this.#windowMs = windowMs
    this.#threshold = threshold
    this.#startMs = nowMs
  }

  look(totalsOf: ReadonlyMap<string, Totals>, nowMs: number): readonly Change[] {
    const changes: Change[] = []
    for (const [key, totals] of totalsOf) {
      const watched = this.#watched.get(key) ?? {
        looks: [{ atMs: this.#startMs, errors: kNothing, lost: kNothing }],
        degradedSinceMs: undefined,
      }
      this.#watched.set(key, watched)
      watched.looks.push({ atMs: nowMs, errors: totals.errors, lost: totals.lost })
      while (watched.looks[1]!.atMs <= nowMs - this.#windowMs && watched.looks.length > 2) watched.looks.shift()
      const change = this.#judge(watched, totals, nowMs)
      if (change !== undefined) changes.push(change)
    }
    return changes
  }

  #judge(watched: Watched, totals: Totals, nowMs: number): Change | undefined {
    const [before] = watched.looks
    const errors = share(totals.errors, before!.errors)
    const lost = share(totals.lost, before!.lost)
    const since = watched.degradedSinceMs
    if (since === undefined) {
      if (errors.count < this.#threshold && lost.count === 0) return undefined
      watched.degradedSinceMs = nowMs
      return { kind: 'degraded', totals, errors, lost, degradedMs: 0 }
    }
    if (errors.count > this.#threshold / 2 || lost.count > 0 || !totals.healthy) return undefined
    watched.degradedSinceMs = undefined
    return { kind: 'recovered', totals, errors, lost, degradedMs: nowMs - since }
  }
}

function share(now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>): Share {
  let count = 0
  let most = 0
  let mostly = ''
  for (const [reason, total] of now) {
    const more = total - (before.get(reason) ?? 0)
    count += more
    if (more > most) [most, mostly] = [more, reason]
  }
  return { count, mostly }
}
