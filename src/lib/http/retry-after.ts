/**
 * Reads Retry-After (RFC 9110, section 10.2.3): seconds, or a date.
 *
 * @param nowMs - milliseconds since 1970
 * @returns milliseconds to wait, at least 0; undefined when it says nothing that can be read
 */
export function readRetryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000
  // Date.parse takes much ("1", "May"); what servers may write begins with a day of the week.
  const atMs = /^(mon|tue|wed|thu|fri|sat|sun)/i.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(atMs) ? undefined : Math.max(atMs - nowMs, 0)
}
