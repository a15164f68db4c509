const kDayMs = 86_400_000

/** Clocks on the wall of a time zone, with all their changes: IANA's rules, as Node's ICU has them. */
export class TimeZone {
  readonly #format: Intl.DateTimeFormat

  /**
   * @param name - of IANA, `Europe/Berlin`; that of this machine where it is left out
   * @throws RangeError where there is none of that name
   */
  constructor(name?: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** Its name by IANA, also where it was left out. */
  get name(): string {
    return this.#format.resolvedOptions().timeZone
  }

  /** What clocks show at `unixMs`, as the milliseconds since 1970 at which they would show it in UTC. */
  localMs(unixMs: number): number {
    const fields: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(unixMs)) fields[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields
    return Date.UTC(year, month - 1, day, hour, minute, second) + (((unixMs % 1000) + 1000) % 1000)
  }

  /**
   * When clocks show `localMs` (as `localMs` gives it). Where they are set back they show it twice, and `which` says which one
   * is meant; what they skip where they are set forward counts as so much later.
   */
  unixMs(localMs: number, which: 'first' | 'last' = 'first'): number {
    const before = this.#offsetMs(localMs - kDayMs)
    const after = this.#offsetMs(localMs + kDayMs)
    const shown = [localMs - before, localMs - after].filter((unixMs) => this.localMs(unixMs) === localMs)
    if (shown.length === 0) return localMs - before
    return which === 'first' ? Math.min(...shown) : Math.max(...shown)
  }

  #offsetMs(unixMs: number): number {
    return this.localMs(unixMs) - unixMs
  }
}
