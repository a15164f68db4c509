import type { Incident, IncidentChange, Resolution, Shift } from './incident.js'
import type { IncidentState } from './incident-state.js'
import type { Member } from './member.js'
import type { SavedTold } from './saved-incident.js'
import type { Stretch } from './stretch.js'

/** Who is told of incidents. Each call is about the incident as it is then. */
export interface Announcer {
  opened(incident: Incident, atNano: bigint): void
  updated(incident: Incident, changes: readonly IncidentChange[], atNano: bigint): void
  resolved(incident: Incident, resolution: Resolution, atNano: bigint): void
  /** Something in the incident is over. */
  stretch(incident: Incident, stretch: Stretch): void
}

/** Stretches of an incident that waits to be told of; a crash loop makes 20 a second. */
const kMaxHeldStretches = 256

interface Told {
  readonly openedAtMs: number
  /** Undefined as long as it waits to be told of: it may yet become part of another one. */
  lastMs: number | undefined
  state: IncidentState
  units: number
  root: Member
  gaveUp: boolean
  held: Stretch[]
}

/**
 * Decides when something is said of an incident: once when it is clear what it is, then only what has changed, and no more
 * often than `intervalMs`; at once when it gives up for the first time, for that is what somebody has to act on.
 */
export class Narrator {
  readonly #announcer: Announcer
  readonly #delayMs: number
  readonly #intervalMs: number
  readonly #told = new Map<Incident, Told>()

  constructor(
    announcer: Announcer,
    { delayMs, intervalMs }: { readonly delayMs: number; readonly intervalMs: number },
  ) {
    this.#announcer = announcer
    this.#delayMs = delayMs
    this.#intervalMs = intervalMs
  }

  begin(incident: Incident): void {
    this.#told.set(incident, {
      openedAtMs: incident.openedMs,
      lastMs: undefined,
      state: 'open',
      units: 1,
      root: incident.root,
      gaveUp: false,
      held: [],
    })
  }

  /** What was told of an incident; undefined where that is nothing yet. */
  save(incident: Incident, toUnixMs: Shift): SavedTold | undefined {
    const told = this.#told.get(incident)
    if (told?.lastMs === undefined) return undefined
    const { lastMs, state, units, gaveUp } = told
    const root = [...incident.members.values()].indexOf(told.root)
    return { atUnixMs: toUnixMs(lastMs), state, units, root: Math.max(root, 0), gaveUp }
  }

  restore(incident: Incident, { atUnixMs, state, units, root, gaveUp }: SavedTold, toMonotonicMs: Shift): void {
    this.#told.set(incident, {
      openedAtMs: incident.openedMs,
      lastMs: toMonotonicMs(atUnixMs),
      state,
      units,
      root: [...incident.members.values()][root] ?? incident.root,
      gaveUp,
      held: [],
    })
  }

  isTold(incident: Incident): boolean {
    return this.#told.get(incident)?.lastMs !== undefined
  }

  dueMs(incident: Incident): number | undefined {
    const told = this.#told.get(incident)
    if (told === undefined) return undefined
    if (told.lastMs === undefined) return told.openedAtMs + this.#delayMs
    return isNews(incident, told) ? told.lastMs + this.#intervalMs : undefined
  }

  tell(incident: Incident, nowMs: number, atNano: bigint): void {
    const told = this.#told.get(incident)
    if (told === undefined) return
    if (told.lastMs === undefined) {
      if (nowMs >= told.openedAtMs + this.#delayMs) this.#open(incident, told, nowMs, atNano)
      return
    }
    if (!isNews(incident, told)) return
    const urgent = incident.state === 'gave_up' && !told.gaveUp
    if (nowMs < told.lastMs + this.#intervalMs && !urgent) return
    const changes = changesOf(incident, told)
    note(told, incident, nowMs)
    this.#announcer.updated(incident, changes, atNano)
  }

  /** Tells of it now, if that was not done yet. */
  open(incident: Incident, nowMs: number, atNano: bigint): void {
    const told = this.#told.get(incident)
    if (told !== undefined && told.lastMs === undefined) this.#open(incident, told, nowMs, atNano)
  }

  stretch(incident: Incident, stretch: Stretch): void {
    const told = this.#told.get(incident)
    if (told === undefined) return
    if (told.lastMs !== undefined || told.held.length >= kMaxHeldStretches) this.#announcer.stretch(incident, stretch)
    else told.held.push(stretch)
  }

  merge(into: Incident, other: Incident, atNano: bigint): void {
    const told = this.#told.get(other)
    if (told === undefined) return
    this.#told.delete(other)
    // What was never told of needs no end, and its stretches belong to the other one.
    if (told.lastMs === undefined) for (const { number: _, ...own } of told.held) this.#restretch(into, own)
    else this.#announcer.resolved(other, 'merged', atNano)
  }

  resolve(incident: Incident, resolution: Resolution, atNano: bigint): void {
    const told = this.#told.get(incident)
    if (told === undefined) return
    if (told.lastMs === undefined) this.#open(incident, told, incident.lastMs, atNano)
    this.#told.delete(incident)
    this.#announcer.resolved(incident, resolution, atNano)
  }

  #restretch(into: Incident, own: Omit<Stretch, 'number'>): void {
    for (const stretch of into.number([own])) this.stretch(into, stretch)
  }

  #open(incident: Incident, told: Told, nowMs: number, atNano: bigint): void {
    note(told, incident, nowMs)
    this.#announcer.opened(incident, atNano)
    for (const stretch of told.held) this.#announcer.stretch(incident, stretch)
    told.held = []
  }
}

function note(told: Told, incident: Incident, nowMs: number): void {
  told.lastMs = nowMs
  told.state = incident.state
  told.units = incident.members.size
  told.root = incident.root
  told.gaveUp ||= incident.state === 'gave_up'
}

/** Asked after each event: makes nothing. */
function isNews({ state, members, root }: Incident, told: Told): boolean {
  return state !== told.state || members.size !== told.units || root !== told.root
}

function changesOf({ state, members, root }: Incident, told: Told): IncidentChange[] {
  const changes: IncidentChange[] = []
  if (state !== told.state) changes.push('state')
  if (members.size !== told.units) changes.push('units')
  if (root !== told.root) changes.push('root_cause')
  return changes
}
