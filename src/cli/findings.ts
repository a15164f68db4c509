import { attr } from '../lib/systemd/names.js'
import type { ConcernReport } from '../service/concern-report.js'
import type { StatusReport } from '../service/status-report.js'

export type Kind = ConcernReport['kind']

/** What an agent knows to be the case, as it is shown. */
export interface Findings {
  /** The worst kind first, and of each the worst and newest. */
  readonly concerns: readonly ConcernReport[]
  /** Further ones that the agent did not tell. */
  readonly omitted: number
  /** Why there may be what the agent does not know of. */
  readonly doubts: readonly string[]
  /** What it cannot say of what it knows. */
  readonly notes: readonly string[]
  /** From so many hosts, and told in so many pipelines. */
  readonly hosts: number
  readonly pipelines: number
}

const plurals: Readonly<Record<Kind, readonly [string, string]>> = {
  incident: ['incident', 'incidents'],
  pattern: ['pattern', 'patterns'],
  failed_unit: ['failed unit', 'failed units'],
}
const kinds: readonly string[] = Object.keys(plurals)
const severities = ['error', 'warn', 'info']

/** @returns undefined for an agent of a version that does not tell */
export function findingsOf(report: StatusReport): Findings | undefined {
  const { concerns: told, concerns_omitted: omitted = 0 } = report
  if (told === undefined) return undefined
  const concerns = withoutMembers(told).sort(
    (a, b) =>
      rank(kinds, a.kind) - rank(kinds, b.kind) ||
      rank(severities, a.severity) - rank(severities, b.severity) ||
      Date.parse(b.since ?? '1970') - Date.parse(a.since ?? '1970'),
  )
  const different = (of: (one: ConcernReport) => string | undefined): number => new Set(concerns.map(of)).size
  return {
    concerns,
    omitted,
    doubts: doubtsOf(report),
    notes: notesOf(report),
    hosts: different(({ host }) => host),
    pipelines: new Set(concerns.flatMap(({ pipeline }) => pipeline ?? [])).size,
  }
}

/** `2 incidents, 1 pattern`; empty where there is nothing. */
export function tally(concerns: readonly ConcernReport[]): string {
  const counts = new Map<string, number>()
  for (const { kind } of concerns) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts]
    .map(([kind, count]) => {
      const [one, many] = plurals[kind as Kind] ?? [kind, kind]
      return `${count} ${count === 1 ? one : many}`
    })
    .join(', ')
}

/** A newer agent may know more of them. */
function rank(order: readonly string[], one: string): number {
  const at = order.indexOf(one)
  return at < 0 ? order.length : at
}

/** Leaves out failed units that are told of as part of an incident. */
function withoutMembers(concerns: readonly ConcernReport[]): ConcernReport[] {
  const key = (unit: string, { host = '', scope = '' }: ConcernReport): string => `${host} ${scope} ${unit}`
  const members = new Set<string>()
  for (const one of concerns) {
    const failed = one.kind === 'incident' ? one.attributes[attr.incidentFailed] : undefined
    if (Array.isArray(failed)) for (const unit of [one.unit, ...failed]) members.add(key(unit, one))
  }
  return concerns.filter((one) => one.kind !== 'failed_unit' || !members.has(key(one.unit, one)))
}

function doubtsOf({ components }: StatusReport): readonly string[] {
  const watchers = components.filter(({ kind, id }) => kind === 'receiver' && typeOf(id) === 'systemd')
  if (watchers.length === 0) return ['this agent has no receiver `systemd`: it watches no units of its own']
  return watchers.flatMap(({ id, state, reason = '' }) =>
    state === 'ok' ? [] : [`receiver ${id} is ${state}, so this may be old${reason === '' ? '' : `: ${reason}`}`],
  )
}

function notesOf({ components }: StatusReport): readonly string[] {
  if (components.some(({ id }) => typeOf(id) === 'incident')) return []
  return ['no pipeline of this agent has the processor `incident`: causes are not known']
}

const typeOf = (id: string): string => id.split('/')[0]!
