import { getuid } from 'node:process'
import { loadNative, type Native } from '../binding/native.js'
import type { SignalReader } from '../binding/signal-source.js'
import { ExitCode, UnavailableError } from '../errors.js'
import { compilePattern, compilePatterns } from '../lib/matching/pattern.js'
import { RecordingError } from '../lib/recording/format.js'
import { MessageFilter } from '../lib/recording/message-filter.js'
import { onlyUnits } from '../lib/recording/snapshot.js'
import { RecordingWriter } from '../lib/recording/writer.js'
import { busAddress, matchRules } from '../lib/systemd/bus.js'
import { CallError, type ControlPlane, connectControlPlane } from '../lib/systemd/control-plane.js'
import { readUnits } from '../lib/systemd/unit-reader.js'
import { withUnitType } from '../lib/systemd/unit-types.js'
import { sleep, systemClock } from '../util/clock.js'
import { type Invocation, UsageError } from './command.js'
import * as forOption from './for-option.js'

/** Bytes kept between two writes. 100 crash-looping units make 5 MB/s; the file is written ten times a second. */
const kCaptureBytes = 64 * 2 ** 20
const kWriteIntervalMs = 100
/** The bus answers within milliseconds; a systemd that does not is worth a message, not a wait. */
const kConnectTimeoutMs = 10_000

/** The bus as it is recorded, replaced in tests. */
export interface RecordSource {
  readonly native: Pick<Native, 'createSignalReader'>
  readonly connect: (address: string) => Promise<ControlPlane>
}

