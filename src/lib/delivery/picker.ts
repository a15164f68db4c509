import type { Clock } from '../../util/clock.js'
import type { BoundedQueue, Parcel } from './bounded-queue.js'

/** How parcels of one lane share a request. */
export interface Joining<P extends Parcel> {
  /** Requests of one lane begin at least so far apart; what comes meanwhile goes into the next. */
  readonly intervalMs: number
  /** One parcel of several, oldest first: as many items, as many bytes. */
  join(parcels: readonly P[]): P
}

/**
 * Servers take 4 MiB (grpc's default); past this a larger request saves nothing more. So much of one lane does not
 * wait, either, nor does anything in a queue that is over half full: company is worth less than room for what comes next.
 */
const kMaxJoinedBytes = 256 * 1024

/**
 * Decides what is sent next. A request costs the same whether it holds one event or a hundred, some 0.4 ms at each end:
 *
 *     offered   a      b c   d            e
 *     sent      a             bcd         e      the first after a pause at once, then one in each interval
 */
export class Picker<P extends Parcel> {
  readonly #queue: BoundedQueue<P>
  readonly #laneOf: (parcel: P) => string
  readonly #joining: Joining<P> | undefined
  readonly #clock: Clock
  /** When the last request of each lane began. */
  readonly #began = new Map<string, number>()

  constructor(queue: BoundedQueue<P>, laneOf: (parcel: P) => string, joining: Joining<P> | undefined, clock: Clock) {
    this.#queue = queue
    this.#laneOf = laneOf
    this.#joining = joining
    this.#clock = clock
  }

  /**
   * The next parcel, taken from the queue; else in how many milliseconds there is one, `undefined` when none waits.
   *
   * @param hurry - nothing more will come: what there is is due
   */
  take(hurry: boolean): P | number | undefined {
    const joining = this.#joining
    if (joining === undefined) return this.#queue.take()
    const nowMs = this.#clock.monotonicMs()
    const all = hurry || this.#queue.overHalfFull
    const bytesOf = new Map<string, number>()
    let soonestMs = Number.POSITIVE_INFINITY
    for (const parcel of this.#queue.waiting()) {
      const lane = this.#laneOf(parcel)
      const bytes = (bytesOf.get(lane) ?? 0) + parcel.byteLength
      bytesOf.set(lane, bytes)
      const dueInMs = (this.#began.get(lane) ?? Number.NEGATIVE_INFINITY) + joining.intervalMs - nowMs
      if (dueInMs > 0 && bytes < kMaxJoinedBytes && !all) {
        soonestMs = Math.min(soonestMs, dueInMs)
        continue
      }
      this.#began.set(lane, nowMs)
      const parcels = this.#queue.takeOf((one) => this.#laneOf(one) === lane, kMaxJoinedBytes)
      return parcels.length === 1 ? parcels[0] : joining.join(parcels)
    }
    return bytesOf.size === 0 ? undefined : soonestMs
  }
}
