import type { Concern } from '../../component/concern.js'
import type { Attributes } from '../../data/attributes.js'
import { Severity } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import type { UnitState } from '../../data/signal-record.js'
import { failureOf, failureText } from './failure.js'
import { attr } from './names.js'
import { processExit } from './process-exit.js'

/** A unit in the state `failed` (`systemctl --failed`), whether or not the agent has seen it fail. */
export function failedUnit(name: string, state: UnitState, command: string, resource: Resource): Concern {
  const { result, stateChangeUsec } = state
  const exit = processExit(state)
  const reason = result === 'success' ? '' : failureText(failureOf(result, exit, command))
  return {
    kind: 'failed_unit',
    severity: Severity.error,
    resource,
    text: `${name} has failed${reason === '' ? '' : ` (${reason})`}`,
    // Of one that was read in part only systemd's stamp is not known.
    ...(stateChangeUsec > 0 ? { sinceUnixNano: BigInt(stateChangeUsec) * 1000n } : {}),
    attributes: attributesOf(name, state, exit),
  }
}

function attributesOf(
  name: string,
  { result, invocationId }: UnitState,
  exit: ReturnType<typeof processExit>,
): Attributes {
  return {
    [attr.unit]: name,
    ...(result === '' ? {} : { [attr.result]: result }),
    ...(invocationId === '' ? {} : { [attr.invocationId]: invocationId }),
    ...(exit !== undefined && 'code' in exit ? { [attr.exitCode]: exit.code } : {}),
    ...(exit !== undefined && 'signal' in exit ? { [attr.exitSignal]: exit.signal } : {}),
  }
}
