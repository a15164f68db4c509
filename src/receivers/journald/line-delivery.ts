import type { Consumer, Settings } from '../../component/component.js'
import { batchOf } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import { sleep } from '../../util/clock.js'

/**
 * Past either, the journal is not read on: enough to fill the largest request while the one before is under way. Characters
 * are those of messages and attributes: of both a program may write 64 KiB and more.
 */
const kMaxWaiting = 4096
const kMaxWaitingChars = 8 * 1024 * 1024

/** Wait before a refused batch is offered again, where `next` named no time; doubles up to the limit. */
const kFirstRetryMs = 100
const kMaxRetryMs = 5000

/**
 * Hands lines on, in order: one batch at a time, offered until it is taken. What comes meanwhile makes up the next; so a
 * pipeline that answers late (`batch`) is given more at once, and nothing overtakes a refused line.
 */
export class LineDelivery {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #onDelivered: (cursor: string) => void
  readonly #stopping = new AbortController()
  #waiting: RawEvent[] = []
  #waitingChars = 0
  /** Of the last entry read, whether a line was made of it or not. */
  #cursor: string | undefined
  #held = 0
  #isSending = false
  #sending: Promise<void> = Promise.resolve()
  /** Lines were given up at the end; none that follow may be delivered in their stead. */
  #isOver = false
  /** Of those that wait for room: the reader, and who sums up or tells of a gap meanwhile. */
  #onRoom: (() => void)[] = []

  /** @param onDelivered - everything up to this cursor is out of our hands */
  constructor(settings: Settings, next: Consumer, onDelivered: (cursor: string) => void) {
    this.#settings = settings
    this.#next = next
    this.#onDelivered = onDelivered
    settings.telemetry.gauge('pending_items', 'Lines that wait for the pipeline.', '{item}', () => this.#held)
  }

  /** Takes lines over. Resolves when there is room for more. */
  async push(events: readonly RawEvent[], cursor?: string): Promise<void> {
    const { telemetry } = this.#settings
    telemetry.processed({ logs: events.length })
    if (this.#isOver) {
      telemetry.dropped({ logs: events.length }, 'shutdown')
      return
    }
    for (const event of events) {
      this.#waiting.push(event)
      this.#waitingChars += charsOf(event)
    }
    this.#held += events.length
    if (cursor !== undefined) this.#cursor = cursor
    if (!this.#isSending) this.#sending = this.#send()
    if (this.#isFull()) {
      await new Promise<void>((resolve) => void this.#onRoom.push(resolve))
    }
  }

  /** Offers what is left once more, counts what is refused as `shutdown`, and returns when nothing is under way. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#sending
  }

  #isFull(): boolean {
    return this.#waiting.length >= kMaxWaiting || this.#waitingChars >= kMaxWaitingChars
  }

  async #send(): Promise<void> {
    this.#isSending = true
    while (this.#waiting.length > 0 || this.#cursor !== undefined) {
      const events = this.#waiting
      const cursor = this.#cursor
      this.#waiting = []
      this.#waitingChars = 0
      this.#cursor = undefined
      this.#letIn()
      const taken = events.length === 0 || (await this.#deliver(events))
      this.#held -= events.length
      // What is given up at the end is read again by the next agent: the position stays before it.
      if (!taken) return this.#giveUp()
      if (cursor !== undefined) this.#onDelivered(cursor)
    }
    this.#isSending = false
  }

  #giveUp(): void {
    this.#isOver = true
    this.#settings.telemetry.dropped({ logs: this.#waiting.length }, 'shutdown')
    this.#held -= this.#waiting.length
    this.#waiting = []
    this.#letIn()
  }

  #letIn(): void {
    for (const goOn of this.#onRoom.splice(0)) goOn()
  }

  async #deliver(events: readonly RawEvent[]): Promise<boolean> {
    const { clock, telemetry } = this.#settings
    // The same object each time: a fan-out remembers by it who has taken it already.
    const batch = batchOf({ events })
    for (let waitMs = kFirstRetryMs; ; waitMs = Math.min(waitMs * 2, kMaxRetryMs)) {
      const startMs = clock.monotonicMs()
      const outcome = await this.#next.consume(batch)
      telemetry.durationMs(clock.monotonicMs() - startMs)
      if (outcome.kind !== 'retryable') return true // who refuses for good has counted it (decision 0060)
      if (this.#stopping.signal.aborted) {
        telemetry.dropped({ logs: events.length }, 'shutdown')
        return false
      }
      await sleep(clock, outcome.afterMs ?? waitMs, this.#stopping.signal)
    }
  }
}

function charsOf({ body, attributes }: RawEvent): number {
  let chars = body.length
  for (const name in attributes) {
    const value = attributes[name]
    if (typeof value === 'string') chars += value.length
    else if (Array.isArray(value)) for (const one of value) chars += String(one).length
  }
  return chars
}
