import type { OperationSpan } from '../../component/telemetry.js'
import type { Attributes } from '../../data/attributes.js'
import { totalOf } from '../../data/tally.js'
import { assertNever } from '../../util/assert-never.js'
import type { Parcel } from './bounded-queue.js'
import type { DeliverySettings } from './contract.js'
import type { Fate } from './sender.js'

/** Undefined where the agent does not trace itself, or not this request. */
export function beginRequestSpan<P extends Parcel>(
  { telemetry, tracing }: DeliverySettings<P>,
  parcel: P,
): RequestSpan<P> | undefined {
  if (telemetry.tracer === undefined || tracing === undefined) return undefined
  const signal = tracing.signalOf(parcel)
  const span = telemetry.tracer.begin('client', signal, signal === 'traces')
  return span === undefined ? undefined : new RequestSpan(span, parcel, tracing.attributesOf(signal))
}

/**
 * One request of an exporter, from the moment a sender has it until it is settled, with all its tries. Its name, the names of its
 * events and what `items.*` and `error.permanent` say are those of the OpenTelemetry Collector (exporterhelper).
 */
export class RequestSpan<P extends Parcel> {
  readonly #span: OperationSpan
  readonly #parcel: P
  readonly #attributes: Attributes
  #tries = 0

  constructor(span: OperationSpan, parcel: P, attributes: Attributes) {
    this.#span = span
    this.#parcel = parcel
    this.#attributes = attributes
  }

  tries(): void {
    this.#span.event('Sending request.', { retry_num: this.#tries })
    this.#tries++
  }

  failed(reason: string, waitMs: number): void {
    this.#span.event('Exporting failed. Will retry the request after interval.', {
      error: reason,
      interval: `${Math.round(waitMs)}ms`,
    })
  }

  /** @param fate - `evicted`: what came later took its place in the queue */
  end(fate: Fate | 'evicted'): void {
    const { outcome, failed, error, ...more } = this.#ending(fate)
    const { items, byteLength } = this.#parcel
    const attributes = {
      ...this.#attributes,
      'items.sent': items - failed,
      'items.failed': failed,
      'unitscope.request.bytes': byteLength,
      'unitscope.request.tries': this.#tries,
      'unitscope.request.outcome': outcome,
      // As the reason of the error that is counted.
      ...(error === undefined ? {} : { 'error.type': error.split(':')[0]! }),
      ...more,
    }
    this.#span.end(attributes, error)
  }

  #ending(fate: Fate | 'evicted'): Ending {
    const { items } = this.#parcel
    if (fate === 'evicted')
      return { outcome: 'queue_full', failed: items, error: 'queue_full: newer data took its place' }
    switch (fate.kind) {
      case 'delivered': {
        const failed = Math.min(typeof fate.rejected === 'number' ? fate.rejected : totalOf(fate.rejected), items)
        if (failed === 0) return { outcome: 'delivered', failed }
        const told = fate.message === '' ? '' : `: ${fate.message}`
        return { outcome: 'partial_success', failed, error: `partial_success${told}` }
      }
      case 'permanent':
        return { outcome: 'permanent', failed: items, error: fate.reason, 'error.permanent': true }
      case 'retry_exhausted':
        return { outcome: 'retry_exhausted', failed: items, error: fate.reason }
      case 'aborted':
        return { outcome: 'shutdown', failed: items, error: 'shutdown: the agent stops' }
      default:
        return assertNever(fate)
    }
  }
}

/** An outcome is `delivered`, or the reason for which items are dropped (of a queue on disk, `shutdown` is for the next start). */
interface Ending {
  readonly outcome: string
  readonly failed: number
  readonly error?: string
  readonly 'error.permanent'?: true
}
