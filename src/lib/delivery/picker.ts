import type { Clock } from '../../util/clock.js'
import type { BoundedQueue, Lane, Parcel } from './bounded-queue.js'

/** How parcels of one lane share a request. */
export interface Joining<P extends Parcel> {
  /** Requests of one lane begin at least so far apart; what comes meanwhile goes into the next. Of all its parcels the same. */
  intervalMs(parcel: P): number
  /**
   * Bytes of a request; a parcel that is larger goes alone. So much of one lane does not wait, either, nor does anything in a queue that is
   * over half full: company is worth less than room for what comes next.
   */
  readonly maxBytes: number
  /** One parcel of several, oldest first: as many items, and as many bytes but for what stands between them (commas of JSON). */
  join(parcels: readonly P[]): P
}

/**
 * Decides what is sent next. A request costs the same whether it holds one event or a hundred, some 0.4 ms at each end:
 *
 *     offered   a      b c   d            e
 *     sent      a             bcd         e      the first after a pause at once, then one in each interval
 */
export class Picker<P extends Parcel> {
  readonly #queue: BoundedQueue<P>
  readonly #joining: Joining<P> | undefined
  readonly #clock: Clock

  constructor(queue: BoundedQueue<P>, joining: Joining<P> | undefined, clock: Clock) {
    this.#queue = queue
    this.#joining = joining
    this.#clock = clock
  }

  /**
   * In how many milliseconds there is a parcel to take, 0 or less: now; `undefined` when none waits.
   *
   * @param hurry - nothing more will come: what there is is due
   */
  dueInMs(hurry: boolean): number | undefined {
    const lane = this.#next(hurry)
    return lane === undefined ? undefined : this.#dueInMs(lane, hurry)
  }

  /** The next parcel, taken from the queue, if one is due. */
  take(hurry: boolean): P | undefined {
    const lane = this.#next(hurry)
    if (lane === undefined || this.#dueInMs(lane, hurry) > 0) return undefined
    if (this.#joining === undefined) return this.#queue.take()
    lane.beganMs = this.#clock.monotonicMs()
    const parcels = lane.takeUpTo(this.#joining.maxBytes)
    if (parcels.length === 1) return parcels[0]
    const whole = this.#joining.join(parcels)
    this.#queue.grew(whole.byteLength - parcels.reduce((bytes, parcel) => bytes + parcel.byteLength, 0))
    return whole
  }

  /** The lane that is due first; of those that are due now, the one whose oldest parcel has waited longest. */
  #next(hurry: boolean): Lane<P> | undefined {
    let next: Lane<P> | undefined
    let soonestMs = Number.POSITIVE_INFINITY
    for (const lane of this.#queue.lanes) {
      if (lane.length === 0) continue
      const dueInMs = Math.max(this.#dueInMs(lane, hurry), 0)
      if (dueInMs < soonestMs || (dueInMs === soonestMs && lane.oldest < next!.oldest)) {
        next = lane
        soonestMs = dueInMs
      }
    }
    return next
  }

  #dueInMs({ beganMs, bytes, first }: Lane<P>, hurry: boolean): number {
    if (this.#joining === undefined || first === undefined || beganMs === undefined) return 0
    if (hurry || bytes >= this.#joining.maxBytes || this.#queue.overHalfFull) return 0
    return beganMs + this.#joining.intervalMs(first) - this.#clock.monotonicMs()
  }
}
