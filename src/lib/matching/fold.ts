import { compilePatterns } from './pattern.js'

/**
 * Connections that systemd accepts itself (Accept=yes) are instances named by number and both addresses, each another one:
 * `sshd@7-10.0.0.1:22-10.0.0.9:51514.service`.
 */
export const defaultFold = ['*@*-*:*-*:*.service'] as const

/**
 * Compiles what to fold.
 *
 * @param patterns - of instances of templates; anything else is never folded
 * @returns the name under which a unit is told together with others, `sshd@*.service`; undefined for one that stands alone
 */
export function compileFold(patterns: readonly string[]): ((unit: string) => string | undefined) | undefined {
  const folds = compilePatterns(patterns)
  if (folds === undefined) return undefined
  return (unit) => {
    const at = unit.indexOf('@')
    const dot = unit.lastIndexOf('.')
    return at > 0 && dot > at + 1 && folds(unit) ? `${unit.slice(0, at)}@*${unit.slice(dot)}` : undefined
  }
}
