import { type Clock, sleep } from '../../util/clock.js'
import type { Parcel } from './bounded-queue.js'

/** A parcel a sender has taken and not settled. */
export interface InHand<P extends Parcel> {
  readonly parcel: P
  /** Aborted when the parcel is taken away: it made room for newer data, or the agent stops. */
  readonly signal: AbortSignal
  /** Waits between two tries, when it may be taken away. False: it was. */
  wait(ms: number): Promise<boolean>
}

interface Entry<P extends Parcel> extends InHand<P> {
  readonly abort: AbortController
  waiting: boolean
}

/** What senders have in hand, oldest first; of that, what waits for its next try can still be given up for newer data. */
export class HandsOf<P extends Parcel> {
  readonly #entries = new Set<Entry<P>>()
  readonly #clock: Clock
  #impatient = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  take(parcel: P): InHand<P> {
    const abort = new AbortController()
    const entry: Entry<P> = {
      parcel,
      abort,
      signal: abort.signal,
      waiting: false,
      wait: async (ms) => {
        if (this.#impatient) return false
        entry.waiting = true
        const whole = await sleep(this.#clock, ms, abort.signal)
        entry.waiting = false
        // The time may have been up in the same turn in which it was taken away.
        return whole && !abort.signal.aborted
      },
    }
    this.#entries.add(entry)
    return entry
  }

  /** @returns false when it was taken away meanwhile, and is settled already */
  settle(hand: InHand<P>): boolean {
    return this.#entries.delete(hand as Entry<P>)
  }

  /**
   * Takes the oldest parcel away that waits for its next try; the caller settles it. One that is on the wire stays: it may
   * be delivered at this moment.
   */
  evictWaiting(which: (parcel: P) => boolean = () => true): P | undefined {
    for (const entry of this.#entries) {
      if (!entry.waiting || !which(entry.parcel)) continue
      this.#entries.delete(entry)
      entry.abort.abort()
      return entry.parcel
    }
    return undefined
  }

  /** From now on nobody waits for a next try; what is on the wire goes on. */
  endWaits(): void {
    this.#impatient = true
    for (const { abort, waiting } of this.#entries) if (waiting) abort.abort()
  }

  /** Ends every wait and every try. */
  abortAll(): void {
    for (const { abort } of this.#entries) abort.abort()
  }
}
