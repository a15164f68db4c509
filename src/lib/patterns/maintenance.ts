import type { MaintenanceWindow } from '../../component/component.js'
import { TimeZone } from '../../util/time-zone.js'
import { parseWallTime, type WallTime } from '../../util/wall-time.js'
import { compilePatterns, type NameTest } from '../matching/pattern.js'

const kMinuteMs = 60_000
const kDayMs = 86_400_000

/** Milliseconds since 1970; `untilMs` is no part of it. */
interface Span {
  readonly fromMs: number
  readonly untilMs: number
}

/** Knows when units are worked on, by the clocks on the wall. */
export class Maintenance {
  readonly #windows: readonly Window[]

  constructor(windows: readonly MaintenanceWindow[]) {
    this.#windows = windows.map((window) => new Window(window))
  }

  /** When the window is over in which `unit` is worked on at `unixMs`; undefined where there is none. */
  until(unit: string, unixMs: number): number | undefined {
    let until: number | undefined
    for (const window of this.#windows) {
      const span = window.at(unixMs)
      if (span !== undefined && window.concerns(unit)) until = Math.max(until ?? 0, span.untilMs)
    }
    return until
  }
}

class Window {
  readonly #names: NameTest | undefined
  readonly #days: readonly string[]
  readonly #from: WallTime
  readonly #to: WallTime
  readonly #zone: TimeZone
  /** Those that a time in `#known` can fall into. */
  #spans: readonly Span[] = []
  #known: Span = { fromMs: 0, untilMs: 0 }

  /** @param window - as the configuration has checked it */
  constructor({ units, days, from, to, time_zone }: MaintenanceWindow) {
    this.#names = compilePatterns(units)
    this.#days = days
    this.#from = parseWallTime(from) as WallTime
    this.#to = parseWallTime(to) as WallTime
    this.#zone = new TimeZone(time_zone)
    const { dayMs } = this.#from
    if (dayMs === undefined) return
    this.#spans = [this.#span(dayMs, this.#to.dayMs ?? dayMs)]
    this.#known = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY }
  }

  concerns(unit: string): boolean {
    return this.#names === undefined || this.#names(unit)
  }

  at(unixMs: number): Span | undefined {
    if (!holds(this.#known, unixMs)) this.#lookAround(unixMs)
    return this.#spans.find((span) => holds(span, unixMs))
  }

  /** A day's windows, and what the day before has left: asked a thousand times a day, reckoned once. */
  #lookAround(unixMs: number): void {
    const todayMs = Math.floor(this.#zone.localMs(unixMs) / kDayMs) * kDayMs
    const nextDays = this.#to.minute > this.#from.minute ? 0 : kDayMs
    this.#spans = [-1, 0, 1]
      .map((day) => todayMs + day * kDayMs)
      .filter((dayMs) => this.#days.length === 0 || this.#days.includes(weekday(dayMs)))
      .map((dayMs) => this.#span(dayMs, dayMs + nextDays))
    this.#known = {
      fromMs: this.#zone.unixMs(todayMs, 'first'),
      untilMs: this.#zone.unixMs(todayMs + kDayMs, 'first'),
    }
    // Where midnight itself comes twice, or not at all, `unixMs` may lie beside it.
    if (!holds(this.#known, unixMs)) this.#known = { fromMs: unixMs, untilMs: unixMs + 1 }
  }

  /**
   * @param fromDayMs - the days on which it begins and ends, as they begin in UTC
   * @returns a time that clocks show twice counts from the first to the last; a window that falls into the hour that they skip
   * comes after it, as systemd.time(7) has timers do
   */
  #span(fromDayMs: number, toDayMs: number): Span {
    const beginMs = fromDayMs + this.#from.minute * kMinuteMs
    const endMs = toDayMs + this.#to.minute * kMinuteMs
    const fromMs = this.#zone.unixMs(beginMs, 'first')
    const untilMs = this.#zone.unixMs(endMs, 'last')
    return { fromMs, untilMs: untilMs > fromMs ? untilMs : fromMs + endMs - beginMs }
  }
}

function holds({ fromMs, untilMs }: Span, unixMs: number): boolean {
  return unixMs >= fromMs && unixMs < untilMs
}

function weekday(dayMs: number): string {
  return (['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const)[new Date(dayMs).getUTCDay()]!
}
