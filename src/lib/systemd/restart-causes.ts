import type { UnitState } from '../../data/signal-record.js'
import { kindsOf } from '../dependencies/edge-kinds.js'
import type { UnitGraph } from '../dependencies/unit-graph.js'
import type { Occurrence } from './occurrence.js'
import { autoCause, type Restart } from './restart-cause.js'
import type { TrackedUnit } from './tracked-unit.js'
import { phaseOf } from './unit-phase.js'

/** Who is restarted with the other one (UNIT_ATOM_PROPAGATE_RESTART of systemd 252). */
const restartsWith = kindsOf('Requires', 'Requisite', 'BindsTo', 'PartOf', 'StopPropagatedFrom')

/** How long an announced action may take to reach systemd's queue: its own calls end after 5 s, stops before it after 90 s. */
const kAnnouncedUsec = 120_000_000

/** Finds out why a unit is restarted, at the moment this is told (`restarting`). */
export class RestartCauses {
  readonly #find: (unit: string) => TrackedUnit | undefined
  readonly #graph: UnitGraph
  /** Units that this agent has asked systemd to restart, and when, microseconds since 1970. */
  readonly #announced = new Map<string, number>()

  constructor(find: (unit: string) => TrackedUnit | undefined, graph: UnitGraph) {
    this.#find = find
    this.#graph = graph
  }

  /** This agent is about to ask for a restart of `unit`. */
  announce(unit: string, atUsec: number): void {
    for (const [name, asked] of this.#announced) if (atUsec - asked > kAnnouncedUsec) this.#announced.delete(name)
    this.#announced.set(unit, atUsec)
  }

  of(name: string, unit: TrackedUnit, { cause, state }: Occurrence): Restart {
    const ended = state.invocationId
    if (cause === 'auto') return { cause: unit.oomRun === ended && ended !== '' ? 'oom' : autoCause(state), ended }
    if (this.#takeAnnounced(name, unit)) return { cause: 'remediation', ended }
    const dueTo = this.#dueTo(name, state)
    return dueTo === undefined ? { cause: 'manual', ended } : { cause: 'dependency', dueTo, ended }
  }

  #takeAnnounced(name: string, { machine }: TrackedUnit): boolean {
    const asked = this.#announced.get(name)
    if (asked === undefined) return false
    this.#announced.delete(name)
    // The state that tells of the new run is younger than the question.
    const lag = machine.state.stateChangeUsec - asked
    return lag > -kAnnouncedUsec && lag < kAnnouncedUsec
  }

  /**
   * A restart job takes along what requires the unit or is part of it (systemd.unit(5)), in one transaction: stops come
   * first, in reverse order, so the other unit's new run begins after this one's old run was left.
   */
  #dueTo(name: string, old: UnitState): string | undefined {
    if (old.activeExitUsec === 0) return undefined
    const needed = this.#graph.needs(name, restartsWith)
    return needed.find(({ to }) => isRestarted(this.#find(to), old.activeExitUsec))?.to
  }
}

function isRestarted(other: TrackedUnit | undefined, sinceUsec: number): boolean {
  if (other === undefined) return false
  const { state } = other.machine
  const phase = phaseOf(state)
  if (phase === 'up' || phase === 'starting')
    return other.restarted === state.invocationId && state.inactiveExitUsec >= sinceUsec
  // Its new run has begun, and only its state is still that of before.
  if (other.restart !== undefined && other.restart.ended !== state.invocationId) return true
  // It is between its stop and its start: without an order both go on at the same time.
  return (phase === 'stopping' || phase === 'down') && state.jobId !== 0 && state.activeExitUsec >= sinceUsec
}
