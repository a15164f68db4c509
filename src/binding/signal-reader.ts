import { type Drainable, RecordDrain } from './record-drain.js'
import type {
  CaptureChunk,
  OnRecords,
  ParserOptions,
  ReaderOptions,
  SignalParser,
  SignalReader,
  SignalStats,
  UnitFilter,
} from './signal-source.js'

/** The addon's classes as they are (native/addon/signal_reader.h, signal_parser.h). */
interface RawReader extends Drainable {
  start(onDoorbell: () => void): void
  stats(): SignalStats
  takeCapture(): { readonly chunks: readonly CaptureChunk[]; readonly truncated: boolean }
  forget(): void
  unref(): void
  close(): void
}
interface RawParser extends Drainable {
  feed(bytes: Uint8Array, realtimeNs: bigint, boottimeNs: bigint): void
  stats(): SignalStats
}

/** What this file needs of the addon. */
export interface RawSignals {
  readonly SignalReader: new (options: ReaderOptions) => RawReader
  readonly SignalParser: new (options: ParserOptions) => RawParser
  /** The most that the native side takes; it does not check again. */
  readonly signalLimits: { readonly ringRecords: number; readonly patterns: number; readonly ruleBytes: number }
}

const kMaxBatchTimeoutMs = 60_000
const kMaxRules = 64
/** What crosses as 32 bits. */
const kMaxUint32 = 2 ** 32 - 1
const overflowPolicies: readonly string[] = ['drop_oldest', 'drop_newest', 'block']

/** Options come from code, not from users: a wrong one is a bug of the caller, so it throws. */
function checkRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${value}`)
}

function checkFilter({ signalLimits }: RawSignals, filter: UnitFilter): void {
  for (const [name, list] of Object.entries(filter)) {
    checkRange(`${name}.length`, list.length, 0, signalLimits.patterns)
  }
}

function checkReaderOptions(raw: RawSignals, options: ReaderOptions): void {
  checkFilter(raw, options.filter)
  checkRange('ringRecords', options.ringRecords, 1, raw.signalLimits.ringRecords)
  if (!overflowPolicies.includes(options.overflow)) throw new RangeError(`overflow "${options.overflow}" is unknown`)
  checkRange('maxBatchSize', options.maxBatchSize, 1, raw.signalLimits.ringRecords)
  checkRange('batchTimeoutMs', options.batchTimeoutMs, 0, kMaxBatchTimeoutMs)
  checkRange('backpressurePercent', options.backpressurePercent, 1, 100)
  checkRange('captureBytes', options.captureBytes, 0, kMaxUint32)
  checkRange('matchRules.length', options.matchRules.length, 0, kMaxRules)
  for (const rule of options.matchRules) {
    checkRange('bytes of a match rule', Buffer.byteLength(rule), 1, raw.signalLimits.ruleBytes)
    if (rule.includes('\0')) throw new RangeError('a match rule must not hold NUL')
  }
}

/** Records handed over between two looks at the clock: 5 ms of a listener that takes 80 us for each. */
const kRecordsAtOnce = 64
/** The event loop is to stand still for 20 ms at most; what the records set off takes its part of that after the turn. */
const kTurnMs = 8

/**
 * @param nowMs - a clock that never jumps
 * @throws {RangeError} for options out of range
 */
export function createSignalReader(
  raw: RawSignals,
  options: ReaderOptions,
  onRecords: OnRecords,
  nowMs: () => number = () => performance.now(),
): SignalReader {
  checkReaderOptions(raw, options)
  return new NativeSignalReader(new raw.SignalReader(options), onRecords, nowMs)
}

class NativeSignalReader implements SignalReader {
  readonly #raw: RawReader
  readonly #drain: RecordDrain
  readonly #onRecords: OnRecords
  readonly #nowMs: () => number
  #next: NodeJS.Immediate | undefined
  #closed = false

  constructor(raw: RawReader, onRecords: OnRecords, nowMs: () => number) {
    this.#raw = raw
    this.#drain = new RecordDrain(raw)
    this.#onRecords = onRecords
    this.#nowMs = nowMs
  }

  start(): void {
    if (this.#closed) throw new Error('this reader is closed: make a new one')
    // Not at once: while a slow listener runs the thread rings again, and Node answers up to a thousand rings of a
    // thread-safe function in one turn. For as long as more comes, no timer and no socket would have theirs.
    this.#raw.start(() => this.#schedule())
  }

  stats(): SignalStats {
    return this.#raw.stats()
  }

  takeCapture(): ReturnType<SignalReader['takeCapture']> {
    return this.#raw.takeCapture()
  }

  forget(): void {
    this.#raw.forget()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearImmediate(this.#next)
    // Joins the thread; each of its waits ends at once.
    this.#raw.close()
    while (this.#handOver()) {
      // Until the ring is empty: nothing fills it any more.
    }
  }

  #schedule(): void {
    if (!this.#closed) this.#next ??= setImmediate(this.#deliver)
  }

  /** One turn's worth; the rest in the next turn, also when the listener has thrown. */
  readonly #deliver = (): void => {
    this.#next = undefined
    const startMs = this.#nowMs()
    let more = true
    try {
      do more = this.#handOver()
      while (more && this.#nowMs() - startMs < kTurnMs)
    } finally {
      if (more) this.#schedule()
    }
  }

  /** Gives the listener some records; answers whether there may be more. */
  #handOver(): boolean {
    const records = this.#drain.take(kRecordsAtOnce)
    // The last record of a connection: whoever forgets to close does not keep the process alive for it.
    if (records.at(-1)?.kind === 'disconnected') this.#raw.unref()
    if (records.length > 0) this.#onRecords(records)
    return records.length === kRecordsAtOnce
  }
}

/** @throws {RangeError} for options out of range */
export function createSignalParser(raw: RawSignals, options: ParserOptions): SignalParser {
  checkFilter(raw, options.filter)
  const parser = new raw.SignalParser(options)
  const drain = new RecordDrain(parser)
  let closed = false
  return {
    feed(bytes, realtimeNs, boottimeNs) {
      if (closed) return []
      parser.feed(bytes, realtimeNs, boottimeNs)
      return drain.take(Number.POSITIVE_INFINITY)
    },
    stats: () => parser.stats(),
    close() {
      closed = true
    },
  }
}
