import type { SignalRecord } from '../data/signal-record.js'

/** Which units pass, decided on the object path's bytes before anything is decoded. */
export interface UnitFilter {
  /** Patterns: exact name, `prefix*`, or a glob with `*`, `?`, `[...]`; empty passes all. */
  readonly include: readonly string[]
  /** Wins over `include`. */
  readonly exclude: readonly string[]
  /** Suffixes without the dot (`service`, `timer`, ...); empty passes all types. */
  readonly unitTypes: readonly string[]
  /** Types whose units' coming and going (`unit_new`, `unit_removed`) passes whatever else says; none when left out. */
  readonly announcedTypes?: readonly string[]
}

export type OverflowPolicy = 'drop_oldest' | 'drop_newest' | 'block'

export interface ParserOptions {
  readonly filter: UnitFilter
}

export interface ReaderOptions extends ParserOptions {
  /** Records the ring holds. */
  readonly ringRecords: number
  readonly overflow: OverflowPolicy
  /** Records that are handed over without waiting for more. */
  readonly maxBatchSize: number
  /**
   * Longest wait of a record for others. It waits only while others come at a rate that is worth it; failures and
   * auto-restarts do not, and take all before them along. 0: none waits.
   */
  readonly batchTimeoutMs: number
  /** How full the ring is, in percent of its records or bytes, when the listener counts as behind: it is then woken at once. */
  readonly backpressurePercent: number
  /** D-Bus server address, `unix:path=` or `unix:abstract=`; several separated by `;` are tried in order. */
  readonly address: string
  /** AddMatch rules, sent before `connected` is reported. */
  readonly matchRules: readonly string[]
  /** The address is systemd's own socket, no bus: nothing is asked of it, and it sends all its signals. */
  readonly direct?: boolean
  /** Keep the raw bytes for `takeCapture` (used by `unitscope record`), up to this many; 0 keeps none. */
  readonly captureBytes: number
}

/** Counters since the source was made; each only grows. */
export interface SignalStats {
  readonly bytes: number
  readonly messages: number
  /** Messages about units that the filter let pass. */
  readonly matched: number
  /** Messages of units the filter refused. */
  readonly filtered: number
  /** Matched messages that changed nothing (systemd repeats itself). */
  readonly suppressed: number
  /** Records handed to the ring. */
  readonly records: number
  /** Records lost to a full ring. */
  readonly dropped: number
  /** Records in the ring now; does not only grow. */
  readonly buffered: number
  /** How often the ring became as full as `backpressurePercent`. */
  readonly backpressure: number
  /** Messages refused, by reason code, e.g. `header_endian`. */
  readonly rejected: Readonly<Record<string, number>>
  /** Texts of states and results that became `unknown`: the table of them was full, or one was too long. */
  readonly unknownTexts: number
  /** Units in the last-state table. */
  readonly units: number
  /** Bytes this source owns on the native heap. */
  readonly nativeBytes: number
}

/** Raw bytes with the clock readings of their read(2). */
export interface CaptureChunk {
  readonly realtimeNs: bigint
  readonly boottimeNs: bigint
  readonly bytes: Uint8Array
}

/**
 * The native connection to one bus, on its own thread, for one connection's life: after `disconnected` make a new one.
 */
export interface SignalReader {
  /** Starts the thread and connects; records arrive through `onRecords`. */
  start(): void
  stats(): SignalStats
  /** Captured bytes since the last call, oldest first; `truncated` when the limit was reached. */
  takeCapture(): { readonly chunks: readonly CaptureChunk[]; readonly truncated: boolean }
  /** Forgets the last state of every unit, so that the next signal of each is passed on. */
  forget(): void
  /** Ends the thread and waits for it; what was queued is handed over first. Safe twice and without start. */
  close(): Promise<void>
}

/** The same parser without a connection, for recordings: bytes in, records out, on the caller's thread. */
export interface SignalParser {
  /** Parses whole or partial messages in order. Returns the records they made; throws nothing: bad bytes end the stream
   * with a `disconnected` record, as they would end a connection. */
  feed(bytes: Uint8Array, realtimeNs: bigint, boottimeNs: bigint): readonly SignalRecord[]
  stats(): SignalStats
  close(): void
}

/** Called on the JavaScript thread, once a turn of the event loop, with what there is, in parts if it is much; never empty. */
export type OnRecords = (records: readonly SignalRecord[]) => void
