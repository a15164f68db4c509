import { loadNative, type Native } from '../../binding/native.js'
import type { SignalParser } from '../../binding/signal-source.js'
import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import { type Batch, batchOf, countItems, isEmpty } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import { UnavailableError } from '../../errors.js'
import { containerAttributesOfUnit } from '../../lib/containers/recognise.js'
import { RecordingReader } from '../../lib/recording/reader.js'
import { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import { sleep } from '../../util/clock.js'
import type { Config } from './config.js'

/** Only the last state per unit passes through here; a chunk makes far fewer records than this. */
const kRingRecords = 100_000

/** Wait before a refused batch is offered again, where `next` named no time. */
const kRetryMs = 500

/** Plays a recording once. Everything in it is emitted exactly once, in order; a file does not run away, so nothing is dropped. */
export function createReplayReceiver(
  settings: Settings,
  config: Config,
  next: Consumer,
  native?: Pick<Native, 'createSignalParser'>,
): Receiver {
  return new ReplayReceiver(settings, config, next, native)
}

class ReplayReceiver implements Receiver {
  readonly #settings: Settings
  readonly #config: Config
  readonly #next: Consumer
  readonly #native: Pick<Native, 'createSignalParser'> | undefined
  readonly #tracker: UnitTracker
  readonly #stopping = new AbortController()
  #playing: Promise<void> | undefined
  #startedMs: number | undefined
  #firstNs = 0n
  #collectNs = 0n

  constructor(settings: Settings, config: Config, next: Consumer, native?: Pick<Native, 'createSignalParser'>) {
    this.#settings = settings
    this.#config = config
    this.#next = next
    this.#native = native
    this.#tracker = new UnitTracker({
      scope: 'system',
      resources: settings.resources,
      containerAttributes: containerAttributesOfUnit,
    })
  }

  /** @throws {RecordingError} when the file is no recording that can be read */
  async start(host: Host): Promise<void> {
    const native = this.#native ?? realNative()
    const reader = await RecordingReader.open(this.#config.file)
    const parser = native.createSignalParser({
      filter: { include: [], exclude: [], unitTypes: this.#config.unit_types },
      ringRecords: kRingRecords,
      overflow: 'drop_oldest',
      maxLatencyMs: 0,
    })
    this.#playing = this.#play(reader, parser, host).finally(async () => {
      parser.close()
      await reader.close()
    })
  }

  async shutdown(): Promise<void> {
    this.#stopping.abort()
    await this.#playing
  }

  async #play(reader: RecordingReader, parser: SignalParser, host: Host): Promise<void> {
    const { logger } = this.#settings
    try {
      host.report({ state: 'ok' })
      const end = await this.#playFrames(reader, parser)
      if (this.#stopping.signal.aborted) return
      const truncated = reader.truncatedAt !== undefined || end === undefined
      if (truncated) {
        const reason = `${this.#config.file} ends in the middle (byte ${reader.truncatedAt ?? 'of the last frame'})`
        host.report({ state: 'degraded', reason })
        logger.warn('the recording is not whole; played what there is', { file: this.#config.file })
      } else logger.info('the recording was played to its end', { file: this.#config.file, ...parser.stats() })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#settings.telemetry.error('recording')
      logger.error('the recording cannot be played further', { file: this.#config.file, reason })
      host.report({ state: 'failed', reason: `${this.#config.file}: ${reason}` })
    }
  }

  async #playFrames(reader: RecordingReader, parser: SignalParser): Promise<'end' | undefined> {
    let lastNs = 0n
    for (;;) {
      const frame = await reader.next()
      if (frame === undefined || frame.kind === 'end') {
        await this.#collect(lastNs)
        return frame === undefined ? undefined : 'end'
      }
      if (this.#stopping.signal.aborted) return undefined
      if (frame.kind === 'snapshot') {
        lastNs = frame.snapshot.realtimeNs
        this.#collectNs = lastNs
        const types = new Set<string>(this.#config.unit_types)
        const units = frame.snapshot.units.filter(({ name }) => types.has(name.slice(name.lastIndexOf('.') + 1)))
        this.#tracker.seed(units, lastNs)
        continue
      }
      const { realtimeNs, boottimeNs, bytes } = frame.chunk
      await this.#waitUntil(realtimeNs)
      lastNs = realtimeNs
      const events: RawEvent[] = []
      for (const record of parser.feed(bytes, realtimeNs, boottimeNs)) events.push(...this.#tracker.feed(record))
      await this.#emit(batchOf({ events }))
      if (this.#dueToCollect(realtimeNs)) await this.#collect(realtimeNs)
    }
  }

  /** Sleeps until the recorded instant, on the monotonic clock: a step of the wall clock must not stop a replay. */
  async #waitUntil(realtimeNs: bigint): Promise<void> {
    const { speed } = this.#config
    if (speed === 'max') return
    const { clock } = this.#settings
    if (this.#startedMs === undefined) {
      this.#startedMs = clock.monotonicMs()
      this.#firstNs = realtimeNs
    }
    const recordedMs = Number(realtimeNs - this.#firstNs) / 1e6
    const dueMs = this.#startedMs + recordedMs / (speed === 'real' ? 1 : speed)
    const waitMs = dueMs - clock.monotonicMs()
    if (waitMs >= 1) await sleep(clock, waitMs, this.#stopping.signal)
  }

  #dueToCollect(nowNs: bigint): boolean {
    const intervalNs = BigInt(this.#config.collection_interval) * 1_000_000n
    if (intervalNs === 0n || nowNs - this.#collectNs < intervalNs) return false
    this.#collectNs = nowNs
    return true
  }

  async #collect(nowNs: bigint): Promise<void> {
    if (this.#config.collection_interval > 0 && nowNs > 0n)
      await this.#emit(batchOf({ metrics: this.#tracker.metrics(nowNs) }))
  }

  async #emit(batch: Batch): Promise<void> {
    if (isEmpty(batch)) return
    const { clock, telemetry } = this.#settings
    const items = countItems(batch)
    telemetry.processed(items)
    for (;;) {
      const outcome = await this.#next.consume(batch)
      if (outcome.kind !== 'retryable') return // who refuses for good has counted it (decision 0060)
      if (this.#stopping.signal.aborted) {
        telemetry.dropped(items, 'shutdown')
        return
      }
      await sleep(clock, outcome.afterMs ?? kRetryMs, this.#stopping.signal)
    }
  }
}

function realNative(): Pick<Native, 'createSignalParser'> {
  const loaded = loadNative()
  if ('unavailable' in loaded) throw new UnavailableError(loaded.unavailable)
  return loaded.native
}
