import type { Clock } from '../../util/clock.js'
import type { JournalEntry } from './entry.js'
import { ExportParser, type Rejection } from './export-parser.js'
import {
  describeEnding,
  JournalctlProcess,
  type JournalQuery,
  type JournalSource,
  journalctlArgs,
} from './journalctl.js'

/** Of a single question to the journal. */
export const kQuestionMs = 10_000

export interface ReadOptions {
  readonly program: string
  readonly source: JournalSource
  readonly query: JournalQuery
  /** Further arguments: `--lines=1`, `--since=@1700000000`. */
  readonly more: readonly string[]
  readonly fields: readonly string[]
  readonly maxValueBytes: number
  /** Entries taken at most; journalctl is ended after so many. */
  readonly maxEntries: number
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal?: AbortSignal
  readonly onRejected?: (reason: Rejection) => void
}

export interface ReadResult {
  readonly entries: readonly JournalEntry[]
  /** There were more than `maxEntries`. */
  readonly cut: boolean
}

/**
 * Reads entries once.
 *
 * @throws when journalctl fails or takes longer than `timeoutMs`, with its own words
 */
export async function readEntries(options: ReadOptions): Promise<ReadResult> {
  const { program, source, query, more, fields, maxValueBytes, maxEntries, timeoutMs, clock, signal } = options
  const entries: JournalEntry[] = []
  const parser = new ExportParser({
    fields,
    maxValueBytes,
    onEntry: (entry) => void entries.push(entry),
    onRejected: options.onRejected ?? (() => {}),
  })
  const child = new JournalctlProcess(program, journalctlArgs(source, query, more))
  let late = false
  const timer = clock.after(timeoutMs, () => {
    late = true
    child.kill()
  })
  const abort = (): void => child.kill()
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  try {
    for await (const chunk of child.output) {
      parser.push(chunk)
      if (entries.length > maxEntries) break // which destroys the stream; journalctl ends by it, or by the kill below
    }
  } catch {
    // A stream that was destroyed by the kill; how the process ended says the rest.
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', abort)
  }
  const cut = entries.length > maxEntries
  if (cut) child.kill()
  const ending = await child.ended
  if (late) throw new Error(`journalctl did not answer within ${timeoutMs / 1000} s`)
  if (signal?.aborted) throw new Error('stopped')
  if (!cut && ending.code !== 0) throw new Error(`journalctl: ${describeEnding(ending)}`)
  return { entries: cut ? entries.slice(0, maxEntries) : entries, cut }
}
