import type { Consumer, Settings } from '../../component/component.js'
import { type Batch, type Items, isEmpty, itemsOf, type Signal } from '../../data/batch.js'
import type { Metadata } from '../../data/resource.js'
import { totalOf } from '../../data/tally.js'
import { type Malformed, OtlpDecoder } from '../../lib/otlp/decode.js'
import type { Omissions } from '../../lib/otlp/decode-common.js'

/** What became of a request, in the words both protocols have for it. */
export type Verdict =
  /** All but `rejected` was taken: delivered, or held where its drops are counted; behind a durable queue: on disk. */
  | { readonly kind: 'taken'; readonly rejected: number; readonly message: string }
  /** It is to be sent again; nothing of it was taken. */
  | { readonly kind: 'later'; readonly reason: string; readonly afterMs: number }
  /** It must not be sent again. */
  | { readonly kind: 'refused'; readonly reason: string }

/** Where the pipeline names no time; senders of OTLP double it by themselves. */
const kRetryMs = 1000

/** Decodes requests and hands them on: the answer is that of the pipeline. */
export class Intake {
  readonly #next: Consumer
  readonly #settings: Settings
  readonly #decoder = new OtlpDecoder()
  readonly #omitted: (add: number) => void

  constructor(settings: Settings, next: Consumer) {
    this.#settings = settings
    this.#next = next
    this.#omitted = settings.telemetry.counter(
      'fields_omitted',
      'IDs, attributes and fields left out of records that were taken: invalid, doubled, or of a later protocol.',
    )
  }

  /** @param request - an Export*ServiceRequest in protobuf */
  async take(signal: Signal, request: Uint8Array, metadata?: Metadata): Promise<Verdict> {
    const { telemetry, clock } = this.#settings
    const startMs = clock.monotonicMs()
    const decoded = this.#decoder.decode(signal, request, metadata)
    if ('reason' in decoded) return this.malformed(signal, decoded)
    const { batch, rejected, omitted } = decoded
    const verdict = await this.#handOn(batch, rejected)
    if (verdict.kind !== 'later') this.#count({ [signal]: rejected }, omitted)
    telemetry.durationMs(clock.monotonicMs() - startMs)
    return verdict
  }

  malformed(signal: Signal, { reason, offset }: Malformed): Verdict {
    this.#settings.telemetry.error('malformed_request')
    const where = offset === undefined ? '' : `, at byte ${offset}`
    return { kind: 'refused', reason: `no request of ${signal}: ${reason}${where}` }
  }

  async #handOn(batch: Batch, rejected: number): Promise<Verdict> {
    const message = rejected === 0 ? '' : `${rejected} without valid IDs, or with buckets that do not fit their bounds`
    if (isEmpty(batch)) return { kind: 'taken', rejected, message }
    const outcome = await this.#next.consume(batch)
    if (outcome.kind === 'retryable')
      return { kind: 'later', reason: outcome.reason, afterMs: outcome.afterMs ?? kRetryMs }
    this.#settings.telemetry.processed(itemsOf(batch))
    return outcome.kind === 'ok' ? { kind: 'taken', rejected, message } : { kind: 'refused', reason: outcome.reason }
  }

  /** Of what is done with, taken or refused for good; what is left with its sender comes again. */
  #count(rejected: Items, { ids, attributes, unknown }: Omissions): void {
    const { telemetry } = this.#settings
    const left = ids + attributes + unknown
    if (left > 0) this.#omitted(left)
    if (totalOf(rejected) === 0) return
    telemetry.processed(rejected)
    telemetry.dropped(rejected, 'invalid')
  }
}
