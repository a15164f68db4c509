import { loadNative } from '../../../src/binding/native.js'
import type { ReaderOptions, SignalReader } from '../../../src/binding/signal-source.js'
import type { SignalRecord } from '../../../src/data/signal-record.js'

const loaded = loadNative()
if ('unavailable' in loaded) throw new Error(loaded.unavailable)
export const { native } = loaded

export const readerDefaults = {
  filter: { include: [], exclude: [], unitTypes: [] },
  ringRecords: 10_000,
  overflow: 'drop_oldest',
  maxBatchSize: 1000,
  batchTimeoutMs: 0,
  backpressurePercent: 80,
  matchRules: ["type='signal',sender='org.freedesktop.systemd1'"],
  captureBytes: 0,
} as const satisfies Omit<ReaderOptions, 'address'>

/** A reader and all that it has told. */
export interface Listener {
  readonly reader: SignalReader
  readonly records: SignalRecord[]
  /** How many records each call of the listener brought. */
  readonly calls: number[]
  /** Resolves when a record is of this kind, or the predicate likes them all; rejects when the connection ends before. */
  until(wanted: SignalRecord['kind'] | ((records: readonly SignalRecord[]) => boolean)): Promise<void>
  /** The reason of the end. */
  end(): Promise<string>
}

export function listen(address: string, options: Partial<ReaderOptions> = {}): Listener {
  const records: SignalRecord[] = []
  const calls: number[] = []
  const waiting = new Set<() => void>()
  const reader = native.createSignalReader({ ...readerDefaults, ...options, address }, (batch) => {
    records.push(...batch)
    calls.push(batch.length)
    for (const look of waiting) look()
  })
  reader.start()
  const ended = (): string | undefined => records.flatMap((r) => (r.kind === 'disconnected' ? [r.reason] : []))[0]
  const until: Listener['until'] = (wanted) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const enough = typeof wanted === 'string' ? records.some(({ kind }) => kind === wanted) : wanted(records)
        const end = ended()
        if (!enough && end === undefined) return
        waiting.delete(look)
        if (enough) resolve()
        else reject(new Error(`the connection ended: ${end}`))
      }
      waiting.add(look)
      look()
    })
  const end = async (): Promise<string> => {
    await until('disconnected')
    return ended()!
  }
  return { reader, records, calls, until, end }
}
