import type { Attributes } from '../../data/attributes.js'
import { attr } from './names.js'

/** What a service runs beside its main process, by the SubState in which it does (systemd's service.c). */
const commands: ReadonlyMap<string, string> = new Map([
  ['condition', 'ExecCondition='],
  ['start-pre', 'ExecStartPre='],
  ['start-post', 'ExecStartPost='],
  ['stop', 'ExecStop='],
  ['stop-post', 'ExecStopPost='],
])

/** How a run ended: at most one of these says more than the result does. */
export interface Failure {
  /** systemd's word: `exit-code`, `timeout`; empty where it is not known. */
  readonly result: string
  /** Signal or exit code of the main process, where that is what the result is of. */
  readonly detail?: string
  /** The setting whose command it is of instead: `ExecStartPre=`. What that exited with is in the journal alone. */
  readonly command?: string
}

/**
 * Whose failure a Result is: ExecMainStatus is of the main process, which has ended well, or never began, where a command beside it failed.
 *
 * @param exit - signal or exit code of the main process, where it has ended
 * @param subStateBefore - of the unit, when it failed
 */
export function failureOf(
  result: string,
  exit: { readonly signal?: string; readonly code?: number },
  subStateBefore: string,
): Failure {
  const { signal, code } = exit
  const isItsOwn = result === 'exit-code' ? signal === undefined && code !== 0 : signal !== undefined || code !== 0
  if (isItsOwn && signal !== undefined) return { result, detail: signal }
  if (isItsOwn && code !== undefined) return { result, detail: String(code) }
  const command = commands.get(subStateBefore)
  return command === undefined ? { result } : { result, command }
}

/** That of an event. */
export function failureOfEvent(attributes: Attributes): Failure {
  const signal = attributes[attr.exitSignal]
  const code = attributes[attr.exitCode]
  return failureOf(
    textOf(attributes[attr.result]),
    {
      ...(typeof signal === 'string' ? { signal } : {}),
      ...(typeof code === 'number' ? { code } : {}),
    },
    textOf(attributes[attr.subStateBefore]),
  )
}

/** `exit-code 3`, `signal SIGSEGV`, `timeout`, `exit-code of ExecStartPre=`. */
export function failureText({ result, detail, command }: Failure): string {
  if (command !== undefined) return `${result} of ${command}`
  return detail === undefined ? result : `${result} ${detail}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
