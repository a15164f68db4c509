/**
 * The one list of error codes, and the few classes a caller branches on.
 *
 * Three kinds of failure, never mixed: what a user wrote wrong (ConfigError: all problems at once, before anything
 * starts), what the world does (a value: an Outcome, a Status, a counter), and a bug (a plain Error; never caused by input).
 */

/** Where in which file a problem stands; line and column count from 1. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Stable names of configuration problems: scripts may match them, texts may change. */
export type ConfigErrorCode =
  | 'CFG_FILE'
  | 'CFG_SYNTAX'
  | 'CFG_LIMIT'
  | 'CFG_FORBIDDEN'
  | 'CFG_SUBSTITUTION'
  | 'CFG_UNKNOWN_KEY'
  | 'CFG_TYPE'
  | 'CFG_VALUE'
  | 'CFG_REFERENCE'

export interface ConfigProblem {
  readonly code: ConfigErrorCode
  readonly position: SourcePosition
  /** Dotted key path, e.g. `receivers.systemd.unit_types[2]`; empty for the whole file. */
  readonly key: string
  /** What is wrong and, where known, what to do: one line, no secrets. */
  readonly reason: string
}

/** Everything wrong with one configuration. `message` holds one line per problem: `file:line:column key: reason`. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

export function formatProblem({ position, key, reason }: Omit<ConfigProblem, 'code'>): string {
  const place = `${position.file}:${position.line}:${position.column}`
  return key === '' ? `${place} ${reason}` : `${place} ${key}: ${reason}`
}

/** A component that cannot run here (missing privilege, kernel feature, addon): the agent goes on without it. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError'
}

/**
 * A start that is refused until somebody has looked: going on would lose or overwrite data (a queue of a newer format, a folder
 * that others write to). The process ends with `ExitCode.config`, so that systemd does not try again.
 */
export class RefusalError extends Error {
  override readonly name = 'RefusalError'
}

/** Exit codes of the process, by sysexits.h: 69 is EX_UNAVAILABLE; 78 EX_CONFIG, which systemd's RestartPreventExitStatus= can name. */
export const ExitCode = { ok: 0, failure: 1, usage: 64, unavailable: 69, config: 78 } as const
