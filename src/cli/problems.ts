import { type ConfigError, formatProblem } from '../errors.js'
import type { Output } from './terminal.js'

// SGR colours (ECMA-48 8.3.117).
const kRed = 31
const kYellow = 33
const kGreen = 32

function paint(output: Output, color: number, text: string): string {
  return output.color ? `\x1b[${color}m${text}\x1b[0m` : text
}

export const good = (output: Output, text: string): string => paint(output, kGreen, text)

export const warning = (output: Output, text: string): string => `${paint(output, kYellow, 'warning:')} ${text}`

/** All that is wrong with a file, one line each and their number: the same words from every command that reads one. */
export function printProblems({ problems }: ConfigError, output: Output): void {
  for (const problem of problems) output.write(`${paint(output, kRed, 'error:')} ${formatProblem(problem)}\n`)
  const files = new Set(problems.map(({ position }) => position.file))
  output.write(`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${[...files].join(', ')}\n`)
}
