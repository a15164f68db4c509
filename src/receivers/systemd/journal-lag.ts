import type { UnitSnapshot } from '../../data/unit-snapshot.js'
import type { HistoryEntry } from '../../lib/systemd/history-entry.js'
import { typeSuffix } from '../../lib/systemd/unit-calls.js'

/** journald takes what PID 1 says in order, milliseconds later; on a host that is drowning, hundreds of them. */
export const kMaxLagUsec = 5_000_000
/** What is said of a change is said within this of its stamp, before it or after it. */
const kSaidWithinUsec = 20_000

/** Said of an end, and before what came of it is: `failed` follows. */
const precedes: ReadonlySet<HistoryEntry['kind']> = new Set(['exited', 'oom_killed'])

/**
 * Since when the journal is behind what was read of some service: it has nothing of its last change, nor of anything later.
 * What it has not got is told by nobody: the comparison of states knows one end and one start, where there may have been more.
 *
 * @param entries - what PID 1 has told the journal, as far as it has got
 * @param units - as they were read before that
 * @param sinceUsec - up to when all is known, microseconds since 1970
 * @returns the newest change that it lacks, microseconds since 1970; undefined when it lacks none
 */
export function behindSinceUsec(
  entries: readonly HistoryEntry[],
  units: readonly UnitSnapshot[],
  sinceUsec: number,
): number | undefined {
  let saidUsec = sinceUsec
  const saidOf = new Map<string, number>()
  for (const { kind, unit, atUsec } of entries) {
    saidUsec = Math.max(saidUsec, atUsec)
    if (precedes.has(kind)) continue
    saidOf.set(unit, Math.max(saidOf.get(unit) ?? 0, atUsec))
  }
  let behind: number | undefined
  for (const { name, state } of units) {
    // Others can come and go without a word: a mount by hand, a device.
    if (typeSuffix(name) !== 'service') continue
    const changedUsec = Math.max(state.activeEnterUsec, state.inactiveEnterUsec)
    const isSaid = changedUsec - kSaidWithinUsec <= (saidOf.get(name) ?? sinceUsec)
    if (isSaid || changedUsec + kSaidWithinUsec < saidUsec) continue
    behind = Math.max(behind ?? 0, changedUsec)
  }
  return behind
}
