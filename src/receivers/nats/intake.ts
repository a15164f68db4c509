import type { Consumer, Settings } from '../../component/component.js'
import { isEmpty, itemsOf, type Signal, signals } from '../../data/batch.js'
import { OtlpDecoder } from '../../lib/otlp/decode.js'
import { RecentKeys } from '../../util/recent-keys.js'

/** A message as JetStream delivers it. */
export interface Delivered {
  /** `logs`, `metrics` or `traces`; or what else stands there. */
  readonly signal: string | undefined
  readonly data: Uint8Array
  /** Number in the stream; one that is made anew begins with 1 again. */
  readonly sequence: number
  /** When the stream took it: with the number, of no other message ever. */
  readonly timestampNanos: bigint
  /** It is done with. */
  ack(): void
  /** It is to come again after so long. */
  later(afterMs: number): void
  /** It must not come again. */
  giveUp(): void
}

/** Where the pipeline names no time. */
const kRetryMs = 1000
/** More than can be under way; an acknowledgement that was lost is noticed at once. */
const kRecent = 16_384

/** Decodes messages and hands them on; what the pipeline answers is what the stream is told. */
export class Intake {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #maxBytes: number
  readonly #decoder = new OtlpDecoder()
  readonly #done = new RecentKeys(kRecent)
  readonly #underWay = new Set<string>()
  readonly #omitted: (add: number) => void
  readonly #again: (add: number) => void
  readonly #givenUp: (add: number) => void

  constructor(settings: Settings, next: Consumer, maxBytes: number) {
    this.#settings = settings
    this.#next = next
    this.#maxBytes = maxBytes
    const { telemetry } = settings
    this.#omitted = telemetry.counter(
      'fields_omitted',
      'IDs, attributes and fields left out of records that were taken: invalid, doubled, or of a later protocol.',
    )
    this.#again = telemetry.counter('messages_again', 'Messages delivered again that were done with already.')
    this.#givenUp = telemetry.counter('messages_given_up', 'Messages that are no OTLP request, or too large.')
  }

  async take(message: Delivered): Promise<void> {
    const { clock, telemetry } = this.#settings
    const key = `${message.sequence} ${message.timestampNanos}`
    if (this.#underWay.has(key)) return // it is answered when it is done
    if (this.#done.has(key)) {
      this.#again(1)
      message.ack()
      return
    }
    const startMs = clock.monotonicMs()
    this.#underWay.add(key)
    try {
      await this.#handOn(message, () => this.#done.add(key))
    } finally {
      this.#underWay.delete(key)
      telemetry.durationMs(clock.monotonicMs() - startMs)
    }
  }

  /** @param done - it must not be handed on again; called before that is said, for there may be no connection to say it on */
  async #handOn(message: Delivered, done: () => void): Promise<void> {
    const { telemetry, logger } = this.#settings
    const read = this.#read(message)
    if ('reason' in read) {
      telemetry.error('malformed_message')
      this.#givenUp(1)
      logger.warn('a message is given up', { reason: read.reason, sequence: message.sequence })
      done()
      message.giveUp()
      return
    }
    const { batch, rejected, omitted } = read
    const outcome = isEmpty(batch) ? ({ kind: 'ok' } as const) : await this.#next.consume(batch)
    if (outcome.kind === 'retryable') {
      message.later(outcome.afterMs ?? kRetryMs)
      return
    }
    telemetry.processed(itemsOf(batch))
    if (rejected > 0) {
      telemetry.processed({ [read.signal]: rejected })
      telemetry.dropped({ [read.signal]: rejected }, 'invalid')
    }
    const left = omitted.ids + omitted.attributes + omitted.unknown
    if (left > 0) this.#omitted(left)
    done()
    // Who answers `permanent` has counted the loss (decision 0060).
    if (outcome.kind === 'permanent') message.giveUp()
    else message.ack()
  }

  #read({ signal, data }: Delivered) {
    if (!isSignal(signal)) return { reason: 'its subject names no signal' }
    if (data.length > this.#maxBytes) return { reason: `it has ${data.length} bytes` }
    const decoded = this.#decoder.decode(signal, data)
    return 'reason' in decoded ? decoded : { ...decoded, signal }
  }
}

function isSignal(text: string | undefined): text is Signal {
  return signals.some((signal) => signal === text)
}
