/** Select Graphic Rendition codes (ECMA-48): the 16 basic colours, which every theme has made readable. */
const codes = {
  red: '31',
  green: '32',
  yellow: '33',
  blue: '34',
  magenta: '35',
  cyan: '36',
  dim: '2',
  bold: '1',
} as const
export type Tone = keyof typeof codes

/** Colours text, or leaves it. */
export type Style = (tone: Tone, text: string) => string

export const plain: Style = (_tone, text) => text
export const ansi: Style = (tone, text) => (text === '' ? '' : `\u001b[${codes[tone]}m${text}\u001b[0m`)

/**
 * Colours are for people: on a terminal only, and not where NO_COLOR is set to anything (no-color.org) or TERM is dumb.
 * FORCE_COLOR overrides the first.
 */
export function wantsColor(isTty: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false
  if ((env['FORCE_COLOR'] ?? '0') !== '0') return true
  return isTty && env['TERM'] !== 'dumb'
}
