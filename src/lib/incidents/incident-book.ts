import type { Cause } from './cause.js'
import type { Dependencies } from './dependencies.js'
import { ofSharedMemory, placeOf } from './grouping.js'
import { Incident, type Resolution, type Shift } from './incident.js'
import { isAtRest } from './incident-state.js'
import { Member } from './member.js'
import { type KnownMember, MembersByUnit } from './members-by-unit.js'
import { type Announcer, Narrator } from './narrator.js'
import type { SavedIncident } from './saved-incident.js'
import { Unheard } from './unheard.js'
import { isTrouble, storyOf, type UnitReport } from './unit-report.js'

export interface BookLimits {
  /** How far apart failures of one cause begin, and how long an incident waits for its cause before it is told of. */
  readonly groupingWindowMs: number
  /** How long all must be well before it is resolved. */
  readonly healthyMs: number
  /** At most one update in this time, for each incident. */
  readonly updateIntervalMs: number
  readonly maxIncidents: number
  readonly maxUnits: number
}

export interface BookSettings {
  readonly limits: BookLimits
  readonly dependencies: Dependencies
  /** Makes the ID of an incident: 32 lower-case hex digits. */
  readonly newId: () => string
  readonly announcer: Announcer
  readonly countEvicted: () => void
  readonly countUnitsOmitted: () => void
}

/**
 * All incidents that are not over. No timers of its own: `expire` is to be called at `nextDueMs`. Pure but for the settings.
 */
export class IncidentBook {
  readonly #settings: BookSettings
  readonly #narrator: Narrator
  /** Oldest first. */
  readonly #open = new Map<string, Incident>()
  /** Units of which nobody said what comes next, and when that is concluded; oldest first. */
  readonly #unsure = new Map<Member, number>()
  readonly #byUnit = new MembersByUnit()
  readonly #unheard: Unheard
  /** No later than what is due first, infinite for never: events put it forward, and only `expire` looks at all incidents. */
  #nextDueMs = Infinity
  /** The same of recovering incidents, by the time of events: each report of trouble asks. */
  #firstEndNano: bigint | undefined
  /** Until then silence says nothing: what happened while the agent was away is still being read. */
  #silentUntilMs = -Infinity

  constructor(settings: BookSettings) {
    this.#settings = settings
    const { groupingWindowMs, updateIntervalMs } = settings.limits
    this.#unheard = new Unheard(settings.limits.healthyMs)
    this.#narrator = new Narrator(settings.announcer, { delayMs: groupingWindowMs, intervalMs: updateIntervalMs })
  }

  get open(): Iterable<Incident> {
    return this.#open.values()
  }

