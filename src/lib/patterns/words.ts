import { formatDuration } from '../../util/duration.js'

const kMinuteMs = 60_000
const kHourMs = 3_600_000
const kDayMs = 86_400_000

/** A duration as one says it: to the second below an hour, to the minute below a day, to the hour above. `1h30m`, `4.2s`. */
export function durationWords(ms: number): string {
  if (ms < kMinuteMs) return `${Number((ms / 1000).toPrecision(2))}s`
  const step = ms < kHourMs ? 1000 : ms < kDayMs ? kMinuteMs : kHourMs
  return formatDuration(Math.round(ms / step) * step)
}

/** `2026-11-29 03:00:05 UTC` */
export function timeWords(unixNano: bigint): string {
  return `${new Date(Number(unixNano / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
