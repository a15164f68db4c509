/** A time as people write it: of each day, or of one date. */
export interface WallTime {
  /** Of the day: 0 to 1440. */
  readonly minute: number
  /** Milliseconds since 1970 at which that day began in UTC; undefined for each day. */
  readonly dayMs?: number
}

const kForm = 'a time such as 22:00, or one of a date such as 2026-12-24T22:00'

/** @returns the time, or a reason that says what to write instead */
export function parseWallTime(text: string): WallTime | { readonly reason: string } {
  const wrong = { reason: `"${text.slice(0, 40)}" is not ${kForm}${meant(text)}` }
  const match = /^(?:(\d{4})-(\d\d)-(\d\d)[T ])?(\d\d):(\d\d)$/.exec(text)
  if (match === null) return wrong
  const [year, month, day, hour = 0, minutes = 0] = match
    .slice(1)
    .map((part) => (part === undefined ? part : Number(part)))
  const minute = hour * 60 + minutes
  if (minutes > 59 || minute > 1440) return wrong
  if (year === undefined || month === undefined || day === undefined) return { minute }
  const dayMs = Date.UTC(year, month - 1, day)
  // 30 February would be some day in March.
  return new Date(dayMs).getUTCDate() === day && month <= 12 ? { minute, dayMs } : wrong
}

/** `: did you mean "02:00"?`, for what people write instead, or nothing. */
function meant(text: string): string {
  const times = [...new Set(guesses(text))].map((time) => `"${time}"`)
  return times.length === 0 ? '' : `: did you mean ${times.join(' or ')}?`
}

function guesses(text: string): readonly string[] {
  const parts = /^(\d{1,2})[:.h](\d\d)(?::\d\d)?$/.exec(text)
  if (parts !== null) return clock(Number(parts[1]), Number(parts[2]))
  if (!/^\d{1,4}$/.test(text)) return []
  const number = Number(text)
  if (text.length < 3) return clock(number, 0)
  // 1320 is 13:20 to some; and 22:00 to whatever reads YAML 1.1, where that is a number to the base of 60.
  return [...clock(Math.floor(number / 100), number % 100), ...clock(Math.floor(number / 60), number % 60)]
}

function clock(hour: number, minute: number): readonly string[] {
  const isTime = minute < 60 && (hour < 24 || (hour === 24 && minute === 0))
  return isTime ? [`${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`] : []
}
