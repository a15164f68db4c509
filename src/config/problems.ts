import { ConfigError, type ConfigErrorCode, type ConfigProblem, type SourcePosition } from '../errors.js'
import type { ConfigWarning, ConfigWarningCode } from './agent-config.js'

/** Where in the tree of the file: map keys and list indexes from the top. */
export type Path = readonly (string | number)[]

/** More than a person reads in one go; a file with 60,000 stray braces must not print 60,000 lines. */
const kMaxProblems = 100
/** One line that still fits a terminal twice; values in it are cut shorter where they are put in. */
const kMaxReasonLength = 400

/** Gathers all that is wrong or odd, so that one run shows everything. */
export class Problems {
  readonly #problems: ConfigProblem[] = []
  readonly #warnings: ConfigWarning[] = []
  #unlisted = 0

  add(code: ConfigErrorCode, position: SourcePosition, path: Path, text: string): void {
    const reason = printable(text, kMaxReasonLength)
    const key = formatPath(path)
    if (this.#problems.some((p) => p.reason === reason && p.key === key && samePlace(p.position, position))) return
    if (this.#problems.length < kMaxProblems) this.#problems.push({ code, position, key, reason })
    else this.#unlisted++
  }

  /** No more are listed: what follows needs no reason. */
  get full(): boolean {
    return this.#problems.length >= kMaxProblems
  }

  /** Counts one that is not listed. */
  leaveOut(): void {
    this.#unlisted++
  }

  warn(code: ConfigWarningCode, position: SourcePosition, path: Path, text: string): void {
    const reason = printable(text, kMaxReasonLength)
    if (this.#warnings.length < kMaxProblems) this.#warnings.push({ code, position, key: formatPath(path), reason })
  }

  get any(): boolean {
    return this.#problems.length > 0
  }

  get warnings(): readonly ConfigWarning[] {
    return Object.freeze([...this.#warnings].sort(byPlace))
  }

  /** @throws {ConfigError} with all problems in the order of the file, if there are any */
  throwIfAny(): void {
    if (!this.any) return
    const problems = [...this.#problems].sort(byPlace)
    if (this.#unlisted > 0) {
      const { position } = problems.at(-1)!
      const reason = `${this.#unlisted} more problems are not listed; mend these first`
      problems.push({ code: 'CFG_LIMIT', position, key: '', reason })
    }
    throw new ConfigError(problems)
  }
}

/** `['receivers', 'systemd', 'unit_types', 2]` -> `receivers.systemd.unit_types[2]`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += `${text === '' ? '' : '.'}${printableKey(part)}`
  }
  return text
}

/** A key without the value that slipped into it for want of a `: `, as `token…` of `token=hunter2`: it may be a secret. */
export function printableKey(key: string): string {
  return printable(key.replace(/[=:\s].*$/s, '…'), 64)
}

/** Text from a file as one line of a message: without passwords of URLs, control characters escaped, length bounded. */
export function printable(text: string, maxLength = 40): string {
  // Before it is cut: behind the cut nobody would see the "@".
  const safe = withoutSignIn(text)
  const cut = safe.length > maxLength ? `${safe.slice(0, maxLength)}...` : safe
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
  return cut.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** A value without what looks like a password, even where it is no URL for want of a slash. */
export function valueWithoutSignIn(text: string): string {
  const found = looseSignInOf(text)
  return found === undefined ? text : without(text, found)
}

/** `nats://***@host` of `nats://user:password@host`. */
function withoutSignIn(text: string): string {
  const found = signInOf(text)
  return found === undefined ? text : without(text, found)
}

function without(text: string, { start, end }: Stretch): string {
  return `${text.slice(0, start)}***${text.slice(end)}`
}

interface Stretch {
  readonly start: number
  readonly end: number
}

/**
 * Where `user:password` stands in `nats://user:password@host`, also without a scheme. People write passwords that no URL may
 * hold, so it ends at the last "@".
 */
function signInOf(text: string): Stretch | undefined {
  const end = text.lastIndexOf('@')
  const start = text.indexOf('://') + 3
  if (start >= 3 && start < end) return { start, end }
  return /^[^\s/:@"]+:[^\s/@]+@/.test(text) ? { start: 0, end } : undefined
}

/** The same in a value that was to be a URL, and may lack a slash or its scheme: `nats:/user:password@host`. */
export function looseSignInOf(text: string): Stretch | undefined {
  const end = text.lastIndexOf('@')
  const before = text.slice(0, Math.max(end, 0))
  const slashes = before.indexOf('//')
  if (slashes >= 0) return slashes + 2 < end ? { start: slashes + 2, end } : undefined
  return before.includes(':') ? { start: 0, end } : undefined
}

function byPlace(a: { position: SourcePosition }, b: { position: SourcePosition }): number {
  return a.position.line - b.position.line || a.position.column - b.position.column
}

function samePlace(a: SourcePosition, b: SourcePosition): boolean {
  return a.line === b.line && a.column === b.column && a.file === b.file
}
