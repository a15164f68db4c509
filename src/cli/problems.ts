import { type ConfigError, formatProblem } from '../errors.js'
import { type Output, writeError } from './terminal.js'

/** SGR colours (ECMA-48 8.3.117). */
export const sgr = { red: 31, green: 32, yellow: 33 } as const

export function paint(output: Output, color: number, text: string): string {
  return output.color ? `\x1b[${color}m${text}\x1b[0m` : text
}

export const good = (output: Output, text: string): string => paint(output, sgr.green, text)

export const warning = (output: Output, text: string): string => `${paint(output, sgr.yellow, 'warning:')} ${text}`

/** All that is wrong with a file, one line each and their number: the same words from every command that reads one. */
export function printProblems({ problems }: ConfigError, output: Output): void {
  for (const problem of problems) writeError(output, `${paint(output, sgr.red, 'error:')} ${formatProblem(problem)}\n`)
  const files = new Set(problems.map(({ position }) => position.file))
  writeError(
    output,
    `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${[...files].join(', ')}\n`,
  )
}
