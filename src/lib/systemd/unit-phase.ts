import type { UnitState } from '../../data/signal-record.js'

/**
 * Where a unit stands in its life, from the systemd states of all unit types.
 *
 * ```
 *   down ──> starting ──> up ──> stopping ──> down
 *              │           │         │
 *              └───────────┴────┬────┘
 *                               v
 *                            failed ──> waiting (auto-restart) ──> down ──> starting ...
 * ```
 */
export type Phase = 'down' | 'starting' | 'up' | 'stopping' | 'failed' | 'waiting'

/** Of services: ended, and systemd will start it again by itself. systemd 254 split the state in two. */
const waitingSubStates = new Set(['auto-restart', 'auto-restart-queued'])

export function phaseOf(state: UnitState): Phase {
  // RestartMode=direct (systemd 254) passes from one run to the next without leaving `activating`.
  if (state.subState === 'failed-before-auto-restart') return 'failed'
  if (state.subState === 'dead-before-auto-restart') return 'down'
  switch (state.activeState) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return 'up'
    case 'activating':
      return waitingSubStates.has(state.subState) ? 'waiting' : 'starting'
    case 'deactivating':
      return 'stopping'
    case 'failed':
      return 'failed'
    default: // inactive, maintenance
      return 'down'
  }
}

/** A unit that is not loaded: systemd knows nothing of it, and nor do we. */
export const unloadedState: UnitState = Object.freeze({
  activeState: 'inactive',
  subState: 'dead',
  result: '',
  jobId: 0,
  mainPid: 0,
  controlPid: 0,
  nRestarts: 0,
  execMainPid: 0,
  execMainCode: 0,
  execMainStatus: 0,
  invocationId: '',
  conditionResult: false,
  assertResult: false,
  stateChangeUsec: 0,
  inactiveExitUsec: 0,
  activeEnterUsec: 0,
  activeExitUsec: 0,
  inactiveEnterUsec: 0,
  execMainStartUsec: 0,
  execMainExitUsec: 0,
  lastTriggerUsec: 0,
  conditionUsec: 0,
})
