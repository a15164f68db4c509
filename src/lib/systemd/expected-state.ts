import type { UnitState } from '../../data/signal-record.js'
import type { UnitFacts } from '../../data/unit-snapshot.js'
import { restartsAfter } from './outlook.js'
import { phaseOf } from './unit-phase.js'
import { typeOfUnit } from './unit-types.js'

/** Types that somebody misses when they are down. Targets, slices, scopes and devices come and go with others. */
const missed: ReadonlySet<string> = new Set(['service', 'timer', 'socket', 'path', 'mount', 'automount', 'swap'])

/** What is known of a unit, and of those around it. */
export interface Circumstances {
  readonly facts: UnitFacts | undefined
  readonly state: UnitState
  /** Something that is active pulls it in (Wants=, Requires=, BindsTo=, Upholds=); undefined where that is not known. */
  readonly pulledIn: boolean | undefined
  /** Something that is active conflicts with it. */
  readonly conflicts: boolean
  /** A job asked for the last end. */
  readonly endAsked: boolean
  /** The last end was seen, so that `endAsked` says something. */
  readonly endSeen: boolean
}

/**
 * Whether a unit should be active now; undefined where that is not known.
 *
 * It should when something that is active wants it: an enabled service of a target that was reached, a static one that such a
 * service needs, a timer of timers.target. Nothing wants what starts on demand (sockets, timers, D-Bus), so it need not run. An explicit stop
 * does not change what should be: who stopped a service by hand and forgot it is the one the question is asked for.
 *
 * It need not, although it is wanted:
 * - a oneshot without RemainAfterExit=, which is never active for long; that it failed is told otherwise
 * - masked, or in conflict with something that is active
 * - a condition was not met
 * - a service that ended in order by itself where Restart= leaves it at that: it has done its work, or was idle
 */
export function shouldRun(name: string, of: Circumstances): boolean | undefined {
  const { facts, state, pulledIn } = of
  const type = typeOfUnit(name)
  if (facts === undefined || !missed.has(type)) return undefined
  if (facts.masked || facts.unitFileState?.startsWith('masked')) return false
  if (type === 'service') {
    if (facts.serviceType === '') return undefined
    if (facts.serviceType === 'oneshot' && facts.remainAfterExit !== true) return false
  }
  if (pulledIn !== true) return pulledIn
  if (phaseOf(state) !== 'down') return true
  if (of.conflicts || conditionNotMet(state)) return false
  return type === 'service' ? shouldBeBack(name, facts, of) : true
}

/** Of a service that is down although it is wanted. */
function shouldBeBack(
  name: string,
  facts: UnitFacts,
  { state, endAsked, endSeen }: Circumstances,
): boolean | undefined {
  // It never ran in this boot; or it cannot have ended by itself.
  if (state.inactiveExitUsec === 0 || endAsked || facts.remainAfterExit === true) return true
  const restarts = restartsAfter(name, facts.restart, state)
  // systemd would have started it again, so somebody has stopped it.
  if (restarts === true) return true
  return restarts === false && endSeen ? false : undefined
}

function conditionNotMet({ conditionUsec, conditionResult, result }: UnitState): boolean {
  return (conditionUsec > 0 && !conditionResult) || result === 'exec-condition'
}
