import { type Edge, type EdgeKinds, kindsOf } from './edge-kinds.js'

/**
 * How a unit came to be unavailable. systemd treats its dependents differently by it:
 *
 * - `crash`: it ended by itself, well or badly. Only what is bound to it is stopped.
 * - `start_failed`: its start job failed, and with it those of units that wait for it.
 * - `stop`: a job stopped it, an operator's or one that systemd made for a `crash` further up.
 */
export type FailureMode = 'crash' | 'start_failed' | 'stop'

/** What it does to a dependent: it ends or cannot start; or it goes on without what it asked for. */
export type Effect = 'will_stop' | 'may_degrade'

// The atoms of systemd's unit-dependency-atom.c: RETROACTIVE_STOP_ON_STOP, PROPAGATE_STOP, PROPAGATE_START_FAILURE.
const stopsOnCrash = kindsOf('BindsTo', 'StopPropagatedFrom')
const stopsOnStop = kindsOf('Requires', 'Requisite', 'BindsTo', 'PartOf', 'StopPropagatedFrom')
const failsWithStart = kindsOf('Requires', 'Requisite', 'BindsTo')
const boundTo = kindsOf('BindsTo')
const after = kindsOf('After')
/** Its absence is felt, or the unit would not have asked for it. Order, conflicts and handlers of failures are no need. */
export const reliesOn = kindsOf(
  'Requires',
  'Requisite',
  'BindsTo',
  'PartOf',
  'StopPropagatedFrom',
  'Wants',
  'Upholds',
  'TriggeredBy',
)
/** Of a target these say which units to start with it. It is no worse without one of them. */
const listsOnly = kindsOf('Wants', 'Upholds')

/** What happens to `edge.from` when `edge.to` becomes unavailable; undefined when nothing does. */
export function effectOf({ from, kinds }: Edge, mode: FailureMode): Effect | undefined {
  if ((kinds & reliesOn) === 0) return undefined
  if ((kinds & stopsIn(mode, kinds)) !== 0) return 'will_stop'
  if ((kinds & reliesOn & ~listsOnly) === 0 && from.endsWith('.target')) return undefined
  return 'may_degrade'
}

function stopsIn(mode: FailureMode, kinds: EdgeKinds): EdgeKinds {
  if (mode === 'crash') return stopsOnCrash
  if (mode === 'stop') return stopsOnStop
  // Without After= both start at once, and the one that is up by then stays up.
  return (kinds & after) === 0 ? boundTo : failsWithStart
}

/** What a dependent that ends is for its own dependents: systemd stops it by a job, or its start job fails in turn. */
export function modeOfDependent(mode: FailureMode): FailureMode {
  return mode === 'start_failed' ? 'start_failed' : 'stop'
}

/** Whether a unit that is up stays so although what it needs could not be started. */
export function outlivesFailedStart(kinds: EdgeKinds): boolean {
  return (kinds & boundTo) === 0
}

/** The kinds that say most about an effect: those that stop in this mode, or all that make it felt. */
export function tellingKinds({ kinds }: Edge, mode: FailureMode): EdgeKinds {
  const stopping = kinds & stopsIn(mode, kinds)
  return stopping === 0 ? kinds & reliesOn : stopping
}
