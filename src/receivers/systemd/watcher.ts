import type { SignalReader, SignalStats } from '../../binding/signal-source.js'
import type { Status } from '../../component/status.js'
import { matchRules, stableReason } from '../../lib/systemd/bus.js'
import type { ControlPlane } from '../../lib/systemd/control-plane.js'
import { OnDemandPlane } from '../../lib/systemd/on-demand-plane.js'
import { sleep } from '../../util/clock.js'
import { RecordQueue } from './record-queue.js'
import { Session } from './session.js'
import type { WatchOptions } from './watch-options.js'

/** The bus is back 22 to 76 ms after it was killed (dbus-daemon 1.14, socket activation), so the first tries are quick. */
const kFirstRetryMs = 100
const kMaxRetryMs = 30_000
/** How often the bus is asked while systemd's own socket stands in for it; less and less often where it answers in vain. */
const kAskBusMs = 2000
const kMaxAskBusMs = 30_000
const kBusIsBack = 'the bus is back'

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
    const { tracker, selection, config, settings, surroundings } = options
    this.#queue = new RecordQueue({ tracker, selection, surroundings }, config.signal_buffer_size, (records) => {
      settings.telemetry.processed({ logs: records })
      settings.telemetry.dropped({ logs: records }, 'reading_overflowed')
    })
  }

  /** Whether systemd answered the last time it was asked. */
  get up(): boolean {
    return this.#up
  }

  /** Something was missed, and not found out yet. */
  get missing(): boolean {
    return this.#queue.gap !== undefined
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
    const { address, privateAddress, settings, onStatus } = this.#options
    /** Returns to the bus since a session there was of use: each that is of none costs one more reading of all units. */
    let returns = 0
    for (let attempt = 0; !signal.aborted; attempt++) {
      const bus = await this.#session({ address }, signal)
      if (signal.aborted) return
      let reason = bus.reason
      let well = bus.synchronised
      if (bus.synchronised) {
        this.#queue.noteGap('bus_lost')
        returns = 0
      }
      onStatus({ state: 'degraded', reason: stableReason(reason) })
      if (privateAddress !== undefined) {
        const askMs = Math.min(kAskBusMs * 2 ** returns, kMaxAskBusMs)
        const own = await this.#session({ address: privateAddress, insteadOf: { reason, askMs } }, signal)
        if (signal.aborted) return
        if (own.synchronised) this.#queue.noteGap('bus_returned')
        well ||= own.synchronised
        if (own.reason === kBusIsBack) {
          returns++
          attempt = -1
          continue
        }
        reason += `; and of systemd's own socket: ${own.reason}`
        onStatus({ state: 'degraded', reason: stableReason(reason) })
      }
      if (well) attempt = 0
      const limitMs = Math.min(kFirstRetryMs * 2 ** attempt, kMaxRetryMs)
      // Between half and all of the limit: many agents of one bus must not come back at the same instant.
      await sleep(settings.clock, limitMs * (0.5 + settings.random() / 2), signal)
    }
  }

  /** One session, on the bus or, `insteadOf` it, on systemd's own socket until the bus can be used again. */
  async #session(source: Source, signal: AbortSignal): Promise<{ reason: string; synchronised: boolean }> {
    const { config, native, settings, selection, connect, onEvents, onStatus } = this.#options
    const { address, insteadOf } = source
    const direct = insteadOf !== undefined
    const session = new Session({
      ...this.#options,
      queue: this.#queue,
      connectPlane: async () =>
        direct ? new OnDemandPlane(() => connect(address, true), settings.clock) : await connect(address),
      onStatus: (status) => onStatus(status.state === 'ok' && direct ? standIn(insteadOf.reason) : status),
      onUp: (up) => {
        this.#up = up
      },
    })
    const reader = native.createSignalReader(
      {
        address,
        matchRules,
        direct,
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
    const watch = direct ? this.#watchBus(insteadOf.askMs, () => session.leave(kBusIsBack)) : undefined
    try {
      reader.start()
      const reason = await session.run(reader, signal)
      return { reason, synchronised: session.synchronised }
    } finally {
      watch?.end()
      await reader.close() // hands over what it still holds
      onEvents(session.end())
      this.#up = false
      this.#past = this.totals()
      this.#reader = undefined
    }
  }

  /** Calls `back` once systemd answers over the bus. */
  #watchBus(everyMs: number, back: () => void): { end(): void } {
    const { address, connect, settings } = this.#options
    let asking = false
    let ended = false
    let plane: ControlPlane | undefined
    const ask = async (): Promise<void> => {
      asking = true
      try {
        plane = await connect(address)
        if (!ended) await plane.ping()
        if (!ended) back()
      } catch {
        // Not yet.
      } finally {
        plane?.close()
        plane = undefined
        asking = false
      }
    }
    const timer = settings.clock.every(everyMs, () => {
      if (!asking) void ask()
    })
    return {
      // Nobody waits for the answer: a bus that hangs takes 5 s for each question, and the whole shutdown has 10 s. A
      // question fails at once when its connection is closed; one that is still being made is closed when it is there.
      end() {
        ended = true
        timer.cancel()
        plane?.close()
      },
    }
  }
}

/** Where a session listens. `insteadOf`: why the bus cannot be used, and how often it is asked whether it can again. */
interface Source {
  readonly address: string
  readonly insteadOf?: { readonly reason: string; readonly askMs: number }
}

const standIn = (why: string): Status => ({
  state: 'degraded',
  reason: `systemd's own socket stands in for the bus: ${stableReason(why)}`,
})

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
