const kHourMs = 3_600_000

/** Seconds since a local midnight, changed clocks included: their offset is asked for once an hour. */
export class LocalTime {
  #hour = Number.NaN
  #offsetSeconds = 0

  seconds(unixMs: number): number {
    const hour = Math.floor(unixMs / kHourMs)
    if (hour !== this.#hour) {
      this.#hour = hour
      this.#offsetSeconds = -60 * new Date(unixMs).getTimezoneOffset()
    }
    return unixMs / 1000 + this.#offsetSeconds
  }
}
