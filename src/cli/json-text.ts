/**
 * For scripts and for people who look at what scripts get, on a terminal: C1 controls and direction marks, which JSON lets stand as they are, and
 * others' text may have, are written as escapes.
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${text}\n`
}
