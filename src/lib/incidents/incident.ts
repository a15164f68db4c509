import type { Cause } from './cause.js'
import { incidentSpanId } from './ids.js'
import { type IncidentState, stateOf } from './incident-state.js'
import { Member, type OwnStretch } from './member.js'
import { kMaxSavedMerged, type SavedIncident } from './saved-incident.js'
import type { Stretch } from './stretch.js'
import type { UnitReport } from './unit-report.js'

/**
 * Why an incident is over. `merged`: it was part of another one; `evicted`: there were too many to follow; `rebooted`: the
 * machine was; `unknown`: while the agent was away its units went, and nobody can say how.
 */
export type Resolution = 'recovered' | 'stopped' | 'merged' | 'evicted' | 'rebooted' | 'unknown'

/** Turns times of the monotonic clock into milliseconds since 1970, or back: shifts them. */
export type Shift = (ms: number) => number

/** What has changed since an incident was last told of. */
export type IncidentChange = 'state' | 'units' | 'root_cause'

/** Something worth a line in the incident's story. */
export interface Milestone {
  readonly atNano: bigint
  readonly text: string
}

/** Milestones kept; the first tell how it came about, and the last place is the end's. */
const kMaxMilestones = 64

/** Failures that belong together, from the first of them until all is well again. Monotonic times in milliseconds. */
export class Incident {
  /** 32 hex digits: also the ID of its trace. */
  readonly id: string
  /** Of the span that stands for all of it. */
  readonly spanId: string
  readonly openedMs: number
  readonly milestones: Milestone[] = []
  milestonesDropped = 0
  state: IncidentState = 'open'
  root: Member
  /** Since when all are well; undefined while they are not. */
  wellSinceMs: number | undefined
  wellSinceNano = 0n
  /** When something happened last. */
  lastNano: bigint
  lastMs: number
  /** IDs of incidents that turned out to be part of this one. */
  mergedIds: string[] = []
  /** Units for which there was no room. */
  unitsOmitted = 0
  readonly #members = new Map<string, Member>()
  #stretches = 0

  constructor(id: string, root: Member, nowMs: number) {
    this.id = id
    this.spanId = incidentSpanId(id)
    this.root = root
    this.openedMs = nowMs
    this.lastMs = nowMs
    this.lastNano = root.beganNano
    this.#members.set(memberKey(root), root)
  }

  static restored(saved: SavedIncident, toMonotonicMs: Shift): Incident {
    const members = saved.members.map((member) => Member.restored(member))
    const incident = new Incident(saved.id, members[saved.root]!, toMonotonicMs(saved.openedUnixMs))
    incident.#members.clear() // in the order in which they came
    for (const member of members) incident.add(member)
    incident.state = saved.state
    incident.lastMs = toMonotonicMs(saved.lastUnixMs)
    incident.lastNano = BigInt(saved.lastNano)
    if (saved.well !== undefined) {
      incident.wellSinceMs = toMonotonicMs(saved.well.sinceUnixMs)
      incident.wellSinceNano = BigInt(saved.well.sinceNano)
    }
    incident.mergedIds = [...saved.mergedIds]
    incident.unitsOmitted = saved.unitsOmitted
    for (const [at, text] of saved.milestones) incident.milestones.push({ atNano: BigInt(at), text })
    incident.milestonesDropped = saved.milestonesDropped
    incident.#stretches = saved.stretches
    return incident
  }

  /** All but what was told of it, and of its members what is to be concluded of them. */
  save(toUnixMs: Shift): Omit<SavedIncident, 'told'> {
    const { id, state, root, openedMs, wellSinceMs, lastMs, lastNano, mergedIds, unitsOmitted, milestonesDropped } =
      this
    const members = [...this.#members.values()]
    return {
      id,
      state,
      members: members.map((member) => member.save()),
      root: members.indexOf(root),
      openedUnixMs: toUnixMs(openedMs),
      ...(wellSinceMs === undefined
        ? {}
        : { well: { sinceUnixMs: toUnixMs(wellSinceMs), sinceNano: String(this.wellSinceNano) } }),
      lastUnixMs: toUnixMs(lastMs),
      lastNano: String(lastNano),
      mergedIds: mergedIds.slice(0, kMaxSavedMerged),
      unitsOmitted,
      milestones: this.milestones.map(({ atNano, text }) => [String(atNano), text] as const),
      milestonesDropped,
      stretches: this.#stretches,
    }
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#members
  }

  get firstNano(): bigint {
    let first = this.root.beganNano
    for (const { beganNano, standing } of this.#members.values())
      if (standing !== 'named' && beganNano < first) first = beganNano
    return first
  }

  get failures(): number {
    let sum = 0
    for (const member of this.#members.values()) sum += member.failures
    return sum
  }

  /** The time of its events, gone on with: those of a recording are of another day. */
  nanoAt(nowMs: number): bigint {
    return this.lastNano + BigInt(Math.round((nowMs - this.lastMs) * 1e6))
  }

  add(member: Member): void {
    this.#members.set(memberKey(member), member)
  }

  /** The unit turns out to be what made the present root fail. */
  takeRoot(member: Member, why: Cause): void {
    this.root.cause = why
    member.cause = undefined
    this.root = member
    this.note(member.beganNano, `root cause: ${member.unit}`)
  }

  /** Takes over all that another one knows. */
  absorb(other: Incident, cause: Cause): void {
    other.root.cause = cause
    for (const [key, member] of other.members) this.#members.set(key, member)
    this.mergedIds.push(other.id, ...other.mergedIds)
    this.unitsOmitted += other.unitsOmitted
    for (const { atNano, text } of other.milestones) this.note(atNano, text)
  }

  observe(member: Member, report: UnitReport, nowMs: number): readonly Stretch[] {
    const over = this.number(member.observe(report))
    this.lastMs = nowMs
    if (report.atNano > this.lastNano) this.lastNano = report.atNano
    return over
  }

  /** Sets the state that the units make up; true when it is another one. */
  settle(nowMs: number, atNano: bigint): boolean {
    const state = stateOf(this.#members.values())
    if (state !== 'recovering') this.wellSinceMs = undefined
    else if (this.wellSinceMs === undefined) {
      this.wellSinceMs = nowMs
      this.wellSinceNano = atNano
    }
    const changed = state !== this.state
    this.state = state
    return changed
  }

  /** Ends all that still goes on. */
  end(atNano: bigint): Stretch[] {
    return [...this.#members.values()].flatMap((member) => this.number(member.end(atNano)))
  }

  note(atNano: bigint, text: string, last = false): void {
    if (this.milestones.length >= kMaxMilestones - (last ? 0 : 1)) this.milestonesDropped++
    else this.milestones.push({ atNano, text })
  }

  number(stretches: readonly OwnStretch[]): readonly Stretch[] {
    return stretches.length === 0 ? kNone : stretches.map((stretch) => numbered(stretch, ++this.#stretches))
  }
}

const kNone: readonly Stretch[] = []

/** Written out: a spread costs a microsecond where many are made. */
function numbered(own: OwnStretch, number: number): Stretch {
  const { kind, unit, resource, startNano, endNano, runId, reason, cause } = own
  return { kind, unit, resource, startNano, endNano, runId, reason, cause, number }
}

function memberKey({ scope, unit }: { readonly scope: string; readonly unit: string }): string {
  return `${scope} ${unit}`
}
