import type { Question } from '../../lib/anomaly/series-bank.js'

/** What gave it away: one of the questions that are asked of each series, or that it stands apart from the unit's other series. */
export type Reason = Question | 'apart'

export interface SuspicionOf {
  readonly value: number
  readonly usual: number
  readonly surprise: number
  /** Surprise that was enough, but for what others have raised the bar by. */
  readonly needed: number
  readonly reason: Reason
  /** Number of the interval in which it came up. */
  readonly interval: number
  /** Number of the one at which it is told of. */
  readonly untilInterval: number
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

  constructor({ value, usual, surprise, needed, reason, interval, untilInterval }: SuspicionOf) {
    this.#away = value - usual
    this.usual = usual
    this.surprise = surprise
    this.needed = needed
    this.reason = reason
    this.untilInterval = untilInterval
    this.#isLong = untilInterval > interval + 1
  }

  /** It is still at least half as far away, on the same side; or, where one interval is enough, unusual once more. */
  goesOn(away: number, isUnusual: boolean): boolean {
    if (away * Math.sign(this.#away) >= Math.abs(this.#away) / 2) return true
    return isUnusual && !this.#isLong
  }
}
