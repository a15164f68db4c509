import { parseDuration } from '../util/duration.js'
import { type Invocation, type Option, UsageError } from './command.js'

/** setTimeout ends at 2^31-1 ms, 24.8 days. */
const kMaxForMs = 24 * 86_400_000

/** `--for DURATION` of the commands that run an agent. */
export const option: Option = {
  type: 'string',
  valueName: 'DURATION',
  description: 'Stop after this long, e.g. 30s or 5m',
}

/** Milliseconds, or undefined where the option was not given. @throws UsageError */
export function parse(value: Invocation['values'][string]): number | undefined {
  if (value === undefined) return undefined
  const ms = parseDuration(String(value))
  if (typeof ms !== 'number') throw new UsageError(`option --for: ${ms.reason}`)
  if (ms === 0 || ms > kMaxForMs) throw new UsageError('option --for: must be from 1ms to 24d')
  return ms
}
