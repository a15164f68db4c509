import { TimeZone } from '../../util/time-zone.js'

/** Zones change their offset at quarters of an hour (tz database, since 1972). */
const kBlockMs = 900_000
/** Five weeks of quarters: exposure is added up hour by hour, backwards by no more than that. */
const kMaxBlocks = 4096
const kHourMs = 3_600_000
/** 1970-01-01 was a Thursday; weeks begin on Monday (ISO 8601). */
const kThursday = 3

/** A moment on the clock of the wall. */
export interface LocalMoment {
  /** Days since 1970, by the local calendar. */
  readonly day: number
  /** Hours since midnight, [0, 24). */
  readonly hour: number
  /** 0 Monday to 6 Sunday. */
  readonly weekday: number
}

/** @param localHours - hours since 1970-01-01 00:00 by local clocks */
export function momentOf(localHours: number): LocalMoment {
  const day = Math.floor(localHours / 24)
  return { day, hour: localHours - 24 * day, weekday: (((day + kThursday) % 7) + 7) % 7 }
}

/** Local time of one zone, with its daylight saving time: offsets are asked of Intl once per quarter of an hour. */
export class LocalTime {
  readonly zone: string
  readonly #clocks: TimeZone
  readonly #offsets = new Map<number, number>()

  /**
   * @param zone - IANA name, as `Europe/Berlin`; the system's when left out
   * @throws RangeError for a zone that does not exist
   */
  constructor(zone?: string) {
    this.#clocks = new TimeZone(zone)
    this.zone = this.#clocks.name
  }

  at(unixMs: number): LocalMoment {
    return momentOf((unixMs + this.offsetMs(unixMs)) / kHourMs)
  }

  /** What local clocks are ahead of UTC. */
  offsetMs(unixMs: number): number {
    const block = Math.floor(unixMs / kBlockMs)
    const known = this.#offsets.get(block)
    if (known !== undefined) return known
    if (this.#offsets.size >= kMaxBlocks) this.#offsets.clear()
    const offsetMs = this.#clocks.localMs(block * kBlockMs) - block * kBlockMs
    this.#offsets.set(block, offsetMs)
    return offsetMs
  }
}
