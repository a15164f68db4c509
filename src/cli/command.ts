import type { Terminal } from './terminal.js'

/** One flag. `short` is one letter. A `string` flag takes a value, shown as `valueName` in the help. */
export type Option =
  | { readonly type: 'boolean'; readonly short?: string; readonly description: string }
  | {
      readonly type: 'string'
      readonly short?: string
      /** May be given several times; `values` then hold an array. */
      readonly multiple?: boolean
      readonly valueName: string
      readonly description: string
      /** What completion offers: file names, or these words. */
      readonly completes?: 'file' | 'directory' | readonly string[]
    }

export interface Example {
  readonly line: string
  readonly what: string
}

/**
 * A subcommand: all that help, completion and the parser need to know of it, and the function that runs it.
 *
 * Its module is light: what is heavy (the YAML library, the components) is imported inside `run`, because help and
 * completion load every command.
 */
export interface Command {
  readonly name: string
  /** One line for the list of commands, without a full stop. */
  readonly summary: string
  /** Paragraphs under the usage line: what it does and what a person needs to know before. */
  readonly description: string
  /**
   * Names of the operands, as the usage line shows them, e.g. `['bash|zsh|fish']`. One in brackets may be left out; otherwise
   * more or fewer are usage errors.
   */
  readonly operands?: readonly string[]
  readonly options: Readonly<Record<string, Option>>
  /** Flags without which the command cannot run. */
  readonly required?: readonly string[]
  readonly examples: readonly Example[]
  /** Resolves with the exit code (ExitCode of errors.ts). A ConfigError or UsageError thrown here is printed by main. */
  run(invocation: Invocation): Promise<number>
}

/** What the user typed, parsed, and the outside world as the command may touch it. */
export interface Invocation {
  /** By long name; a flag that was not given is absent. */
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
  readonly operands: readonly string[]
  readonly terminal: Terminal
  /** All there are, in the order of the help. */
  readonly commands: () => Promise<readonly Command[]>
  readonly env: Readonly<Record<string, string | undefined>>
  /** What to do when the reader of standard output goes away; until a command says so, the process ends then. */
  onOutputGone(stop: () => void): void
  /**
   * Ends the process at once, without flushing: for a second Ctrl-C and for crashes only. Given by main, because no
   * other file may end the process; everything else returns its exit code from `run`.
   */
  exitNow(code: number): never
}

/** The world does not let the command do what was asked (a full disk, no free port): message on stderr, exit 1. */
export class FailureError extends Error {
  override readonly name = 'FailureError'
}

/** The user typed something that cannot be run: message on stderr, exit 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
