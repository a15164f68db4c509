import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Resource, ResourcePool } from '../../data/resource.js'
import type { UnitState } from '../../data/signal-record.js'
import type { UnitFacts } from '../../data/unit-snapshot.js'
import type { UnitGraph } from '../dependencies/unit-graph.js'
import { CauseFinder } from './cause-finder.js'
import { evidenceOf, type Source } from './evidence.js'
import type { Occurrence } from './occurrence.js'
import { oomOccurrence } from './oom-event.js'
import { OomJoin, type OomTold } from './oom-join.js'
import { outlookOf } from './outlook.js'
import { RestartCauses } from './restart-causes.js'
import { TrackedUnit, type UnitCgroup } from './tracked-unit.js'
import { type EventContext, unitEvent } from './unit-event.js'
import { phaseOf } from './unit-phase.js'
import { unitResource } from './unit-resource.js'

/** A run's directory is made just before its state is told, and systemd restarts nothing sooner than this (RestartSec=). */
const kMaxCgroupLagUsec = 50_000

export interface TellerOptions {
  readonly scope: 'system' | 'user'
  readonly resources: ResourcePool
  /** What a unit has to do with containers, for its resource; empty for ordinary units. */
  readonly containerAttributes?: (unit: string) => Attributes
  /** Where a unit's processes are now; left out, events do not say. */
  readonly findCgroup?: (unit: string, slice: string) => UnitCgroup | undefined
  /** Whether the kernel's word on kills for want of memory is told, too; without it systemd's is passed on at once. */
  readonly oomWatched?: () => boolean
}

/** What an event says beyond its unit. */
type Context = Pick<
  EventContext,
  'evidence' | 'missedRestarts' | 'causedBy' | 'restartCause' | 'outlook' | 'jobQueuedUsec'
>

/** What a kill has not: it ends no job, and what comes of it the end of its run tells. */
const noContext = {
  missedRestarts: 0,
  causedBy: undefined,
  restartCause: undefined,
  outlook: undefined,
  jobQueuedUsec: undefined,
}

/** A new run, or an end of which there is nothing to say: what was said of the one before holds no more. */
const endsVerdict: ReadonlySet<Occurrence['kind']> = new Set(['started', 'restarted', 'failed', 'stopped'])

/** Makes events of what happened to units: why it came, what comes next, and how it is known. */
export class UnitTeller {
  readonly causes: CauseFinder
  readonly restarts: RestartCauses
  readonly oom: OomJoin
  readonly #options: TellerOptions
  readonly #find: (unit: string) => TrackedUnit | undefined

  constructor(options: TellerOptions, find: (unit: string) => TrackedUnit | undefined, graph: UnitGraph) {
    this.#options = options
    this.causes = new CauseFinder(find, graph)
    this.restarts = new RestartCauses(find, graph)
    this.oom = new OomJoin((unit) => find(unit)?.machine.state)
    this.#find = find
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
      // Of what the journal tells nobody else will tell any more.
      if (what.kind === 'oomKilled' && source !== 'journal' && this.#options.oomWatched?.() === true) {
        this.tellOom(out, this.oom.result(name, what), observedNs, source)
        continue
      }
      const evidence = evidenceOf(what, source, missed)
      // The first one says it for all.
      const missedRestarts = evidence?.includes('n_restarts') ? missed : 0
      if (missedRestarts > 0) missed = 0
      unit.count(what, what.kind === 'restarting' ? this.restarts.of(name, unit, what) : undefined)
      if (what.kind === 'failed' || what.kind === 'stopped' || what.kind === 'restarting')
        this.tellOom(out, this.oom.ended(name, what), observedNs, source)
      const restart = what.cause === undefined ? undefined : unit.restart
      const causedBy = restart?.dueTo ?? this.causes.of(name, what)
      const outlook = outlookOf(what, name, unit, { causedBy, read: source === 'reading' })
      if (what.kind === 'failed' || what.kind === 'startLimitHit') unit.outlook = outlook
      if (outlook !== undefined) unit.verdict = outlook.verdict
      else if (what.kind === 'failed' || (unit.verdict !== undefined && endsVerdict.has(what.kind))) unit.verdict = ''
      const restartCause = restart?.cause ?? what.cause
      const context = { evidence, missedRestarts, causedBy, restartCause, outlook, jobQueuedUsec }
      out.push(this.#event(what, name, unit, observedNs, context))
    }
  }

  /** Takes what a unit's configuration says: of one that failed before that was read, it tells what comes next. */
  learn(out: RawEvent[], name: string, unit: TrackedUnit, facts: UnitFacts, observedNs: bigint, source: Source): void {
    this.tell(out, name, unit, unit.learn(facts), observedNs, source)
    const { phase, state } = unit.machine
    if (unit.verdict !== '' || phase !== 'failed') return
    // Where it is to be restarted systemd has said so by now: it rests.
    const failed = { kind: 'failed', state, before: state, atUsec: state.stateChangeUsec } as const
    const outlook = outlookOf(failed, name, unit, { causedBy: undefined, read: true })
    if (outlook === undefined) return
    unit.outlook = outlook
    unit.verdict = outlook.verdict
  }

  /** Kills for want of memory, each once, when all that tells of it has, or after a while. */
  tellOom(out: RawEvent[], told: readonly OomTold[], observedNs: bigint, source: Source): void {
    for (const one of told) {
      const what = oomOccurrence(one)
      const name = one.unit
      const unit = this.#find(name) ?? new TrackedUnit(observedNs)
      // Whoever lives on died of nothing.
      if (!one.report.survived) unit.count(what, undefined)
      out.push(this.#event(what, name, unit, observedNs, { ...noContext, evidence: evidenceOf(what, source, 0) }))
    }
  }

  #event(what: Occurrence, name: string, unit: TrackedUnit, observedNs: bigint, context: Context): RawEvent {
    const { evidence, missedRestarts, causedBy, restartCause, outlook, jobQueuedUsec } = context
    return unitEvent(what, {
      unit: name,
      resource: this.resource(name, unit),
      observedNs,
      evidence,
      missedRestarts,
      causedBy,
      restartCause,
      outlook,
      jobQueuedUsec,
      slice: unit.facts?.slice || unit.cgroup?.slice || '',
      cgroupId: unit.cgroupOf === what.state.invocationId ? unit.cgroup?.id : undefined,
      outOfMemory: this.oom.died(name, what.state.invocationId),
    })
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
