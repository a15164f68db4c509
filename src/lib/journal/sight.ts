import type { Clock } from '../../util/clock.js'
import { JournalctlProcess, type JournalSource, sourceArgs } from './journalctl.js'
import { kQuestionMs } from './read-entries.js'

/** What journalctl says, and ends well (journalctl, journal_access_check_and_warn). */
const kNoFiles = 'No journal files were found'
const kNotAll = 'not seeing messages'

export interface Look {
  readonly program: string
  readonly source: JournalSource
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
}

/**
 * How much of a journal this user sees, in journalctl's opinion: all, only the user's own messages, or not one file. A question of
 * its own, because with `--output=export` journalctl keeps it to itself: to a reader all three look like a quiet journal.
 *
 * @returns `all` also where journalctl fails: whoever reads then has its words
 */
export async function sightOf({ program, source, clock, signal }: Look): Promise<'all' | 'own' | 'nothing'> {
  const child = new JournalctlProcess(program, [...sourceArgs(source), '--no-pager', '--lines=0'])
  const kill = (): void => child.kill()
  const timer = clock.after(kQuestionMs, kill)
  signal?.addEventListener('abort', kill, { once: true })
  if (signal?.aborted) kill()
  try {
    for await (const _ of child.output); // `-- No entries --`
  } catch {
    // a stream that was destroyed by the kill
  }
  const { code, stderr } = await child.ended
  timer.cancel()
  signal?.removeEventListener('abort', kill)
  if (code !== 0) return 'all'
  if (stderr.includes(kNoFiles)) return 'nothing'
  return stderr.includes(kNotAll) ? 'own' : 'all'
}
