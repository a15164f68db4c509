import type { Occurrence } from './occurrence.js'

/** How an occurrence came to be known: told by a signal, found in a reading of states, or in the journal. */
export type Source = 'signal' | 'reading' | 'journal'

/** What an event was concluded from that no signal has told. */
export type Evidence = 'state' | 'timestamps' | 'n_restarts' | 'journal'

const journal: readonly Evidence[] = ['journal']
const state: readonly Evidence[] = ['state']
const stamped: readonly Evidence[] = ['state', 'timestamps']

/**
 * Undefined for what was told.
 *
 * @param missed - restarts by which NRestarts went up between the two states
 */
export function evidenceOf(what: Occurrence, source: Source, missed: number): readonly Evidence[] | undefined {
  if (source === 'signal' && what.inferred !== true) return undefined
  if (source === 'journal') return journal
  const seen = what.atUsec > 0 ? stamped : state
  const isRestart = (what.kind === 'restarting' || what.kind === 'restarted') && what.cause === 'auto'
  return isRestart && missed > 0 ? [...seen, 'n_restarts'] : seen
}
