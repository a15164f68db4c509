import { type Outcome, ok } from '../../component/outcome.js'
import { type Batch, countItems, isEmpty } from '../../data/batch.js'
import { type Parcel, type Size, sizeOf } from './bounded-queue.js'
import type { Delivery } from './delivery.js'

/** A batch as parcels. */
export interface Prepared<P extends Parcel> {
  readonly parcels: readonly P[]
  /** Called unless the batch stays with the caller: one that is offered again is counted once (decision 0060). */
  readonly accepted: () => void
}

/** Between an exporter's `consume` and its delivery: batches are serialised once, and not at all where they would be refused. */
export class Intake<P extends Parcel> {
  readonly #delivery: Delivery<P>
  readonly #prepare: (batch: Batch) => Prepared<P>
  /**
   * What refused batches measured: while the server is away they are offered ten times a second, and each serialising takes
   * 10 ms for 8,000 points. Their bytes are not kept, for memory is what is scarce then.
   */
  readonly #refused = new WeakMap<Batch, Size>()

  constructor(delivery: Delivery<P>, prepare: (batch: Batch) => Prepared<P>) {
    this.#delivery = delivery
    this.#prepare = prepare
  }

  async take(batch: Batch): Promise<Outcome> {
    if (isEmpty(batch)) return ok
    const refusal = this.#delivery.refusalOf(this.#refused.get(batch) ?? { items: countItems(batch), bytes: 0 })
    if (refusal !== undefined) return refusal
    const { parcels, accepted } = this.#prepare(batch)
    const outcome = await this.#delivery.hold(parcels)
    if (outcome.kind === 'retryable') this.#refused.set(batch, sizeOf(parcels))
    else accepted()
    return outcome
  }
}
