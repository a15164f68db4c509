import type { RawEvent } from '../../data/event.js'
import type { OomEvidence, OomLoss } from './oom-evidence.js'
import type { Undecided } from './oom-losses.js'
import type { UnitTeller } from './unit-teller.js'

/** Takes the kernel's word on kills for want of memory, and tells of each once. */
export class OomTeller {
  readonly #teller: UnitTeller

  constructor(teller: UnitTeller) {
    this.#teller = teller
  }

  /** The kernel says that a unit's process was killed for want of memory. */
  take(evidence: OomEvidence, observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    this.#teller.tellOom(out, this.#teller.oom.take(evidence), observedNs, 'signal')
    return out
  }

  /** A slice has counted kills in cgroups that are gone. */
  takeLoss(loss: OomLoss, observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    this.#teller.tellOom(out, this.#teller.oom.takeLoss(loss), observedNs, 'signal')
    return out
  }

  /** Whether settle() is to be called in a while: kills wait for what else may tell of them. */
  get waits(): boolean {
    return this.#teller.oom.waits
  }

  /** What the kernel told of kills that led to no event; only grows. */
  get unattributed(): number {
    return this.#teller.oom.unattributed
  }

  /** Kills that only slices have counted, and that are told of nobody, by the reason; each only grows. */
  get undecided(): Readonly<Record<Undecided, number>> {
    return this.#teller.oom.undecided
  }

  /** A while has passed: kills that have waited since before the last call are told as they are known. */
  settle(observedNs: bigint): RawEvent[] {
    const out: RawEvent[] = []
    this.#teller.tellOom(out, this.#teller.oom.sweep(), observedNs, 'signal')
    return out
  }
}
