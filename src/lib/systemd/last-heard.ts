import type { UnitState } from '../../data/signal-record.js'

/** Nothing holds signals up for longer and lets them through then: silence of longer is silence. */
const kMaxStallUsec = 3_600_000_000

/**
 * How far what has reached us goes, by PID 1's own stamps: when a record was read says little, for a process that stood still
 * reads afterwards what was sent meanwhile, as far as it was kept.
 */
export class LastHeard {
  #stampUsec = 0
  #nowNs = 0n

  state({ stateChangeUsec }: UnitState): void {
    if (stateChangeUsec > this.#stampUsec) this.#stampUsec = stateChangeUsec
  }

  /** Something came, or was read. */
  at(nowNs: bigint): void {
    this.#nowNs = nowNs
  }

  /** Since when something has been missed, microseconds since 1970, if what should have come next was lost. */
  get missedSinceUsec(): number {
    const nowUsec = Number(this.#nowNs / 1000n)
    // The stamp may be of a clock that was set back since.
    return Math.min(nowUsec, Math.max(this.#stampUsec, nowUsec - kMaxStallUsec))
  }
}
