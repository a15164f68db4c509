const kUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const
const kSecondMs = 1000
const kMinuteMs = 60 * kSecondMs
const kHourMs = 60 * kMinuteMs
const kDayMs = 24 * kHourMs

/** `312 MiB`, three digits at most. */
export function bytesInWords(bytes: number): string {
  let value = bytes
  let unit = 0
  while (Math.abs(value) >= 1000 && unit < kUnits.length - 1) {
    value /= 1024
    unit++
  }
  return `${shortNumber(value)} ${kUnits[unit]!}`
}

/** `1.2 MiB/min`: the shortest of second, minute, hour and day in which there is one of the unit. */
export function rateInWords(perMs: number, words: (amount: number) => string, least = 1): string {
  for (const [ms, name] of [
    [kSecondMs, 's'],
    [kMinuteMs, 'min'],
    [kHourMs, 'h'],
  ] as const)
    if (perMs * ms >= least) return `${words(perMs * ms)}/${name}`
  return `${words(perMs * kDayMs)}/day`
}

/** Two digits, and all that stand before the point. */
export function shortNumber(value: number): string {
  return Math.abs(value) >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2)))
}
