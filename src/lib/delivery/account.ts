import type { Items } from '../../data/batch.js'
import { accountSignals, totalOf, without } from '../../data/tally.js'
import { assertNever } from '../../util/assert-never.js'
import { type Parcel, sizeOf } from './bounded-queue.js'
import type { DeliverySettings, DropReason } from './contract.js'
import type { DeliveryHealth } from './health.js'
import type { Fate } from './sender.js'

const kComplainEveryMs = 60_000

/** What became of parcels: counted, each loss by its reason, and said where somebody has to know. */
export class Account<P extends Parcel> {
  readonly #settings: DeliverySettings<P>
  readonly #health: DeliveryHealth
  readonly #retried: (add: number) => void
  #complaint: { readonly reason: string; readonly quietUntilMs: number } | undefined

  constructor(settings: DeliverySettings<P>, health: DeliveryHealth) {
    this.#settings = settings
    this.#health = health
    this.#retried = settings.telemetry.counter('retries', 'Failed tries that were repeated')
  }

  /**
   * A sender is done with it.
   *
   * @param lane - refusals of one say nothing about another
   * @param isOnDisk - what was not delivered in the end is there still
   */
  settled(parcel: P, fate: Fate, lane: string, isOnDisk: boolean): void {
    const { telemetry, logger } = this.#settings
    const { items } = parcel
    const signals = this.#settings.signalsOf(parcel)
    switch (fate.kind) {
      case 'delivered': {
        const rejected = this.#rejectedOf(parcel, fate.rejected)
        telemetry.processed(without(signals, rejected))
        this.dropped(rejected, 'partial_success')
        if (fate.message !== '')
          logger.warn('the server took the data with a complaint', {
            rejected: totalOf(rejected),
            message: fate.message,
          })
        this.#health.delivered(lane)
        break
      }
      case 'permanent':
        this.dropped(signals, 'permanent')
        if (!this.#health.refused(lane, fate.reason, fate.anyRequest === true))
          this.#complain('the server refused data for good; it is dropped', { items, reason: fate.reason })
        break
      case 'retry_exhausted':
        this.dropped(signals, 'retry_exhausted')
        this.#complain('gave up retrying; data is dropped', { items, reason: fate.reason })
        break
      case 'aborted':
        if (!isOnDisk) this.dropped(signals, 'shutdown')
        break
      default:
        assertNever(fate)
    }
  }

  /** A try has failed, and there will be another. */
  failing(reason: string, isBreakerOpen: boolean): void {
    this.#retried(1)
    this.#settings.telemetry.error(reason.split(':')[0] ?? 'error')
    this.#health.failing(reason, isBreakerOpen)
  }

  dropped(items: Items, reason: DropReason): void {
    this.#settings.telemetry.dropped(items, reason)
  }

  droppedAll(parcels: readonly P[], reason: DropReason): void {
    for (const parcel of parcels) this.dropped(this.#settings.signalsOf(parcel), reason)
  }

  /** They will never fit. */
  tooLarge(parcels: readonly P[], reason: string): void {
    this.droppedAll(parcels, 'too_large')
    this.#complain('a batch can never be sent; it is dropped', { items: sizeOf(parcels).items, reason })
  }

  /** Each reason is said once a minute, all are counted. */
  #complain(message: string, fields: { readonly items: number; readonly reason: string }): void {
    const nowMs = this.#settings.clock.monotonicMs()
    if (this.#complaint?.reason === fields.reason && nowMs < this.#complaint.quietUntilMs) return
    this.#complaint = { reason: fields.reason, quietUntilMs: nowMs + kComplainEveryMs }
    this.#settings.logger.error(message, fields)
  }

  /** A number: of a parcel of one signal. */
  #rejectedOf(parcel: P, rejected: number | Items): Items {
    if (typeof rejected !== 'number') return rejected
    const all = this.#settings.signalsOf(parcel)
    const signal = accountSignals.find((one) => (all[one] ?? 0) > 0) ?? 'unknown'
    return { [signal]: Math.min(rejected, parcel.items) }
  }
}
