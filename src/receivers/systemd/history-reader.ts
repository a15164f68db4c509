import { firstOf, type JournalEntry } from '../../lib/journal/entry.js'
import type { JournalSource } from '../../lib/journal/journalctl.js'
import { readEntries } from '../../lib/journal/read-entries.js'
import { sightOf } from '../../lib/journal/sight.js'
import { type HistoryEntry, historyMessages } from '../../lib/systemd/history-entry.js'
import type { Clock } from '../../util/clock.js'

/** journalctl finds 100,000 of these among millions of entries in some seconds: it has an index of MESSAGE_ID. */
const kReadMs = 30_000
/** Names of units end at 255 characters, results and IDs are shorter. */
const kMaxValueBytes = 256

const fields = [
  'MESSAGE_ID',
  'UNIT',
  '_SOURCE_REALTIME_TIMESTAMP',
  '_BOOT_ID',
  'INVOCATION_ID',
  'UNIT_RESULT',
  'JOB_RESULT',
  'EXIT_CODE',
  'EXIT_STATUS',
  'N_RESTARTS',
  'JOB_ID',
  'JOB_TYPE',
] as const

export interface HistoryRequest {
  /** Absolute path of journalctl; undefined where it is not installed. */
  readonly program: string | undefined
  readonly source: JournalSource
  /** Up to when all is known, microseconds since 1970. */
  readonly sinceUsec: number
  /** How far back is looked at most. */
  readonly maxAgeMs: number
  /** The newest are kept. */
  readonly maxEntries: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Why a part of the time is not in the journal. */
export type HistoryGap = {
  readonly startUsec: number
  readonly endUsec: number
  readonly reason: 'too_old' | 'too_many' | 'vacuumed' | 'unreadable'
}

export interface History {
  /** What PID 1 said of units, oldest first. */
  readonly entries: readonly HistoryEntry[]
  /** The time after `sinceUsec` of which nothing can be known from the journal; undefined when there is none. */
  readonly gap: HistoryGap | undefined
  /** Of `unreadable`, in words. */
  readonly problem?: string
}

/**
 * Reads from the journal what PID 1 said of units after a time. Never throws: what cannot be read is a gap.
 *
 * @param request - how, and since when
 */
export async function readHistory(request: HistoryRequest): Promise<History> {
  const { program, source, sinceUsec, maxAgeMs, maxEntries, clock, signal } = request
  const nowUsec = Number(clock.unixNano() / 1000n)
  const gap = (endUsec: number, reason: HistoryGap['reason']): HistoryGap => ({ startUsec: sinceUsec, endUsec, reason })
  if (program === undefined) {
    return { entries: [], gap: gap(nowUsec, 'unreadable'), problem: 'journalctl is not installed' }
  }
  const oldestUsec = Math.ceil(nowUsec - maxAgeMs * 1000) // journalctl takes whole microseconds
  const fromUsec = Math.max(sinceUsec, oldestUsec)
  const limits = { program, source, maxValueBytes: kMaxValueBytes, timeoutMs: kReadMs, clock, signal }
  try {
    const first = await readEntries({ ...limits, query: {}, more: [], fields: [], maxEntries: 1 })
    const sight = await sightOf({ program, source, clock, signal })
    if (sight === 'own') {
      return { entries: [], gap: gap(nowUsec, 'unreadable'), problem: "only this user's own messages are readable" }
    }
    const matches = ['_PID=1', ...[...historyMessages.keys()].map((id) => `MESSAGE_ID=${id}`)]
    const since = `--since=@${Math.floor(fromUsec / 1e6)}.${String(fromUsec % 1e6).padStart(6, '0')}`
    // One more than are kept tells whether there were more.
    const more = ['--quiet', since, `--lines=${maxEntries + 1}`]
    const read = await readEntries({ ...limits, query: { matches }, more, fields, maxEntries: maxEntries + 1 })
    const kept = read.entries.slice(-maxEntries)
    const entries = kept.map(historyEntry).filter((entry) => entry !== undefined)
    if (read.entries.length > kept.length) return { entries, gap: gap(kept[0]!.realtimeUsec, 'too_many') }
    const beginning = first.entries[0]?.realtimeUsec
    if (beginning === undefined) {
      const problem = sight === 'nothing' ? 'no journal files here, or none that this user may read' : 'it is empty'
      return { entries, gap: gap(nowUsec, 'unreadable'), problem }
    }
    if (beginning > fromUsec) return { entries, gap: gap(beginning, 'vacuumed') }
    return { entries, gap: fromUsec > sinceUsec ? gap(fromUsec, 'too_old') : undefined }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return { entries: [], gap: gap(nowUsec, 'unreadable'), problem }
  }
}

function historyEntry(entry: JournalEntry): HistoryEntry | undefined {
  const text = (name: (typeof fields)[number]): string | undefined => firstOf(entry.values[fields.indexOf(name)])
  const kind = historyMessages.get(text('MESSAGE_ID') ?? '')
  const unit = text('UNIT')
  if (kind === undefined || unit === undefined) return undefined
  const result = text('UNIT_RESULT') ?? text('JOB_RESULT')
  const exitCode = text('EXIT_CODE')
  const exitStatus = text('EXIT_STATUS')
  const nRestarts = number(text('N_RESTARTS'))
  const jobId = number(text('JOB_ID'))
  const jobType = text('JOB_TYPE')
  return {
    kind,
    unit,
    atUsec: number(text('_SOURCE_REALTIME_TIMESTAMP')) ?? entry.realtimeUsec,
    bootId: text('_BOOT_ID') ?? '',
    invocationId: text('INVOCATION_ID') ?? '',
    ...(result === undefined ? {} : { result }),
    ...(isExitCode(exitCode) ? { exitCode } : {}),
    ...(exitStatus === undefined ? {} : { exitStatus }),
    ...(nRestarts === undefined ? {} : { nRestarts }),
    ...(jobId === undefined ? {} : { jobId }),
    ...(jobType === undefined ? {} : { jobType }),
  }
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined
}

function isExitCode(text: string | undefined): text is NonNullable<HistoryEntry['exitCode']> {
  return text === 'exited' || text === 'killed' || text === 'dumped'
}
