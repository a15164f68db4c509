import type { UnitState } from '../../data/signal-record.js'
import type { OomLoss, OomSuspect } from './oom-evidence.js'
import type { RecentEnds } from './recent-ends.js'

/** Losses that wait for the ends of their suspects, which come within a second. */
const kMaxWaiting = 64
/**
 * An end is stamped just before its cgroup is removed, and the next one no sooner than this after it (RestartSec= is 100 ms).
 * The removal is found out late on a host that is drowning.
 */
const kLagUsec = 50_000
const kMaxDelayUsec = 5_000_000

/** Why nobody is said to have been killed: not all suspects are known; there are more than kills; none is left, or has a run. */
export const undecidedReasons = ['oom_incomplete', 'oom_ambiguous', 'oom_unfound'] as const
export type Undecided = (typeof undecidedReasons)[number]

/** A run that was killed in a loss. */
export interface OomShare {
  readonly unit: string
  readonly invocationId: string
  readonly kills: number
  readonly atUsec: number
}

/**
 * - `unseen`: no end is known, if there is a unit at all
 * - `counted`: its own counter told of a kill just before, which is none of these
 * - `known`: systemd or the log told of a kill just before, which is one of these: the slice has counted it, and its own counter was not read
 * - `killed`: it ended by SIGKILL, and nobody has said why
 * - `other`: it ended in another way, though a process of it may have been killed
 */
type Fate = 'unseen' | 'counted' | 'known' | 'killed' | 'other'

/** What has told of a kill in this run since then, microseconds since 1970. */
type ToldBy = (unit: string, invocationId: string, sinceUsec: number) => 'counter' | 'other' | undefined

interface Suspect {
  readonly suspect: OomSuspect
  readonly fate: Fate
  readonly invocationId: string
}

/**
 * Finds out whose the kills were that only a slice has counted, from how the runs of the suspects ended. Nobody is named unless
 * there are as many kills as can have been killed. Pure: no clock.
 */
export class OomLosses {
  readonly #ends: RecentEnds
  readonly #toldBy: ToldBy
  #waiting: { readonly loss: OomLoss; due: boolean }[] = []
  readonly #undecided: Record<Undecided, number> = { oom_incomplete: 0, oom_ambiguous: 0, oom_unfound: 0 }

  constructor(ends: RecentEnds, toldBy: ToldBy) {
    this.#ends = ends
    this.#toldBy = toldBy
  }

  get waits(): boolean {
    return this.#waiting.length > 0
  }

  /** Kills that are told of nobody, by the reason; each only grows. */
  get undecided(): Readonly<Record<Undecided, number>> {
    return this.#undecided
  }

  take(loss: OomLoss): OomShare[] {
    const decided = this.#decide(loss, this.#waiting.length >= kMaxWaiting)
    if (decided === undefined) this.#waiting.push({ loss, due: false })
    return decided ?? []
  }

  /** A run has ended: some may have waited for it. */
  ended(unit: string): OomShare[] {
    if (!this.#waiting.some(({ loss }) => loss.suspects.some((one) => one.unit === unit))) return []
    return this.#retry(false)
  }

  /** A while has passed: what has waited since before the last call is decided as it is. */
  sweep(): OomShare[] {
    const out = this.#retry(true)
    for (const one of this.#waiting) one.due = true
    return out
  }

  #retry(force: boolean): OomShare[] {
    const out: OomShare[] = []
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) {
      const decided = this.#decide(one.loss, force && one.due)
      if (decided === undefined) this.#waiting.push(one)
      else out.push(...decided)
    }
    return out
  }

  /** Undefined while an end is awaited. */
  #decide(loss: OomLoss, force: boolean): OomShare[] | undefined {
    if (!loss.complete) return this.#leave('oom_incomplete', loss.kills)
    const suspects = this.#identify(loss.suspects)
    if (!force && suspects.some(({ fate, suspect }) => fate === 'unseen' && suspect.unit !== '')) return undefined
    const alone = suspects.length === 1
    const possible = alone ? suspects : suspects.filter((one) => isPossible(one, loss.grouped))
    const sure = possible.filter(({ fate }) => fate === 'known')
    const left = loss.kills - sure.length
    // All of it is told of already.
    if (left <= 0 && sure.length > 0) return []
    // A group has as many kills as processes: their number does not say of how many groups they are.
    const isOpen = loss.grouped && possible.length > 1 && sure.length < possible.length
    if (isOpen || possible.length > loss.kills) return this.#leave('oom_ambiguous', left)
    const found = possible.filter(({ fate }) => fate !== 'unseen')
    if (found.length === 0) return this.#leave('oom_unfound', left)
    return found.map(({ suspect, invocationId }) => ({
      unit: suspect.unit,
      invocationId,
      kills: alone ? loss.kills : 1,
      atUsec: suspect.goneUsec,
    }))
  }

  #leave(reason: Undecided, kills: number): [] {
    this.#undecided[reason] += kills
    return []
  }

  /** Those whose runs are known first: of the others each was another one. */
  #identify(suspects: readonly OomSuspect[]): Suspect[] {
    const taken = new Set<string>()
    const order = [...suspects].sort((a, b) => Number(a.invocationId === '') - Number(b.invocationId === ''))
    return order.map((suspect) => {
      const { unit, goneUsec } = suspect
      const end = this.#ends
        .of(unit)
        .findLast(({ what, usec }) =>
          suspect.invocationId === ''
            ? !taken.has(what.state.invocationId) && usec <= goneUsec + kLagUsec && usec > goneUsec - kMaxDelayUsec
            : what.state.invocationId === suspect.invocationId,
        )
      const invocationId = end?.what.state.invocationId ?? suspect.invocationId
      if (invocationId !== '') taken.add(invocationId)
      if (end === undefined) return { suspect, fate: 'unseen', invocationId }
      return { suspect, fate: this.#fate(suspect, end.what.state), invocationId }
    })
  }

  #fate({ unit, goneUsec }: OomSuspect, state: UnitState): Fate {
    const by = this.#toldBy(unit, state.invocationId, goneUsec - kMaxDelayUsec)
    if (by !== undefined) return by === 'counter' ? 'counted' : 'known'
    return isKilled(state) ? 'killed' : 'other'
  }
}

/** Whether it can have been this one, beside others. */
function isPossible({ fate, suspect }: Suspect, grouped: boolean): boolean {
  // Its kills are counted elsewhere; of a group that was killed at once that may be only some of them.
  if (fate === 'counted') return grouped
  // One of which nobody saw memory to be short, and that ended in another way, is none where somebody else was killed.
  return fate !== 'other' || suspect.stirred
}

/** By SIGKILL, the main process or, where it had none yet, what was to start it; a shell says 137 of its child's. */
function isKilled({ result, execMainCode: code, execMainStatus: status }: UnitState): boolean {
  if (code === 1 && status === 137) return true
  return (result === 'signal' || result === 'oom-kill') && (code === 0 || (code === 2 && status === 9))
}
