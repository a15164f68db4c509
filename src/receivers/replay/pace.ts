import { type Clock, sleep } from '../../util/clock.js'

/** A timer's longest wait (setTimeout takes 31 bits); only a damaged recording asks for more. */
const kMaxWaitMs = 2 ** 31 - 1

/** Holds a replay back to the recorded pace. */
export class Pace {
  readonly #clock: Clock
  readonly #speed: number | 'max'
  #start: { readonly hereMs: number; readonly recordedNs: bigint } | undefined

  /** @param speed - times the recorded pace, or `max` for no waiting at all */
  constructor(clock: Clock, speed: number | 'max') {
    this.#clock = clock
    this.#speed = speed
  }

  /** Waits until it is time for what was recorded at this instant; the first call sets the start. Ends early on abort. */
  async until(boottimeNs: bigint, signal: AbortSignal): Promise<void> {
    if (this.#speed === 'max') return
    this.#start ??= { hereMs: this.#clock.monotonicMs(), recordedNs: boottimeNs }
    const { hereMs, recordedNs } = this.#start
    const dueMs = hereMs + Number(boottimeNs - recordedNs) / 1e6 / this.#speed
    const waitMs = Math.min(dueMs - this.#clock.monotonicMs(), kMaxWaitMs)
    if (waitMs >= 1) await sleep(this.#clock, waitMs, signal)
  }
}
