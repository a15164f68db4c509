import type { Status } from '../../component/status.js'
import { type Clock, sleep, type Timer } from '../../util/clock.js'
import type { JournalEntry } from './entry.js'
import { ExportParser, type Rejection } from './export-parser.js'
import {
  describeEnding,
  JournalctlProcess,
  type JournalQuery,
  type JournalSource,
  journalctlArgs,
} from './journalctl.js'
import { kQuestionMs, readEntries } from './read-entries.js'

/** Where silence was quiet each time; a check costs 10 ms of CPU. */
const kMaxSilenceMs = 60_000
/** For an entry that was written in the very moment of the check. */
const kOnItsWayMs = 2000
/** journalctl that lives so long has opened the journal. */
const kSettledMs = 1000

/** Where journalctl starts: at an entry, or without one at a time or at the beginning. */
export interface Place {
  readonly cursor?: string
  /** Microseconds since 1970. */
  readonly sinceUsec?: number
  /** That entry was had already, and is left out. */
  readonly had: boolean
}

export interface FollowSessionOptions {
  readonly program: string
  readonly source: JournalSource
  readonly query: JournalQuery
  readonly fields: readonly string[]
  readonly maxValueBytes: number
  readonly clock: Clock
  /** Entries in order, each once; the journal is not read on until it resolves. */
  readonly onEntries: (entries: readonly JournalEntry[]) => Promise<void>
  readonly onRejected: (reason: Rejection) => void
  /** A line on journalctl's standard error, of a file that it leaves out for instance. */
  readonly onComplaint: (line: string) => void
  readonly onStatus: (status: Status) => void
}

/** One journalctl's life. */
export class FollowSession {
  readonly #options: FollowSessionOptions
  readonly #health: Status
  readonly #onPosition: (cursor: string) => void
  readonly #child: JournalctlProcess
  readonly #since: readonly string[]
  #lastCursor: string | undefined
  #chunks = 0
  #works = false
  /** The pipeline holds us: that journalctl says nothing is our doing. */
  #holding = false
  #hung = false
  #watch: Timer | undefined
  #checking: Promise<void> | undefined

  /**
   * Starts journalctl.
   *
   * @param health - what to report once it works
   * @param onPosition - told of the last entry whenever some were taken
   */
  constructor(options: FollowSessionOptions, from: Place, health: Status, onPosition: (cursor: string) => void) {
    this.#options = options
    this.#health = health
    this.#onPosition = onPosition
    this.#lastCursor = from.had ? from.cursor : undefined
    this.#since = from.sinceUsec === undefined ? [] : [`--since=@${(from.sinceUsec / 1e6).toFixed(6)}`]
    const place = from.cursor === undefined ? this.#since : [`--cursor=${from.cursor}`]
    const argv = journalctlArgs(options.source, options.query, ['--quiet', '--follow', '--no-tail', ...place])
    this.#child = new JournalctlProcess(options.program, argv, options.onComplaint)
  }

  /** Reads until it ends, hangs (no byte in `silenceMs` though there is an entry to tell), or `signal` aborts. */
  async run(silenceMs: number, signal: AbortSignal): Promise<{ readonly reason: string; readonly hung: boolean }> {
    const { clock, query } = this.#options
    const abort = (): void => this.#child.kill()
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    const settled = clock.after(kSettledMs, () => this.#sayItWorks())
    // Finding the next message that fits a pattern may take minutes: no silence says that journalctl hangs.
    if (query.grep === undefined) this.#watchFor(silenceMs, silenceMs, signal)
    try {
      await this.#read()
    } finally {
      settled.cancel()
      this.#watch?.cancel()
      this.#child.kill()
      signal.removeEventListener('abort', abort)
    }
    const ending = await this.#child.ended
    await this.#checking
    this.#watch?.cancel()
    const reason = this.#hung ? 'journalctl hung and was replaced' : `journalctl ended: ${describeEnding(ending)}`
    return { reason, hung: this.#hung }
  }

  /** Once: by its first byte or by how long it lives, whichever comes first. */
  #sayItWorks(): void {
    if (this.#works) return
    this.#works = true
    this.#options.onStatus(this.#health)
  }

  async #read(): Promise<void> {
    const { fields, maxValueBytes, onEntries, onRejected } = this.#options
    let entries: JournalEntry[] = []
    const parser = new ExportParser({ fields, maxValueBytes, onEntry: (entry) => void entries.push(entry), onRejected })
    let had = this.#lastCursor
    try {
      for await (const chunk of this.#child.output) {
        this.#chunks++
        this.#sayItWorks()
        parser.push(chunk)
        if (entries.length === 0) continue
        const taken = entries[0]!.cursor === had ? entries.slice(1) : entries
        had = undefined
        entries = []
        const last = taken.at(-1)
        if (last === undefined) continue
        this.#lastCursor = last.cursor
        this.#holding = true
        await onEntries(taken)
        this.#holding = false
        this.#onPosition(last.cursor)
      }
    } catch (error) {
      // The stream of a process that was killed ends so; anything else is ours.
      if (this.#holding) throw error
    }
  }

  /** Checks after `silenceMs` without a byte whether there was one to tell; less and less often where all is quiet. */
  #watchFor(silenceMs: number, patienceMs: number, signal: AbortSignal): void {
    const { clock } = this.#options
    const before = this.#chunks
    this.#watch = clock.after(silenceMs, () => {
      if (this.#holding || this.#chunks !== before) this.#watchFor(patienceMs, patienceMs, signal)
      else this.#checking = this.#check(before, silenceMs, patienceMs, signal)
    })
  }

  async #check(before: number, silenceMs: number, patienceMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const over = new AbortController()
    const stop = (): void => over.abort()
    signal.addEventListener('abort', stop, { once: true })
    void this.#child.ended.then(stop)
    const behind = await this.#isBehind(over.signal)
    if (behind) await sleep(clock, kOnItsWayMs, over.signal)
    signal.removeEventListener('abort', stop)
    if (over.signal.aborted) return
    if (behind && !this.#holding && this.#chunks === before) {
      this.#hung = true
      this.#child.kill()
    } else this.#watchFor(Math.min(silenceMs * 2, Math.max(kMaxSilenceMs, patienceMs)), patienceMs, signal)
  }

  /** Whether the journal holds an entry behind the last that was told; a journal that does not answer counts as well. */
  async #isBehind(signal: AbortSignal): Promise<boolean> {
    const { program, source, query, clock } = this.#options
    const last = this.#lastCursor
    const place = last === undefined ? this.#since : [`--cursor=${last}`]
    const more = ['--quiet', ...place, '--lines=2']
    try {
      const { entries } = await readEntries({
        program,
        source,
        query,
        more,
        fields: [],
        maxValueBytes: 1024,
        maxEntries: 2,
        timeoutMs: kQuestionMs,
        clock,
        signal,
      })
      return entries.some(({ cursor }) => cursor !== last)
    } catch {
      return true
    }
  }
}
