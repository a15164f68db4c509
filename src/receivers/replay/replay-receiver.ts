import { existsSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { loadNative, type Native } from '../../binding/native.js'
import type { SignalParser } from '../../binding/signal-source.js'
import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import { type Batch, batchOf, isEmpty, itemsOf } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import type { Snapshot } from '../../data/unit-snapshot.js'
import { UnavailableError } from '../../errors.js'
import { containerAttributesOfUnit } from '../../lib/containers/recognise.js'
import { type UnitGraph, unitGraphKeys } from '../../lib/dependencies/unit-graph.js'
import { type Frame, RecordingError } from '../../lib/recording/format.js'
import { RecordingReader } from '../../lib/recording/reader.js'
import { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import { sleep } from '../../util/clock.js'
import type { Config } from './config.js'
import { Pace } from './pace.js'
import { SignalCounters } from './signal-counters.js'

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
  readonly #graph: UnitGraph
  readonly #tracker: UnitTracker
  readonly #pace: Pace
  readonly #stopping = new AbortController()
  #playing: Promise<void> | undefined
  /** Recorded wall clock of the last frame. */
  #nowNs = 0n
  /** Recorded time since boot at the last collection of metrics: unlike the wall clock, nobody sets it back. */
  #collectedNs: bigint | undefined

  constructor(settings: Settings, config: Config, next: Consumer, native?: Pick<Native, 'createSignalParser'>) {
    this.#settings = settings
    this.#config = config
    this.#next = next
    this.#native = native
    this.#pace = new Pace(settings.clock, config.speed === 'real' ? 1 : (config.speed as number | 'max'))
    this.#graph = settings.shared.get(unitGraphKeys.system)
    this.#tracker = new UnitTracker({
      scope: 'system',
      resources: settings.resources,
      graph: this.#graph,
      containerAttributes: containerAttributesOfUnit,
    })
  }

  /** @throws {RecordingError} when the file is no recording that can be read */
  async start(host: Host): Promise<void> {
    const native = this.#native ?? realNative()
    const parser = native.createSignalParser({
      filter: { include: [], exclude: [], unitTypes: this.#config.unit_types },
    })
    const reader = await RecordingReader.open(this.#config.file).catch((error: unknown) => {
      parser.close() // nobody else knows it; the parser comes first, since making it cannot leave a file open
      throw inWords(error, this.#config.file)
    })
    this.#settings.telemetry.gauge('units', 'Units followed.', '{unit}', () => this.#tracker.size)
    const forgetStates = this.#graph.addStates(this.#tracker)
    this.#playing = this.#play(reader, parser, host).finally(async () => {
      forgetStates()
      parser.close()
      await reader.close()
    })
  }

  async shutdown(): Promise<void> {
    this.#stopping.abort()
    await this.#playing
  }

  async #play(reader: RecordingReader, parser: SignalParser, host: Host): Promise<void> {
    const { logger, telemetry } = this.#settings
    const { file } = this.#config
    const counters = new SignalCounters(telemetry, parser)
    try {
      host.report({ state: 'ok' })
      const missing = await this.#playFrames(reader, parser, counters)
      if (this.#stopping.signal.aborted) return
      if (missing === undefined) {
        logger.info('the recording was played to its end', { file })
        return
      }
      telemetry.error('recording_truncated')
      host.report({ state: 'degraded', reason: `${file}: ${missing}; what there is was played` })
    } catch (error) {
      telemetry.error('recording_damaged')
      host.report({ state: 'failed', reason: error instanceof Error ? error.message : String(error) })
    } finally {
      counters.update()
    }
  }

  /** Resolves with what is missing of the recording, if anything, or early when stopped. */
  async #playFrames(
    reader: RecordingReader,
    parser: SignalParser,
    counters: SignalCounters,
  ): Promise<string | undefined> {
    let frame: Frame | undefined
    do {
      frame = await reader.next()
      if (this.#stopping.signal.aborted) return undefined
      if (frame?.kind === 'snapshot') this.#seed(frame.snapshot)
      else if (frame?.kind === 'chunk') {
        await this.#pace.until(frame.chunk.boottimeNs, this.#stopping.signal)
        if (this.#stopping.signal.aborted) return undefined
        await this.#playChunk(frame.chunk, parser)
        if (this.#dueToCollect(frame.chunk)) {
          counters.update()
          await this.#collect()
        }
      }
    } while (frame !== undefined && frame.kind !== 'end')
    // Bytes after the end are damage too, and only reading them tells.
    if (frame !== undefined) await reader.next()
    await this.#collect()
    if (frame === undefined)
      return `it has no end, the recorder was stopped hard or the copy is not whole (byte ${reader.truncatedAt})`
    return frame.end.truncated ? `the recorder was too slow and gave up (${frame.end.reason})` : undefined
  }

  #seed({ realtimeNs, units }: Snapshot): void {
    const types = new Set<string>(this.#config.unit_types)
    this.#nowNs = realtimeNs
    const wanted = units.filter(({ name }) => types.has(name.slice(name.lastIndexOf('.') + 1)))
    this.#tracker.seed(wanted, realtimeNs)
    // Targets and slices, of which nothing is told, stand between units that are.
    for (const { name, dependencies } of units)
      if (dependencies !== undefined && this.#tracker.state(name) === undefined) this.#graph.update(name, dependencies)
  }

  async #playChunk({ realtimeNs, boottimeNs, bytes }: Chunk, parser: SignalParser): Promise<void> {
    this.#nowNs = realtimeNs
    const events: RawEvent[] = []
    let ended: string | undefined
    for (const record of parser.feed(bytes, realtimeNs, boottimeNs)) {
      if (record.kind === 'disconnected') ended = record.reason
      events.push(...this.#tracker.feed(record))
    }
    await this.#emit(batchOf({ events }))
    if (ended !== undefined) throw new RecordingError(`${this.#config.file}: what was recorded is no D-Bus: ${ended}`)
  }

  #dueToCollect({ boottimeNs }: Chunk): boolean {
    const intervalNs = BigInt(this.#config.collection_interval) * 1_000_000n
    this.#collectedNs ??= boottimeNs
    if (intervalNs === 0n || boottimeNs - this.#collectedNs < intervalNs) return false
    this.#collectedNs = boottimeNs
    return true
  }

  async #collect(): Promise<void> {
    if (this.#config.collection_interval === 0 || this.#nowNs === 0n) return
    for (const metrics of this.#tracker.series.collect(() => this.#nowNs)) {
      await this.#emit(batchOf({ metrics }))
      await nextTurn()
    }
  }

  async #emit(batch: Batch): Promise<void> {
    if (isEmpty(batch)) return
    const { clock, telemetry } = this.#settings
    const items = itemsOf(batch)
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

/** A relative name means another file in every folder, which is what a missing one is mostly about. */
function inWords(error: unknown, file: string): unknown {
  if (!(error instanceof RecordingError)) return error
  if (isAbsolute(file) || existsSync(file)) return new RecordingError(`file ${error.message}`)
  return new RecordingError(
    `file ${error.message} (looked for in ${process.cwd()}; with pipelines/replay.yaml, UNITSCOPE_RECORDING names the file)`,
  )
}

type Chunk = Extract<Frame, { kind: 'chunk' }>['chunk']

function realNative(): Pick<Native, 'createSignalParser'> {
  const loaded = loadNative()
  if ('unavailable' in loaded) throw new UnavailableError(loaded.unavailable)
  return loaded.native
}
