import type { RawEvent } from '../../data/event.js'
import { durationWords } from '../../lib/patterns/words.js'
import { attr } from '../../lib/systemd/names.js'
import type { Crash } from './crash.js'

/** Characters: with more, where to look is left out. A pager shows some 300. */
export const kMaxSentence = 300

/** @param upMs - the median of how long it had been up; undefined where that is not known */
export function uptimeWords(upMs: number | undefined, crashes: number): string {
  if (upMs === undefined) return ''
  const mostly = crashes === 1 ? '' : 'mostly '
  if (upMs === 0) return `, ${mostly}before it was up`
  return `, ${mostly}after ${upMs < 1000 ? 'less than 1s' : durationWords(upMs)} up`
}

/** Whether systemd starts it again, as far as that is known when the crash is told of. */
export function restartWords({ restarted }: Crash, cause: RawEvent | undefined): string {
  const verdict = cause?.attributes[attr.verdict]
  if (restarted || verdict === 'will_restart') return '; systemd restarts it'
  return verdict === 'gave_up' ? '; systemd does not restart it' : ''
}
