import type { Status } from '../../component/status.js'
import { sleep } from '../../util/clock.js'
import { cursorUsec } from './cursor.js'
import type { JournalEntry } from './entry.js'
import { FollowSession, type FollowSessionOptions, type Place } from './follow-session.js'
import { takesAll } from './journalctl.js'
import { kQuestionMs, readEntries } from './read-entries.js'
import { sightOf } from './sight.js'

/** Silence after which journalctl is checked. A reader that hangs must be replaced within 15 s (systemd #27489). */
const kSilenceMs = 10_000
/** Kills without one entry between, after which what lies ahead is left out: a file that cannot be read past. */
const kMaxHangs = 3
const kFirstRetryMs = 100
const kMaxRetryMs = 30_000

export type StartPosition =
  | { readonly at: 'beginning' | 'end' }
  /** After the entry of this cursor. */
  | { readonly at: 'cursor'; readonly cursor: string }

/** Entries that were there, or may have been, and cannot be read any more. */
export interface JournalGap {
  readonly startUsec: number
  readonly endUsec: number
  /** `vacuumed`: the last entry read is not in the journal any more. `unreadable`: journalctl hangs on what follows it. */
  readonly reason: 'vacuumed' | 'unreadable'
}

export interface FollowerOptions extends FollowSessionOptions {
  readonly random: () => number
  readonly onGap: (gap: JournalGap) => void
  /** Begins behind this entry without having read what is before it: at the end, or past what cannot be read. */
  readonly onSkippedTo: (cursor: string) => void
  /** journalctl was started anew, and why the last one is gone. */
  readonly onRestart: (reason: 'ended' | 'hung') => void
}

/**
 * Follows a journal with a journalctl of its own, which is replaced when it ends or hangs. It is asked for the last entry
 * that was had, and all that follow: that one is left out, and if it is missing, others may be as well. (`--after-cursor`
 * passes over one entry unseen where that of the cursor is gone or does not fit the query.)
 */
export class JournalFollower {
  readonly #options: FollowerOptions
  #at: 'beginning' | 'end' | Place
  #hangs = 0

  constructor(from: StartPosition, options: FollowerOptions) {
    this.#at = from.at === 'cursor' ? { cursor: from.cursor, had: true } : from.at
    this.#options = options
  }

  /** Runs until aborted; resolves when its process is gone. Never rejects because of the journal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, onStatus, onRestart } = this.#options
    for (let attempt = 0; !signal.aborted; attempt++) {
      let reason: string
      try {
        const health = await this.#look(signal)
        const place = await this.#settle(this.#at, signal)
        if (place !== this.#at && place.had) this.#options.onSkippedTo(place.cursor!)
        this.#at = place
        const session = new FollowSession(this.#options, place, health, (cursor) => {
          this.#at = { cursor, had: true }
          this.#hangs = 0
          attempt = 0
        })
        const ending = await session.run(kSilenceMs * 2 ** Math.min(this.#hangs, 6), signal)
        if (ending.hung) this.#hangs++
        reason = ending.reason
        if (!signal.aborted) onRestart(ending.hung ? 'hung' : 'ended')
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error)
        // The end of a journal that is not there is now: when it comes, new or by a late mount, some of it may be later.
        if (error instanceof NoFilesError && this.#at === 'end')
          this.#at = { sinceUsec: Number(clock.unixNano() / 1000n), had: false }
      }
      if (signal.aborted) return
      onStatus({ state: 'degraded', reason: /permission/i.test(reason) ? `${reason}: ${kRemedy}` : reason })
      const limitMs = Math.min(kFirstRetryMs * 2 ** Math.min(attempt, 16), kMaxRetryMs)
      await sleep(clock, limitMs * (0.5 + random() / 2), signal)
    }
  }

  /** How it will be once it works. */
  async #look(signal: AbortSignal): Promise<Status> {
    const { program, source, clock } = this.#options
    const sight = await sightOf({ program, source, clock, signal })
    if (sight === 'nothing') throw new NoFilesError()
    return sight === 'own' ? seesLittle : { state: 'ok' }
  }

  /** Finds the place to start at, and tells of what is missing before it. */
  async #settle(at: 'beginning' | 'end' | Place, signal: AbortSignal): Promise<Place> {
    const { onGap, clock, query } = this.#options
    const giveUp = this.#hangs >= kMaxHangs && takesAll(query)
    if (typeof at === 'string' || at.cursor === undefined || giveUp) {
      const newest = await this.#one([], signal)
      if (at === 'beginning') return { had: false }
      if (typeof at === 'object' && at.cursor === undefined) return at
      if (typeof at === 'object') {
        const endUsec = newest?.realtimeUsec ?? Number(clock.unixNano() / 1000n)
        this.#hangs = 0
        onGap({ startUsec: cursorUsec(at.cursor ?? '') ?? endUsec, endUsec, reason: 'unreadable' })
      }
      return newest === undefined ? { had: false } : { cursor: newest.cursor, had: true }
    }
    const first = await this.#one([`--cursor=${at.cursor}`], signal)
    if (first?.cursor === at.cursor) return at
    // Never from the beginning: what is there (a journal whose clock was set back, a mount that comes late) was told.
    const next = first ?? (await this.#one([], signal))
    if (next === undefined) throw new Error('the journal is empty')
    const endUsec = first?.realtimeUsec ?? Number(clock.unixNano() / 1000n)
    const startUsec = Math.min(cursorUsec(at.cursor) ?? endUsec, endUsec)
    onGap({ startUsec, endUsec, reason: 'vacuumed' })
    return { cursor: next.cursor, had: first === undefined }
  }

  /** One entry, of whatever kind: a place does not depend on what is chosen. Without one the journal is empty. */
  async #one(place: readonly string[], signal: AbortSignal): Promise<JournalEntry | undefined> {
    const { program, source, clock } = this.#options
    const more = [...place, '--lines=1']
    const { entries } = await readEntries({ program, source, query: {}, more, ...oneEntry, clock, signal })
    return entries[0]
  }
}

class NoFilesError extends Error {
  constructor() {
    super('no journal files here, or none that this user may read (group systemd-journal)')
  }
}

const kRemedy = 'run the agent with the group systemd-journal (SupplementaryGroups=systemd-journal)'
const seesLittle: Status = {
  state: 'degraded',
  reason: `only this user's own messages are readable: ${kRemedy}`,
}

const oneEntry = { fields: [], maxValueBytes: 1024, maxEntries: 2, timeoutMs: kQuestionMs }