  /** Those of which was told: the others may yet become part of one. */
  get told(): readonly Incident[] {
    return [...this.#open.values()].filter((incident) => this.#narrator.isTold(incident))
  }

  get size(): number {
    return this.#open.size
  }

  /** The incident that a unit is part of. */
  incidentOf(scope: string, unit: string): Incident | undefined {
    return this.#byUnit.get(scope, unit)?.incident
  }

  /** A unit's state was read, so it is there. Returns its part in an incident. */
  read(scope: string, unit: string, nowMs: number): Member | undefined {
    const member = this.#byUnit.get(scope, unit)?.member
    this.#unheard.read(member, nowMs)
    this.#due(this.#unheard.dueMs)
    return member
  }

  /** An incident that was told of, as it is now; undefined for one that was not. */
  save(incident: Incident, toUnixMs: Shift): SavedIncident | undefined {
    const told = this.#narrator.save(incident, toUnixMs)
    return told && { ...incident.save(toUnixMs), told }
  }

  /**
   * Goes on with an incident of an earlier life of the agent. To be called before anything is observed, oldest first.
   *
   * @param silentUntilMs - before it, that nothing is heard of a unit does not say that nothing happened to it
   */
  restore(saved: SavedIncident, toMonotonicMs: Shift, silentUntilMs: number): Incident {
    if (this.#open.size >= this.#settings.limits.maxIncidents) this.#evict()
    const incident = Incident.restored(saved, toMonotonicMs)
    this.#silentUntilMs = silentUntilMs
    this.#open.set(incident.id, incident)
    for (const member of incident.members.values()) {
      this.#byUnit.set({ incident, member })
      this.#unheard.add(member)
      if (member.standing === 'failed')
        this.#unsure.set(member, Math.max(silentUntilMs, incident.lastMs + this.#settings.limits.groupingWindowMs))
    }
    this.#narrator.restore(incident, saved.told, toMonotonicMs)
    this.#nextDueMs = this.#firstDueMs()
    this.#awaitEnd(incident)
    return incident
  }

  /** Ends all that is open. */
  endAll(resolution: Resolution, nowMs: number): void {
    for (const incident of [...this.#open.values()]) this.#resolve(incident, resolution, incident.nanoAt(nowMs))
  }

  /** Whether a report changes anything: it tells of trouble, or of a unit in trouble. */
  concerns(report: UnitReport): boolean {
    return isTrouble(report) || this.incidentOf(report.scope, report.unit) !== undefined
  }

  /** When something may have to be told, if nothing happens until then, and no later than it has to be; undefined for never. */
  get nextDueMs(): number | undefined {
    return this.#nextDueMs === Infinity ? undefined : this.#nextDueMs
  }

  observe(report: UnitReport, nowMs: number): void {
    let known = this.#byUnit.get(report.scope, report.unit)
    if (known?.member.knows(report)) return
    if (known !== undefined && this.#isPast(known.incident, report)) known = undefined
    // Nor may it join another one that was over by then.
    if (isTrouble(report)) this.#endPast(report)
    if (known === undefined) {
      if (!isTrouble(report)) return
      known = this.#place(report, nowMs)
      if (known === undefined) return
    } else if (report.cause !== undefined && known.member.cause === undefined) {
      known = this.#learnCause(known, report, nowMs)
    } else if (report.memoryScope !== undefined && known.member.memoryScope === undefined) {
      known = this.#learnMemoryScope(known, report)
    }
    const { incident, member } = known
    const before = member.standing
    const over = incident.observe(member, report, nowMs)
    if (member.standing !== before) incident.note(report.atNano, storyOf(report))
    for (const stretch of over) this.#narrator.stretch(incident, stretch)
    this.#unheard.delete(member)
    this.#unsure.delete(member)
    if (member.standing === 'failed') this.#beUnsure(member, nowMs + this.#settings.limits.groupingWindowMs)
    this.#settle(incident, nowMs, report.atNano)
  }

  expire(nowMs: number): void {
    for (const [member, dueMs] of this.#unsure) {
      if (dueMs > nowMs) break
      this.#unsure.delete(member)
      this.#concludeGivenUp(member, nowMs)
    }
    for (const member of this.#unheard.take(nowMs)) this.#concludeGone(member, nowMs)
    for (const incident of [...this.#open.values()]) {
      if ((this.#healthyMs(incident) ?? Infinity) <= nowMs) this.#resolve(incident, 'recovered', incident.nanoAt(nowMs))
      else this.#narrator.tell(incident, nowMs, incident.nanoAt(nowMs))
    }
    this.#nextDueMs = this.#firstDueMs()
  }

  /** Nothing more will come: what waits to be told of is told. */
  close(nowMs: number): void {
    for (const incident of this.#open.values()) this.#narrator.open(incident, nowMs, incident.nanoAt(nowMs))
  }

  /** systemd schedules a restart in the moment of the failure: where none was told of, there will be none. */
  #concludeGivenUp(member: Member, nowMs: number): void {
    const incident = this.#byUnit.get(member.scope, member.unit)?.incident
    if (incident === undefined) return
    member.standing = 'gave_up'
    this.#settle(incident, nowMs, incident.nanoAt(nowMs))
  }

  /** It is not there any more, and nobody saw what became of it: it is waited for no longer. */
  #concludeGone(member: Member, nowMs: number): void {
    const incident = this.#byUnit.get(member.scope, member.unit)?.incident
    if (incident === undefined || isAtRest(member.standing)) return
    const atNano = incident.nanoAt(nowMs)
    member.standing = 'ended'
    this.#unsure.delete(member)
    incident.note(atNano, `${member.unit} is gone`)
    for (const stretch of incident.number(member.end(atNano))) this.#narrator.stretch(incident, stretch)
    this.#settle(incident, nowMs, atNano, 'unknown')
  }

  /** Event time says that all were well for long enough, though no timer has fired: events come faster than they happened. */
  #isPast(incident: Incident, { atNano, kind }: UnitReport): boolean {
    if (incident.state !== 'recovering' || kind === 'up' || kind === 'done') return false
    const endNano = this.#endNano(incident)
    if (atNano < endNano) return false
    this.#resolve(incident, 'recovered', endNano)
    return true
  }

  #endPast(report: UnitReport): void {
    if (this.#firstEndNano === undefined || report.atNano < this.#firstEndNano) return
    this.#firstEndNano = undefined
    for (const incident of this.#open.values()) if (!this.#isPast(incident, report)) this.#awaitEnd(incident)
  }

  #awaitEnd(incident: Incident): void {
    if (incident.state !== 'recovering') return
    const endNano = this.#endNano(incident)
    if (this.#firstEndNano === undefined || endNano < this.#firstEndNano) this.#firstEndNano = endNano
  }

  #endNano({ wellSinceNano }: Incident): bigint {
    return wellSinceNano + BigInt(this.#settings.limits.healthyMs) * 1_000_000n
  }

  #due(dueMs: number): void {
    if (dueMs < this.#nextDueMs) this.#nextDueMs = dueMs
  }

  #dueMsOf(incident: Incident): number {
    return Math.min(this.#narrator.dueMs(incident) ?? Infinity, this.#healthyMs(incident) ?? Infinity)
  }

  #firstDueMs(): number {
    let first = Math.min(this.#unsure.values().next().value ?? Infinity, this.#unheard.dueMs)
    for (const incident of this.#open.values()) first = Math.min(first, this.#dueMsOf(incident))
    return first
  }

  #beUnsure(member: Member, untilMs: number): void {
    this.#unsure.set(member, untilMs)
    this.#due(untilMs)
  }

  #healthyMs({ wellSinceMs }: Incident): number | undefined {
    if (wellSinceMs === undefined) return undefined
    return Math.max(wellSinceMs + this.#settings.limits.healthyMs, this.#silentUntilMs)
  }

  #place(report: UnitReport, nowMs: number): KnownMember | undefined {
    const place = placeOf(report, this.#known(), this.#settings.dependencies, this.#windowNanos)
    switch (place.kind) {
      case 'member':
        return this.#join(place.incident, new Member(report, place.cause))
      case 'named': {
        const incident = this.#begin(new Member({ ...report, unit: place.cause.unit }, undefined), nowMs)
        return this.#join(incident, new Member(report, place.cause))
      }
      case 'root': {
        const member = new Member(report, undefined)
        const { incident, cause } = place.of[0]!
        if (this.#join(incident, member) === undefined) return undefined
        incident.takeRoot(member, cause)
        for (const other of place.of.slice(1)) this.#merge(incident, other.incident, other.cause, report.atNano)
        return { incident, member }
      }
      case 'new': {
        const member = new Member(report, undefined)
        return { incident: this.#begin(member, nowMs), member }
      }
    }
  }

  /** It shared a memory limit with what failed at the same time. */
  #learnMemoryScope(known: KnownMember, report: UnitReport): KnownMember {
    const { incident, member } = known
    const shared = member === incident.root ? ofSharedMemory(report, this.#known(), this.#windowNanos) : undefined
    if (shared === undefined || shared.incident === incident) return known
    this.#merge(shared.incident, incident, shared.cause, report.atNano)
    return { incident: shared.incident, member }
  }

  #known() {
    return { incidents: this.#open, find: (scope: string, unit: string) => this.#byUnit.get(scope, unit) }
  }

  get #windowNanos(): bigint {
    return BigInt(this.#settings.limits.groupingWindowMs) * 1_000_000n
  }

  /** What was thought to be a cause has one itself. */
  #learnCause(known: KnownMember, report: UnitReport, nowMs: number): KnownMember {
    const { incident, member } = known
    const cause = report.cause!
    const { unit } = cause
    if (member !== incident.root || unit === member.unit) return known
    const found = this.#byUnit.get(report.scope, unit)
    if (found?.incident === incident) return known // a circle: what failed first stays the root
    if (found !== undefined) {
      this.#merge(found.incident, incident, cause, report.atNano)
      return { incident: found.incident, member }
    }
    const root = new Member({ ...report, unit }, undefined)
    if (this.#join(incident, root) !== undefined) incident.takeRoot(root, cause)
    incident.lastMs = nowMs
    return known
  }

  #begin(root: Member, nowMs: number): Incident {
    if (this.#open.size >= this.#settings.limits.maxIncidents) this.#evict()
    const incident = new Incident(this.#settings.newId(), root, nowMs)
    this.#open.set(incident.id, incident)
    this.#byUnit.set({ incident, member: root })
    this.#narrator.begin(incident)
    this.#due(this.#dueMsOf(incident))
    return incident
  }

  #join(incident: Incident, member: Member): KnownMember | undefined {
    if (incident.members.size >= this.#settings.limits.maxUnits) {
      incident.unitsOmitted++
      this.#settings.countUnitsOmitted()
      return undefined
    }
    incident.add(member)
    const known = { incident, member }
    this.#byUnit.set(known)
    return known
  }

  #merge(into: Incident, other: Incident, cause: Cause, atNano: bigint): void {
    this.#open.delete(other.id)
    other.state = 'resolved'
    into.absorb(other, cause)
    for (const member of other.members.values()) this.#byUnit.set({ incident: into, member })
    this.#narrator.merge(into, other, atNano)
  }

  #settle(incident: Incident, nowMs: number, atNano: bigint, ended: Resolution = 'stopped'): void {
    if (incident.settle(nowMs, atNano)) incident.note(atNano, `incident ${incident.state.replace('_', ' ')}`)
    if (incident.state === 'resolved') this.#resolve(incident, ended, atNano)
    else {
      this.#awaitEnd(incident)
      this.#narrator.tell(incident, nowMs, atNano)
      this.#due(this.#dueMsOf(incident))
    }
  }

  #resolve(incident: Incident, resolution: Resolution, atNano: bigint): void {
    incident.state = 'resolved'
    incident.note(atNano, `incident resolved: ${resolution}`, true)
    for (const stretch of incident.end(atNano)) this.#narrator.stretch(incident, stretch)
    this.#narrator.resolve(incident, resolution, atNano)
    this.#forget(incident)
  }

  /** Gives up the one in which nothing has happened for longest. */
  #evict(): void {
    let idle: Incident | undefined
    for (const incident of this.#open.values()) if (idle === undefined || incident.lastMs < idle.lastMs) idle = incident
    if (idle === undefined) return
    this.#settings.countEvicted()
    this.#resolve(idle, 'evicted', idle.lastNano)
  }

  #forget(incident: Incident): void {
    this.#open.delete(incident.id)
    for (const member of incident.members.values()) {
      this.#byUnit.delete(member)
      this.#unsure.delete(member)
      this.#unheard.delete(member)
    }
  }
}
