import type { LocalTime } from '../../lib/patterns/local-time.js'

const kHourMs = 3_600_000
export const kWeekHours = 168
/** A longer silence is added as this much: the shape of a week is what counts, and eight of them show it. */
const kMaxSpanMs = 8 * kWeekHours * kHourMs

/** How long a unit ran, by hour of the local week: seconds, Monday 00:00 first. 0.7 KB. */
export class Exposure {
  readonly week: Float32Array
  /** All of it, seconds. */
  total: number

  constructor(week = new Float32Array(kWeekHours)) {
    this.week = week
    this.total = week.reduce((sum, seconds) => sum + seconds, 0)
  }

  /** It ran from `untilUnixMs - lengthMs` to `untilUnixMs`. */
  add(untilUnixMs: number, lengthMs: number, local: LocalTime): void {
    let at = untilUnixMs - Math.min(lengthMs, kMaxSpanMs)
    this.total += (untilUnixMs - at) / 1000
    while (at < untilUnixMs) {
      const { weekday, hour } = local.at(at)
      const whole = Math.floor(hour)
      // To the end of the local hour; never nothing, whatever rounding has made of it.
      const next = Math.min(at + Math.max((whole + 1 - hour) * kHourMs, 1), untilUnixMs)
      this.week[weekday * 24 + whole]! += (next - at) / 1000
      at = next
    }
  }

  /** By hour of the day. */
  byHour(): Float64Array {
    const hours = new Float64Array(24)
    for (let i = 0; i < kWeekHours; i++) hours[i % 24]! += this.week[i]!
    return hours
  }

  /** By day of the week, from Monday. */
  byDay(): Float64Array {
    const days = new Float64Array(7)
    for (let i = 0; i < kWeekHours; i++) days[Math.floor(i / 24)]! += this.week[i]!
    return days
  }
}
