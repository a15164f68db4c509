import type { Attributes } from '../../data/attributes.js'
import type { UnitState } from '../../data/signal-record.js'
import { attr } from './names.js'
import { type ProcessExit, processExit } from './process-exit.js'

/** What a service runs beside its main process, by the SubState in which it does (systemd's service.c). */
const commands: ReadonlyMap<string, string> = new Map([
  ['condition', 'ExecCondition='],
  ['start-pre', 'ExecStartPre='],
  ['start-post', 'ExecStartPost='],
  ['stop', 'ExecStop='],
  ['stop-post', 'ExecStopPost='],
])
/** What a command can end a run with; all other results are systemd's own doing, or the main process's. */
const ofCommands: ReadonlySet<string> = new Set(['exit-code', 'signal', 'core-dump', 'timeout'])

/**
 * The setting whose command a Result is of; empty where it is of the main process, or of no process. systemd sets the result at once, and may
 * run ExecStopPost= and stop other processes before the unit is `failed`: only the state that it was in then tells.
 *
 * @param before - the last state without this result
 * @param after - the first one with it
 */
export function guiltyCommand(before: UnitState, after: UnitState): string {
  const command = commands.get(before.subState)
  if (command === undefined || !ofCommands.has(after.result)) return ''
  // One that takes too long is killed, and so may the main process be.
  return after.result !== 'timeout' && hasFailedSince(before, after) ? '' : command
}

/** The main process has ended between these states, and not well. */
function hasFailedSince(before: UnitState, after: UnitState): boolean {
  const exit = processExit(after)
  const isNew = after.execMainCode !== before.execMainCode || after.execMainExitUsec !== before.execMainExitUsec
  return isNew && exit !== undefined && !('code' in exit && exit.code === 0)
}

/** How a run ended: at most one of these says more than the result does. */
export interface Failure {
  /** systemd's word: `exit-code`, `timeout`; empty where it is not known. */
  readonly result: string
  /** Signal or exit code of the main process, where that is what the result is of. */
  readonly detail?: string
  /** The setting whose command it is of instead: `ExecStartPre=`. What that exited with is in the journal alone. */
  readonly command?: string
}

/** @param command - see `guiltyCommand` */
export function failureOf(result: string, exit: ProcessExit | undefined, command: string): Failure {
  if (result === '' || result === 'success') return { result }
  if (command !== '') return { result, command }
  if (exit === undefined) return { result }
  // The main process ended by a signal, or well: what had an exit code was another one.
  if ('signal' in exit) return result === 'exit-code' ? { result } : { result, detail: exit.signal }
  return exit.code === 0 ? { result } : { result, detail: String(exit.code) }
}

/** That of an event. */
export function failureOfEvent(attributes: Attributes): Failure {
  const signal = attributes[attr.exitSignal]
  const code = attributes[attr.exitCode]
  const exit =
    typeof signal === 'string' ? { signal, coreDumped: false } : typeof code === 'number' ? { code } : undefined
  return failureOf(textOf(attributes[attr.result]), exit, textOf(attributes[attr.failedCommand]))
}

/** `exit-code 3`, `signal SIGSEGV`, `timeout`, `exit-code of ExecStartPre=`. */
export function failureText({ result, detail, command }: Failure): string {
  if (command !== undefined) return `${result} of ${command}`
  return detail === undefined ? result : `${result} ${detail}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
