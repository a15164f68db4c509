import type { Attributes } from '../../data/attributes.js'
import { isOrigin, type Resource } from '../../data/resource.js'
import type { Cause } from './cause.js'
import type { IncidentState, Standing } from './incident-state.js'
import type { Stretch } from './stretch.js'
import type { Impact } from './unit-report.js'

/** Of the form below; one of another version is not read. */
export const kIncidentsVersion = 1

/** As many incidents as there are by default at once, and of all of them so many units: some 800 bytes each, 7 MB in all. */
export const kMaxSavedIncidents = 512
export const kMaxSavedMembers = 8192
/** As many as an event names. */
export const kMaxSavedMerged = 64
/** An incident keeps 64. */
const kMaxMilestones = 64
/** A cgroup's path may have 4096 bytes; systemd's longest names have 255 letters. */
const kMaxTextLength = 4096
const kMaxNames = 1024
const kMaxAttributes = 128

/** Nanoseconds since 1970, in decimal: JSON has no integers of this size. */
export type SavedNano = string

/** One unit's part. */
export interface SavedMember {
  readonly unit: string
  readonly scope: string
  readonly resource: Resource
  readonly cause?: Cause
  readonly standing: Standing
  readonly failures: number
  readonly reason: string
  readonly failedRun: string
  readonly impact?: Impact
  readonly memoryScope?: string
  readonly beganNano: SavedNano
  readonly lastNano: SavedNano
  readonly open?: { readonly kind: Stretch['kind']; readonly sinceNano: SavedNano; readonly runId: string }
  readonly countedRun?: string
  readonly memoryRun: string
}

/** What was told of it last; `root` is the place among its members. */
export interface SavedTold {
  readonly atUnixMs: number
  readonly state: IncidentState
  readonly units: number
  readonly root: number
  readonly gaveUp: boolean
}

/** What was sent of an incident's trace. */
export interface Sent {
  spans: number
  omitted: number
  root: boolean
}

/** An incident that was told of. Times of the monotonic clock, which does not outlive a boot, are milliseconds since 1970. */
export interface SavedIncident {
  readonly id: string
  readonly state: IncidentState
  readonly members: readonly SavedMember[]
  /** Its place among the members. */
  readonly root: number
  readonly openedUnixMs: number
  readonly well?: { readonly sinceUnixMs: number; readonly sinceNano: SavedNano }
  readonly lastUnixMs: number
  readonly lastNano: SavedNano
  readonly mergedIds: readonly string[]
  readonly unitsOmitted: number
  readonly milestones: readonly (readonly [at: SavedNano, text: string])[]
  readonly milestonesDropped: number
  readonly stretches: number
  readonly told: SavedTold
}

export interface KeptIncident extends SavedIncident {
  readonly sent: Readonly<Sent>
}

export interface SavedIncidents {
  /** 32 hex digits; empty where it is not known. */
  readonly bootId: string
  readonly incidents: readonly KeptIncident[]
}

/** Whether `parseIncidents` takes it: one that it does not, for a resource past all limits, would cost all others. */
export function canBeKept(incident: KeptIncident): boolean {
  try {
    checkIncident(record(incident), String)
    return true
  } catch {
    return false
  }
}

/** Takes apart what was saved; throws with a reason when it is not of this form. */
export function parseIncidents(json: unknown): SavedIncidents {
  const { bootId, incidents } = record(json)
  check(typeof bootId === 'string' && /^([0-9a-f]{32})?$/.test(bootId), 'bootId is no boot ID')
  check(isList(incidents, kMaxSavedIncidents), 'incidents is no list of incidents')
  let members = 0
  for (const [index, incident] of incidents.entries()) {
    checkIncident(record(incident), (what) => `incidents[${index}].${what}`)
    members += (incident as SavedIncident).members.length
  }
  check(members <= kMaxSavedMembers, `there are more than ${kMaxSavedMembers} units`)
  check(new Set(incidents.map((incident) => record(incident)['id'])).size === incidents.length, 'an ID stands twice')
  return { bootId, incidents: incidents as SavedIncidents['incidents'] }
}

