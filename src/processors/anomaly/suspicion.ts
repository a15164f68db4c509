import { type Question, questions } from '../../lib/anomaly/series-bank.js'
import type { DetectorContext } from '../../lib/patterns/detector.js'

/** Readings of so long are one sample. */
export const kIntervalMs = 300_000
/** Half an hour in which nobody has seen whether it goes on: then it begins anew. */
const kMostUnseen = 6
/** Of logarithms of what a unit uses, and of differences between two. */
const kMostOctaves = 64
/** Of -log₁₀ of a chance. */
const kMostSurprise = 1000
/** A year: nothing has to go on for longer, whatever `baseline_period` is. */
const kMostWait = 366 * 288

/** What gave it away: one of the questions that are asked of each series, or that it stands apart from the unit's other series. */
export type Reason = Question | 'apart'
const reasons: ReadonlySet<unknown> = new Set<Reason>([...questions, 'apart'])

export interface SuspicionOf {
  /** How far it was from what is usual, and that: powers of two. */
  readonly away: number
  readonly usual: number
  readonly surprise: number
  /** Surprise that was enough, but for what others have raised the bar by. */
  readonly needed: number
  readonly reason: Reason
  /** It must go on for more than one interval. */
  readonly isLong: boolean
  /** Number of the one at which it is told of. */
  readonly untilInterval: number
  /** Number of the last one in which it was seen. */
  readonly seenInterval: number
}

/** In the state file. Times are microseconds since 1970, of beginnings of intervals. */
export interface SavedSuspicion extends Omit<SuspicionOf, 'untilInterval' | 'seenInterval'> {
  readonly untilUsec: number
  readonly seenUsec: number
}

/** Something unusual that is told of only when it goes on. */
export class Suspicion {
  readonly usual: number
  readonly surprise: number
  readonly needed: number
  readonly reason: Reason
  readonly untilInterval: number
  readonly #away: number
  readonly #isLong: boolean
  #seenInterval: number

  constructor({ away, usual, surprise, needed, reason, isLong, untilInterval, seenInterval }: SuspicionOf) {
    this.usual = usual
    this.surprise = surprise
    this.needed = needed
    this.reason = reason
    this.untilInterval = untilInterval
    this.#away = away
    this.#isLong = isLong
    this.#seenInterval = seenInterval
  }

  /** It is still at least half as far away, on the same side; or, where one interval is enough, unusual once more. */
  goesOn(interval: number, away: number, isUnusual: boolean): boolean {
    const unseen = interval - this.#seenInterval
    // Before it was seen: the clock of the agent that has kept it was ahead.
    if (unseen < 0 || unseen > kMostUnseen) return false
    this.#seenInterval = interval
    if (away * Math.sign(this.#away) >= Math.abs(this.#away) / 2) return true
    return isUnusual && !this.#isLong
  }

  save(context: DetectorContext): SavedSuspicion {
    const usec = (interval: number): number => Number(context.unixNano(interval * kIntervalMs) / 1000n)
    const { usual, surprise, needed, reason } = this
    return {
      ...{ away: this.#away, usual, surprise, needed, reason, isLong: this.#isLong },
      ...{ untilUsec: usec(this.untilInterval), seenUsec: usec(this.#seenInterval) },
    }
  }

  /** @throws where it is not of the form that `save` gives */
  static read(saved: SavedSuspicion, context: DetectorContext): Suspicion {
    const { away, usual, surprise, needed, reason, isLong, untilUsec, seenUsec } = saved
    const areOctaves = [away, usual].every((one) => Number.isFinite(one) && Math.abs(one) <= kMostOctaves)
    const areSurprises = [surprise, needed].every((one) => Number.isFinite(one) && one >= 0 && one <= kMostSurprise)
    const areTimes = Number.isSafeInteger(untilUsec) && Number.isSafeInteger(seenUsec)
    if (!areOctaves || !areSurprises || !areTimes || !reasons.has(reason) || typeof isLong !== 'boolean')
      throw new Error('a suspicion that is none')
    const interval = (usec: number): number => Math.round(context.steadyMs(BigInt(usec) * 1000n) / kIntervalMs)
    const [untilInterval, seenInterval] = [interval(untilUsec), interval(seenUsec)]
    if (untilInterval < seenInterval || untilInterval > seenInterval + kMostWait)
      throw new Error('a suspicion without an end')
    return new Suspicion({ away, usual, surprise, needed, reason, isLong, untilInterval, seenInterval })
  }
}
