import { hostname } from 'node:os'
import { firstOf } from '../lib/journal/entry.js'
import { findJournalctl } from '../lib/journal/journalctl.js'
import { readEntries } from '../lib/journal/read-entries.js'
import { attr } from '../lib/systemd/names.js'
import type { ConcernReport } from '../service/concern-report.js'
import { systemClock } from '../util/clock.js'

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
  host = hostname(),
): Promise<LastLines> {
  const here = concerns.filter((one) => one.host === undefined || one.host === host)
  const runs = [...new Set(here.flatMap((one) => failedRun(one) ?? []))].slice(0, kMaxRuns)
  if (program === undefined) return new Map()
  const found = await Promise.all(runs.map(async (run) => [run, await linesOf(run, program)] as const))
  return new Map(found.filter(([, lines]) => lines.length > 0))
}

/** Of what is over, or failed without having run, undefined. */
export function failedRun({ attributes }: ConcernReport): string | undefined {
  const run = attributes[attr.invocationId]
  return typeof run === 'string' && /^[0-9a-f]{32}$/.test(run) ? run : undefined
}

async function linesOf(run: string, program: string): Promise<readonly string[]> {
  const { entries } = await readEntries({
    program,
    source: {},
    query: { matches: [`_SYSTEMD_INVOCATION_ID=${run}`] },
    more: [`--lines=${kMaxLines}`],
    fields: ['MESSAGE'],
    maxValueBytes: kMaxMessageBytes,
    maxEntries: kMaxLines,
    timeoutMs: kQuestionMs,
    clock: systemClock,
  }).catch(() => ({ entries: [] })) // the journal is an extra: the agent has answered
  return entries
    .flatMap(({ values: [message] }) => (firstOf(message) ?? '').split('\n'))
    .filter((line) => line.trim() !== '')
    .slice(-kMaxLines)
}