function checkIncident(one: Record<string, unknown>, at: (what: string) => string): void {
  const { members } = one
  check(typeof one['id'] === 'string' && /^(?!0{32})[0-9a-f]{32}$/.test(one['id']), at('id is no ID'))
  check(isOneOf(states, one['state']), at('state is none'))
  check(isList(members, kMaxSavedMembers) && members.length > 0, at('members is no list of units'))
  for (const [index, member] of members.entries())
    checkMember(record(member), (what) => at(`members[${index}].${what}`))
  check(isCount(one['root']) && one['root'] < members.length, at('root is none of its members'))
  check(isTime(one['openedUnixMs']) && isTime(one['lastUnixMs']) && isNano(one['lastNano']), at('a time is none'))
  if (one['well'] !== undefined) {
    const { sinceUnixMs, sinceNano } = record(one['well'])
    check(isTime(sinceUnixMs) && isNano(sinceNano), at('well has no times'))
  }
  check(isList(one['mergedIds'], kMaxSavedMerged) && one['mergedIds'].every(isText), at('mergedIds is no list of IDs'))
  const counts = [one['unitsOmitted'], one['milestonesDropped'], one['stretches']]
  check(counts.every(isCount), at('a count is none'))
  check(isList(one['milestones'], kMaxMilestones) && one['milestones'].every(isMilestone), at('milestones are none'))
  const told = record(one['told'])
  check(isTime(told['atUnixMs']) && isOneOf(states, told['state']) && isCount(told['units']), at('told is incomplete'))
  check(isCount(told['root']) && typeof told['gaveUp'] === 'boolean', at('told is incomplete'))
  const sent = record(one['sent'])
  check(
    isCount(sent['spans']) && isCount(sent['omitted']) && typeof sent['root'] === 'boolean',
    at('sent is incomplete'),
  )
}

function checkMember(one: Record<string, unknown>, at: (what: string) => string): void {
  check(isText(one['unit']) && one['unit'] !== '' && isOneOf(scopes, one['scope']), at('unit is none'))
  check(isResource(one['resource']), at('resource is none'))
  check(one['cause'] === undefined || isCause(record(one['cause'])), at('cause is none'))
  check(isOneOf(standings, one['standing']), at('standing is none'))
  check(isCount(one['failures']), at('failures is no count'))
  const texts = [one['reason'], one['failedRun'], one['memoryRun'], one['memoryScope'] ?? '', one['countedRun'] ?? '']
  check(texts.every(isText), at('a text is none'))
  check(one['impact'] === undefined || isImpact(record(one['impact'])), at('impact is none'))
  check(isNano(one['beganNano']) && isNano(one['lastNano']), at('a time is none'))
  if (one['open'] === undefined) return
  const { kind, sinceNano, runId } = record(one['open'])
  check(isOneOf(kinds, kind) && isNano(sinceNano) && isText(runId), at('open is no stretch'))
}

const scopes: Readonly<Record<string, true>> = { system: true, user: true }
const states: Readonly<Record<Exclude<IncidentState, 'resolved'>, true>> = {
  open: true,
  recovering: true,
  gave_up: true,
}
const kinds: Readonly<Record<Stretch['kind'], true>> = { run: true, restart: true, down: true, up: true }
const standings: Readonly<Record<Standing, true>> = {
  named: true,
  failing: true,
  failed: true,
  waiting: true,
  starting: true,
  down: true,
  gave_up: true,
  up: true,
  done: true,
  ended: true,
}

function check(fits: boolean, reason: string): asserts fits {
  if (!fits) throw new Error(reason)
}

function record(json: unknown): Record<string, unknown> {
  return (json ?? {}) as Record<string, unknown>
}

function isOneOf(names: Readonly<Record<string, true>>, value: unknown): boolean {
  return typeof value === 'string' && Object.hasOwn(names, value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= kMaxTextLength
}

function isList(value: unknown, max: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= max
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isTime(value: unknown): boolean {
  return Number.isFinite(value)
}

function isNano(value: unknown): boolean {
  return typeof value === 'string' && /^\d{1,19}$/.test(value)
}

function isMilestone(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && isNano(value[0]) && isText(value[1])
}

function isCause({ unit, by, path }: Record<string, unknown>): boolean {
  return isText(unit) && isText(by) && isNames(path)
}

function isImpact({ willStop, mayDegrade, count }: Record<string, unknown>): boolean {
  return isNames(willStop) && isNames(mayDegrade) && isCount(count)
}

function isNames(value: unknown): boolean {
  return isList(value, kMaxNames) && value.every(isText)
}

function isResource(value: unknown): boolean {
  const { key, attributes, origin } = record(value)
  if (origin !== undefined && !isOrigin(origin)) return false
  if (!isText(key) || typeof attributes !== 'object' || attributes === null) return false
  const entries = Object.entries(attributes as Attributes)
  return entries.length <= kMaxAttributes && entries.every(([, one]) => isNames(one) || isValue(one))
}

function isValue(value: unknown): boolean {
  return isText(value) || Number.isFinite(value) || typeof value === 'boolean'
}
