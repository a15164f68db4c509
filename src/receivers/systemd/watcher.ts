import type { SignalReader, SignalStats } from '../../binding/signal-source.js'
import { matchRules, stableReason } from '../../lib/systemd/bus.js'
import { sleep } from '../../util/clock.js'
import { RecordQueue } from './record-queue.js'
import { Session } from './session.js'
import type { WatchOptions } from './watch-options.js'

/** The bus is back 22 to 76 ms after it was killed (dbus-daemon 1.14, socket activation), so the first tries are quick. */
const kFirstRetryMs = 100
const kMaxRetryMs = 30_000

/** Keeps one session with systemd going for as long as it runs: connects, hands over, connects again. */
export class Watcher {
  readonly #options: WatchOptions
  readonly #queue: RecordQueue
  #reader: SignalReader | undefined
  /** What readers of earlier sessions counted. */
  #past = noSignals
  #up = false

  constructor(options: WatchOptions) {
    this.#options = options
    this.#queue = new RecordQueue(options.tracker, options.selection, options.config.signal_buffer_size)
  }

  /** Whether systemd answered the last time it was asked. */
  get up(): boolean {
    return this.#up
  }

  /** Signals between the bus thread and the pipeline. */
  get buffered(): number {
    return this.#reader?.stats().buffered ?? 0
  }

  totals(): SignalTotals {
    return this.#reader === undefined ? this.#past : add(this.#past, this.#reader.stats())
  }

  /** Runs until aborted; resolves when everything it owns is closed. */
  async run(signal: AbortSignal): Promise<void> {
    const { settings, onStatus } = this.#options
    for (let attempt = 0; !signal.aborted; attempt++) {
      const { reason, synchronised } = await this.#session(signal)
      this.#up = false
      if (signal.aborted) return
      if (synchronised) {
        attempt = 0
        this.#queue.noteGap('bus_lost')
      }
      onStatus({ state: 'degraded', reason: stableReason(reason) })
      const limitMs = Math.min(kFirstRetryMs * 2 ** attempt, kMaxRetryMs)
      // Between half and all of the limit: many agents of one bus must not come back at the same instant.
      await sleep(settings.clock, limitMs * (0.5 + settings.random() / 2), signal)
    }
  }

  async #session(signal: AbortSignal): Promise<{ reason: string; synchronised: boolean }> {
    const { config, native, address, selection, onEvents } = this.#options
    const session = new Session({
      ...this.#options,
      queue: this.#queue,
      onUp: (up) => {
        this.#up = up
      },
    })
    const reader = native.createSignalReader(
      {
        address,
        matchRules,
        filter: selection.filter,
        ringRecords: config.signal_buffer_size,
        overflow: config.overflow_policy,
        maxBatchSize: config.max_batch_size,
        batchTimeoutMs: config.batch_timeout,
        backpressurePercent: Math.round(config.backpressure_threshold * 100),
        captureBytes: 0,
      },
      (records) => session.take(records),
    )
    this.#reader = reader
    try {
      reader.start()
      const reason = await session.run(reader, signal)
      return { reason, synchronised: session.synchronised }
    } finally {
      await reader.close() // hands over what it still holds
      onEvents(session.end())
      this.#past = this.totals()
      this.#reader = undefined
    }
  }
}

/** What the bus threads of all sessions counted. */
export interface SignalTotals
  extends Pick<SignalStats, 'messages' | 'dropped' | 'suppressed' | 'backpressure' | 'rejected'> {}

export const noSignals: SignalTotals = Object.freeze({
  messages: 0,
  dropped: 0,
  suppressed: 0,
  backpressure: 0,
  rejected: {},
})

function add(a: SignalTotals, b: SignalTotals): SignalTotals {
  const rejected: Record<string, number> = { ...a.rejected }
  for (const [reason, count] of Object.entries(b.rejected)) rejected[reason] = (rejected[reason] ?? 0) + count
  return {
    messages: a.messages + b.messages,
    dropped: a.dropped + b.dropped,
    suppressed: a.suppressed + b.suppressed,
    backpressure: a.backpressure + b.backpressure,
    rejected,
  }
}
