/**
 * Makes text safe to show in one line: control characters, line separators and direction marks are written as escapes,
 * so that no unit name or journal text can move the cursor, colour the screen or fake a second line.
 */
export function printable(text: string): string {
  return unsafe.test(text) ? text.replace(unsafeAll, escaped) : text
}

// C0, DEL, C1, zero width and direction marks (U+200B-200F, 202A-202E, 2066-2069, FEFF), separators U+2028/2029, lone surrogates.
const source =
  '[\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]|[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]'
const unsafe = new RegExp(source)
const unsafeAll = new RegExp(source, 'g')

function escaped(char: string): string {
  if (char === '\n') return '\\n'
  if (char === '\t') return '\\t'
  const code = char.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** Cuts to `max` characters, keeping both ends: a unit's suffix tells as much as its beginning. */
export function clipMiddle(text: string, max: number): string {
  const chars = [...text]
  if (chars.length <= max) return text
  const tail = Math.floor((max - 1) / 2)
  return `${chars.slice(0, max - 1 - tail).join('')}…${chars.slice(chars.length - tail).join('')}`
}

/** Cuts to `max` characters, marking the cut. */
export function clipEnd(text: string, max: number): string {
  if (text.length <= max) return text
  const chars = [...text]
  return chars.length <= max ? text : `${chars.slice(0, max - 1).join('')}…`
}

/** Pads to `width` characters (one column each; wide scripts are rare in unit names). */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - [...text].length))
}
