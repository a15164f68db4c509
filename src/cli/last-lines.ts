import { hostname } from 'node:os'
import { firstOf, type JournalEntry } from '../lib/journal/entry.js'
import { findJournalctl } from '../lib/journal/journalctl.js'
import { readEntries } from '../lib/journal/read-entries.js'
import { attr } from '../lib/systemd/names.js'
import type { ConcernReport } from '../service/concern-report.js'
import { type Clock, systemClock } from '../util/clock.js'

/** Lines of the journal, the newest last, by the run that wrote them. */
export type LastLines = ReadonlyMap<string, readonly string[]>

/** As many as one reads; the worst stand first. */
const kMaxRuns = 8
const kMaxLines = 5
const kMaxMessageBytes = 4096
/** A person waits, and so do all of them at once. */
const kQuestionMs = 3000

/**
 * What the processes of runs that failed wrote last, as far as the journal of this machine has it and whoever asks may read it. systemd's own lines
 * (`Failed with result 'exit-code'`) are not among them: the agent has said that.
 *
 * @param program - absolute path of journalctl; undefined where there is none
 */
export async function lastLines(
  concerns: readonly ConcernReport[],
  program = findJournalctl(),
  clock: Clock = systemClock,
): Promise<LastLines> {
  if (program === undefined) return new Map()
  const ask: Ask = (match) => read(match, program, clock)
  // Of other hosts, as a gateway has them, this journal has nothing; but an agent in a container may have another name than its host.
  const isHere = ({ host }: ConcernReport): boolean => host === undefined || host === hostname()
  const ordered = [...concerns.filter(isHere), ...concerns.filter((one) => !isHere(one))]
  const byRun = new Map(ordered.flatMap((one) => (failedRun(one) === undefined ? [] : [[failedRun(one)!, one]])))
  const asked = [...byRun].slice(0, kMaxRuns)
  const found = await Promise.all(asked.map(async ([run, one]) => [run, await linesOf(run, one, ask)] as const))
  return new Map(found.filter(([, lines]) => lines.length > 0))
}

/** Those of a concern. */
export function linesFor(concern: ConcernReport, lines: LastLines): readonly string[] | undefined {
  return lines.get(failedRun(concern) ?? '')
}

/** The last run of a unit that has failed, or of what an incident began with. */
function failedRun({ attributes }: ConcernReport): string | undefined {
  const run = attributes[attr.invocationId]
  return typeof run === 'string' && /^[0-9a-f]{32}$/.test(run) ? run : undefined
}

/** The last entries that fit `FIELD=value`; none where the journal does not say: it is an extra, the agent has answered. */
type Ask = (match: string) => Promise<readonly JournalEntry[]>

/**
 * A process that ends at once may be gone when journald looks whose it is: then it knows the unit, from the stream, but not the run. Such lines
 * count where there are no others.
 */
async function linesOf(run: string, { unit, scope }: ConcernReport, ask: Ask): Promise<readonly string[]> {
  const ofRun = textOf(await ask(`_SYSTEMD_INVOCATION_ID=${run}`))
  if (ofRun.length > 0) return ofRun
  const ofUnit = await ask(`${scope === 'user' ? '_SYSTEMD_USER_UNIT' : '_SYSTEMD_UNIT'}=${unit}`)
  return textOf(ofUnit.filter(({ values: [, runOfIt] }) => runOfIt === undefined))
}

async function read(match: string, program: string, clock: Clock): Promise<readonly JournalEntry[]> {
  const { entries } = await readEntries({
    program,
    source: {},
    query: { matches: [match] },
    more: [`--lines=${kMaxLines}`],
    fields: ['MESSAGE', '_SYSTEMD_INVOCATION_ID'],
    maxValueBytes: kMaxMessageBytes,
    maxEntries: kMaxLines,
    timeoutMs: kQuestionMs,
    clock,
  }).catch(() => ({ entries: [] }))
  return entries
}

function textOf(entries: readonly JournalEntry[]): readonly string[] {
  return entries
    .flatMap(({ values: [message], truncated }) =>
      `${firstOf(message) ?? ''}${truncated.length > 0 ? '…' : ''}`.split(/\r?\n|\r/),
    )
    .filter((line) => line.trim() !== '')
    .slice(-kMaxLines)
}
