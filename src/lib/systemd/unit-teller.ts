import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Resource, ResourcePool } from '../../data/resource.js'
import type { UnitState } from '../../data/signal-record.js'
import type { UnitGraph } from '../dependencies/unit-graph.js'
import { CauseFinder } from './cause-finder.js'
import { evidenceOf, type Source } from './evidence.js'
import type { Occurrence } from './occurrence.js'
import { RestartCauses } from './restart-cause.js'
import type { TrackedUnit, UnitCgroup } from './tracked-unit.js'
import { unitEvent } from './unit-event.js'
import { phaseOf } from './unit-phase.js'
import { unitResource } from './unit-resource.js'
import { outlookOf } from './verdict.js'

/** A run's directory is made just before its state is told, and systemd restarts nothing sooner than this (RestartSec=). */
const kMaxCgroupLagUsec = 50_000

export interface TellerOptions {
  readonly scope: 'system' | 'user'
  readonly resources: ResourcePool
  /** What a unit has to do with containers, for its resource; empty for ordinary units. */
  readonly containerAttributes?: (unit: string) => Attributes
  /** Where a unit's processes are now; left out, events do not say. */
  readonly findCgroup?: (unit: string, slice: string) => UnitCgroup | undefined
}

/** Makes events of what happened to units: why it came, what comes next, and how it is known. */
export class UnitTeller {
  readonly causes: CauseFinder
  readonly restarts: RestartCauses
  readonly #options: TellerOptions

  constructor(options: TellerOptions, find: (unit: string) => TrackedUnit | undefined, graph: UnitGraph) {
    this.#options = options
    this.causes = new CauseFinder(find, graph)
    this.restarts = new RestartCauses(find, graph)
  }

  /** In order: each occurrence is counted, and the next one may come of it. */
  tell(
    out: RawEvent[],
    name: string,
    unit: TrackedUnit,
    happened: readonly Occurrence[],
    observedNs: bigint,
    source: Source,
    jobQueuedUsec?: number,
  ): void {
    let missed = unit.takeScheduled()
    for (const what of happened) {
      const evidence = evidenceOf(what, source, missed)
      // The first one says it for all.
      const missedRestarts = evidence?.includes('n_restarts') ? missed : 0
      if (missedRestarts > 0) missed = 0
      unit.count(what, what.kind === 'restarting' ? this.restarts.of(name, unit, what) : undefined)
      const restart = what.cause === undefined ? undefined : unit.restart
      const causedBy = restart?.dueTo ?? this.causes.of(name, what)
      const outlook = outlookOf(what, name, unit, { causedBy, read: source !== 'signal' })
      if (what.kind === 'failed' || what.kind === 'startLimitHit') unit.outlook = outlook
      out.push(
        unitEvent(what, {
          unit: name,
          resource: this.resource(name, unit),
          observedNs,
          evidence,
          missedRestarts,
          causedBy,
          restartCause: restart?.cause ?? what.cause,
          outlook,
          jobQueuedUsec,
          slice: unit.facts?.slice || unit.cgroup?.slice || '',
          cgroupId: unit.cgroupOf === what.state.invocationId ? unit.cgroup?.id : undefined,
        }),
      )
    }
  }

  /** Finds the cgroup of a run as soon as it is heard of: when it has ended there is none. */
  locate(name: string, unit: TrackedUnit, state: UnitState, isNow: boolean): void {
    const { invocationId } = state
    if (invocationId === '' || unit.cgroupOf === invocationId || this.#options.findCgroup === undefined) return
    const phase = phaseOf(state)
    if (phase !== 'up' && phase !== 'starting') return
    const found = this.#options.findCgroup(name, unit.facts?.slice ?? '')
    if (found === undefined) return
    // A signal that comes late may tell of a run that was over when the directory there now was made.
    if (!isNow && found.changedUsec > state.stateChangeUsec + kMaxCgroupLagUsec) return
    unit.cgroup = found
    unit.cgroupOf = invocationId
  }

  resource(name: string, unit: TrackedUnit): Resource {
    const { resources, scope, containerAttributes } = this.#options
    unit.resource ??= unitResource(resources, name, scope, containerAttributes?.(name))
    return unit.resource
  }
}
