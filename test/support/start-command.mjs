// How the program is started when it is run by its name: the variables and the flags of Node in its first line.
import { readFileSync } from 'node:fs'

/**
 * @param {string} line
 * @returns {{env: Record<string, string>, flags: string[]}}
 */
export function parseStartCommand(line) {
  const words = line.trim().split(/\s+/)
  const node = words.findIndex((word) => /(^|\/)node$/.test(word))
  if (node < 0) throw new Error(`no node in "${line}"`)
  const isVariable = (word) => /^[A-Z_]+=/.test(word)
  const rest = words.slice(node + 1)
  const end = rest.findIndex((word) => !word.startsWith('-'))
  return {
    env: Object.fromEntries(
      words
        .slice(0, node)
        .filter(isVariable)
        .map((word) => word.split('=', 2)),
    ),
    flags: end < 0 ? rest : rest.slice(0, end),
  }
}

const firstLine = readFileSync(new URL('../../src/main.ts', import.meta.url), 'utf8').split('\n', 1)[0]

export const startCommand = parseStartCommand(firstLine.replace(/^#!\/usr\/bin\/env -S /, ''))
