import type { HistoryTeller } from './history-teller.js'
import { kMaxSavedUnits, type SavedTracker } from './tracker-state.js'
import type { UnitStore } from './unit-store.js'

/** Where an earlier run of this program stopped. */
export interface Continued {
  /** What happened until then it has told and counted, microseconds since 1970. */
  readonly sinceUsec: number
  /**
   * The machine was not booted since: units may be compared with what they were. Undefined where no boot ID can be read
   * (ProcSubset=pid): then the runs tell, for an InvocationID is of one boot.
   */
  readonly sameBoot: boolean | undefined
  /** Of now. */
  readonly bootId: string
}

/** Up to when all was told and counted, and what the next run of this program has to know to go on from there. */
export class Accounts {
  readonly #units: UnitStore
  readonly #history: HistoryTeller
  #continued: Continued | undefined
  #revision = 0
  #untilNs = 0n

  constructor(units: UnitStore, history: HistoryTeller) {
    this.#units = units
    this.#history = history
  }

  /** What an earlier run of this program knew; undefined when there was none. */
  get continued(): Continued | undefined {
    return this.#continued
  }

  /** Counts what was fed and read; only grows. */
  get revision(): number {
    return this.#revision
  }

  /** All that came until then is in the counters. */
  upTo(untilNs: bigint): void {
    this.#revision++
    if (untilNs > this.#untilNs) this.#untilNs = untilNs
  }

  /**
   * All that must outlive this process.
   *
   * @param untilNs - nothing is under way from before then; without it, that is the time of what came last
   */
  save(bootId: string, untilNs = 0n): SavedTracker {
    const accountedNs = untilNs > this.#untilNs ? untilNs : this.#untilNs
    const { sinceNs, ended } = this.#units
    const units = this.#units.save(kMaxSavedUnits)
    return {
      bootId,
      accountedNs: String(accountedNs),
      sinceNs: String(sinceNs),
      units,
      ended,
      jobs: this.#history.jobsTold,
    }
  }

  /**
   * Goes on where an earlier run of this program stopped. To be called before anything else is. In another boot than that of
   * then, counters go on, and no unit is what it was.
   *
   * @param accepts - units that are still to be followed
   */
  restore(saved: SavedTracker, bootId: string, accepts: (unit: string) => boolean = () => true): void {
    const sameBoot = bootId === '' || saved.bootId === '' ? undefined : saved.bootId === bootId
    this.#units.begin(BigInt(saved.sinceNs))
    this.#units.restore(
      saved.units.filter(({ name }) => accepts(name)),
      saved.ended,
    )
    this.#untilNs = BigInt(saved.accountedNs)
    const sinceUsec = Number(this.#untilNs / 1000n)
    this.#continued = { sinceUsec, sameBoot, bootId }
    this.#history.restore(sinceUsec, saved.jobs ?? [])
  }
}
