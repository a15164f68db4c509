import type { Settings } from '../../component/component.js'
import type { RawEvent } from '../../data/event.js'
import { CallError } from '../../lib/systemd/control-plane.js'
import type { HistoryEntry } from '../../lib/systemd/history-entry.js'
import { unfilledGapEvent } from '../../lib/systemd/source-event.js'
import type { Config } from './config.js'
import type { History, HistoryRequest } from './history-reader.js'

/** `readHistory` with the journalctl of this machine. */
export type ReadHistory = (request: Omit<HistoryRequest, 'program'>) => Promise<History>

/** What the journal tells of a time in which nobody listened. */
export interface ToldHistory {
  readonly entries: readonly HistoryEntry[]
  /** One that says of which time nothing is known, where there is such a time. */
  readonly events: readonly RawEvent[]
}

const nothing: ToldHistory = { entries: [], events: [] }

/** Reads back what PID 1 said while the agent was not there, as configured by `history`. */
export class UnitHistory {
  readonly #settings: Settings
  readonly #config: Config
  readonly #accepts: (unit: string) => boolean
  readonly #read: ReadHistory | undefined
  readonly #signal: AbortSignal

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

  /**
   * @param sinceUsec - up to when all is known, microseconds since 1970
   * @throws {CallError} when the reading was cut short
   */
  async since(sinceUsec: number): Promise<ToldHistory> {
    const { history, scope, history_max, history_max_entries } = this.#config
    // A user's manager says USER_UNIT=, into a journal that may be its user's own.
    if (this.#read === undefined || history === false || scope === 'user') return nothing
    const { clock, resources, logger, telemetry } = this.#settings
    const read = await this.#read({
      source: typeof history === 'object' ? history : {},
      sinceUsec,
      maxAgeMs: history_max,
      maxEntries: history_max_entries,
      clock,
      signal: this.#signal,
    })
    // Nothing may be told, nor counted as told: the next run of this program asks for the same time again.
    if (this.#signal.aborted) throw new CallError('the receiver is stopping')
    const entries = read.entries.filter(({ unit }) => this.#accepts(unit))
    if (read.gap === undefined) return { entries, events: [] }
    telemetry.error('history_incomplete')
    logger.warn(`what happened while the agent was away is not known in full: ${describe(read)}`, { ...read.gap })
    return { entries, events: [unfilledGapEvent(resources, read.gap, clock.unixNano())] }
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
