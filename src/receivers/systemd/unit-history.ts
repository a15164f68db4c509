import type { Settings } from '../../component/component.js'
import type { RawEvent } from '../../data/event.js'
import type { UnitSnapshot } from '../../data/unit-snapshot.js'
import { CallError } from '../../lib/systemd/control-plane.js'
import type { HistoryEntry } from '../../lib/systemd/history-entry.js'
import { unfilledGapEvent } from '../../lib/systemd/source-event.js'
import { sleep } from '../../util/clock.js'
import type { Config } from './config.js'
import type { History, HistoryRequest } from './history-reader.js'
import { behindSinceUsec, kMaxLagUsec } from './journal-lag.js'

/** `readHistory` with the journalctl of this machine. */
export type ReadHistory = (request: Omit<HistoryRequest, 'program'>) => Promise<History>

/** What the journal tells of a time in which nobody listened. */
export interface ToldHistory {
  readonly entries: readonly HistoryEntry[]
  /** One that says of which time nothing is known, where there is such a time. */
  readonly events: readonly RawEvent[]
}

const nothing: ToldHistory = { entries: [], events: [] }

/** Least time between two readings, where the next one can wait: journalctl takes 20 to 100 ms of CPU. */
const kLeastMs = 3000
/** Where the journal is behind it is read again after this, and after twice as long each time, up to the second one. */
const kFirstAgainMs = 50
const kMaxAgainMs = 800

/** Reads back what PID 1 said while nobody listened, as configured by `history`. */
export class UnitHistory {
  readonly #settings: Settings
  readonly #config: Config
  readonly #accepts: (unit: string) => boolean
  readonly #read: ReadHistory | undefined
  readonly #signal: AbortSignal
  #lastMs = Number.NEGATIVE_INFINITY

  /**
   * @param read - undefined where there is no journal to read, and none is missed
   * @param signal - ends a reading that is under way
   */
  constructor(
    settings: Settings,
    config: Config,
    accepts: (unit: string) => boolean,
    read: ReadHistory | undefined,
    signal: AbortSignal,
  ) {
    this.#settings = settings
    this.#config = config
    this.#accepts = accepts
    this.#read = read
    this.#signal = signal
  }

  get available(): boolean {
    return this.#reader !== undefined
  }

  /** How long a reading that can wait should wait. */
  waitMs(): number {
    if (this.#reader === undefined) return 0
    return Math.max(0, this.#lastMs + kLeastMs - this.#settings.clock.monotonicMs())
  }

  get #reader(): ReadHistory | undefined {
    const { history, scope } = this.#config
    // A user's manager says USER_UNIT=, into a journal that may be its user's own.
    return history === false || scope === 'user' ? undefined : this.#read
  }

  /**
   * Waits some seconds for a journal that has not got to what `units` have done.
   *
   * @param units - as they were read before
   * @param sinceUsec - up to when all is known, microseconds since 1970
   * @param marginUsec - so much from before is read, too; that it cannot be is no gap
   * @throws {CallError} when the reading was cut short
   */
  async since(units: readonly UnitSnapshot[], sinceUsec: number, marginUsec = 0): Promise<ToldHistory> {
    const { history, history_max, history_max_entries } = this.#config
    const reader = this.#reader
    if (reader === undefined) return nothing
    const { clock, resources, logger, telemetry } = this.#settings
    const request = {
      source: typeof history === 'object' ? history : {},
      sinceUsec: sinceUsec - marginUsec,
      maxAgeMs: history_max,
      maxEntries: history_max_entries,
      clock,
      signal: this.#signal,
    }
    let read = await reader(request)
    // By the steady clock as well: by a wall clock that was set back the last change may be hours ahead.
    const untilMs = clock.monotonicMs() + kMaxLagUsec / 1000
    let pauseMs = kFirstAgainMs
    while (this.#isBehind(read, units, sinceUsec, untilMs)) {
      await sleep(clock, pauseMs, this.#signal)
      pauseMs = Math.min(2 * pauseMs, kMaxAgainMs)
      read = await reader(request)
    }
    this.#lastMs = clock.monotonicMs()
    // Nothing may be told, nor counted as told: the next run of this program asks for the same time again.
    if (this.#signal.aborted) throw new CallError('the receiver is stopping')
    const entries = read.entries.filter(({ unit }) => this.#accepts(unit))
    if (read.gap === undefined) return { entries, events: [] }
    const gap = { ...read.gap, startUsec: read.gap.startUsec + marginUsec }
    if (gap.endUsec <= gap.startUsec) return { entries, events: [] }
    telemetry.error('history_incomplete')
    logger.warn(`what happened while nobody listened is not known in full: ${describe(read)}`, gap)
    return { entries, events: [unfilledGapEvent(resources, gap, clock.unixNano())] }
  }

  #isBehind({ entries, gap }: History, units: readonly UnitSnapshot[], sinceUsec: number, untilMs: number): boolean {
    if (gap?.reason === 'unreadable' || this.#signal.aborted) return false
    if (this.#settings.clock.monotonicMs() >= untilMs) return false
    const behind = behindSinceUsec(entries, units, sinceUsec)
    return behind !== undefined && Number(this.#settings.clock.unixNano() / 1000n) < behind + kMaxLagUsec
  }
}

function describe({ gap, problem }: History): string {
  switch (gap?.reason) {
    case 'too_many':
      return 'the journal says more than history_max_entries'
    case 'too_old':
      return 'it was longer ago than history_max'
    case 'vacuumed':
      return 'the journal of that time is gone'
    default:
      return `the journal cannot be read (${problem ?? 'unknown reason'})`
  }
}