/** Records until the time is over, a signal comes, or the connection ends. Without `source`: the addon and a real bus. */
export async function runRecord({ values, env, terminal }: Invocation, source?: RecordSource): Promise<number> {
  const forMs = forOption.parse(values['for'])
  const patterns = ((values['units'] ?? []) as readonly string[]).map(withUnitType)
  for (const pattern of patterns) {
    const compiled = compilePattern(pattern)
    if (typeof compiled !== 'function') throw new UsageError(`option --units: ${compiled.reason}`)
  }
  const address = (values['address'] as string | undefined) ?? busAddress('system', env, getuid?.() ?? 0)
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  try {
    const wanted = compilePatterns(patterns)
    const recorder = new Recorder(source ?? realSource(), address, wanted, stop)
    const create = () => RecordingWriter.create(String(values['output']), values['force'] === true)
    const { reason, units, bytes, truncated } = await recorder.record(create, forMs, {
      begun(count) {
        const until = forMs === undefined ? 'Ctrl-C ends it' : `for ${forMs / 1000} s, or until Ctrl-C`
        const none = count === 0 && patterns.length > 0 ? `, for ${patterns.join(', ')} matches none now` : ''
        terminal.err.write(`recording ${unitsOf(count)} to ${values['output']}${none}: ${until}\n`)
      },
      written(size, messages) {
        if (terminal.err.isTty) terminal.err.write(`\r${size} bytes, ${messages} messages `)
      },
    })
    terminal.err.write(`${terminal.err.isTty ? '\n' : ''}recorded ${unitsOf(units)}, ${bytes} bytes: ${reason}\n`)
    if (!truncated) return ExitCode.ok
    terminal.err.write('unitscope record: what came after that is missing: write to a faster disk, or fewer --units\n')
    return ExitCode.failure
  } catch (error) {
    const expected = error instanceof RecordingError || error instanceof CallError || error instanceof UnavailableError
    if (!expected) throw error
    terminal.err.write(`unitscope record: ${error.message}\n`)
    return ExitCode.failure
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

const unitsOf = (count: number): string => `${count} ${count === 1 ? 'unit' : 'units'}`

interface Recorded {
  readonly reason: string
  readonly units: number
  readonly bytes: number
  /** Whether bytes are missing before the end. */
  readonly truncated: boolean
}

/** What a person at the terminal is told on the way. */
interface Progress {
  readonly begun: (units: number) => void
  readonly written: (bytes: number, messages: number) => void
}

class Recorder {
  readonly #source: RecordSource
  readonly #address: string
  readonly #wanted: ((unit: string) => boolean) | undefined
  readonly #stop: AbortController
  #reason = 'stopped'

  constructor(
    source: RecordSource,
    address: string,
    wanted: ((unit: string) => boolean) | undefined,
    stop: AbortController,
  ) {
    this.#source = source
    this.#address = address
    this.#wanted = wanted
    this.#stop = stop
  }

  async record(
    create: () => Promise<RecordingWriter>,
    forMs: number | undefined,
    progress: Progress,
  ): Promise<Recorded> {
    let writer: RecordingWriter | undefined
    let reader: SignalReader | undefined
    let plane: ControlPlane | undefined
    try {
      reader = await this.#connect()
      plane = await this.#source.connect(this.#address)
      void plane.closed.then((reason) => this.#end(`the connection ended: ${reason}`))
      await plane.subscribe()
      // A unit that another one names, but that has no file, is none; the live receiver leaves it out as well.
      const listed = (await plane.listUnits())
        .filter(({ loadState, activeState }) => loadState !== 'not-found' || activeState !== 'inactive')
        .map(({ name }) => name)
      const wanted = this.#wanted
      const read = await readUnits(plane, wanted === undefined ? listed : listed.filter(wanted))
      const units = wanted === undefined ? read : onlyUnits(read, wanted)
      writer = await create()
      await writer.snapshot({ realtimeNs: systemClock.unixNano(), units })
      progress.begun(units.length)
      const truncated = await this.#capture(reader, writer, forMs, progress)
      await writer.end(this.#reason, truncated)
      return { reason: this.#reason, units: units.length, bytes: writer.bytes, truncated }
    } catch (error) {
      await writer?.close()
      throw error
    } finally {
      plane?.close()
      await reader?.close()
    }
  }

  async #connect(): Promise<SignalReader> {
    let settle: (failure?: string) => void = () => {}
    const connected = new Promise<string | undefined>((resolve) => {
      settle = resolve
    })
    const reader = this.#source.native.createSignalReader(
      {
        address: this.#address,
        matchRules,
        filter: { include: [], exclude: [], unitTypes: [] },
        ringRecords: 1000,
        overflow: 'drop_oldest', // the records are not used, only the bytes
        maxBatchSize: 1000,
        batchTimeoutMs: 1000,
        backpressurePercent: 100,
        captureBytes: kCaptureBytes,
      },
      (records) => {
        for (const record of records) {
          if (record.kind === 'connected') settle()
          else if (record.kind === 'disconnected') {
            settle(record.reason)
            this.#end(`the connection ended: ${record.reason}`)
          }
        }
      },
    )
    const timer = systemClock.after(kConnectTimeoutMs, () => settle('no answer within 10 s'))
    reader.start()
    const failure = await connected
    timer.cancel()
    if (failure === undefined) return reader
    await reader.close()
    // Most reasons name the address.
    throw new CallError(failure.includes(this.#address) ? failure : `cannot connect to ${this.#address}: ${failure}`)
  }

  async #capture(
    reader: SignalReader,
    writer: RecordingWriter,
    forMs: number | undefined,
    progress: Progress,
  ): Promise<boolean> {
    const { signal } = this.#stop
    const timer = forMs === undefined ? undefined : systemClock.after(forMs, () => this.#end('the time was over'))
    const filter = this.#wanted === undefined ? undefined : new MessageFilter(this.#wanted)
    let truncated = false
    for (let last = false; !last; ) {
      last = signal.aborted
      const capture = reader.takeCapture()
      truncated ||= capture.truncated
      // Behind the hole nothing can be parsed, so nothing more is captured.
      if (capture.truncated) this.#end('the disk is too slow')
      for (const chunk of capture.chunks) {
        const bytes = filter === undefined ? chunk.bytes : filter.feed(chunk.bytes)
        if (bytes.length > 0) await writer.chunk({ ...chunk, bytes })
      }
      progress.written(writer.bytes, reader.stats().messages)
      if (!last) await sleep(systemClock, kWriteIntervalMs, signal)
    }
    timer?.cancel()
    return truncated
  }

  #end(reason: string): void {
    if (this.#stop.signal.aborted) return
    this.#reason = reason
    this.#stop.abort()
  }
}

function realSource(): RecordSource {
  const loaded = loadNative()
  if ('unavailable' in loaded) throw new UnavailableError(loaded.unavailable)
  return { native: loaded.native, connect: (address) => connectControlPlane(address) }
}
