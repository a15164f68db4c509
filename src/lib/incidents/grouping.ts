import type { Cause } from './cause.js'
import type { Dependencies } from './dependencies.js'
import type { Incident } from './incident.js'
import type { KnownMember } from './members-by-unit.js'
import type { UnitReport } from './unit-report.js'

/** Where a unit's trouble belongs. */
export type Place =
  /** It comes from a unit of this incident. */
  | { readonly kind: 'member'; readonly incident: Incident; readonly cause: Cause }
  /** It is the reason for these incidents, oldest first. */
  | { readonly kind: 'root'; readonly of: readonly Effect[] }
  /** It comes from a unit of which nothing was told yet. */
  | { readonly kind: 'named'; readonly cause: Cause }
  | { readonly kind: 'new' }

export interface Effect {
  readonly incident: Incident
  /** Why its present root is not one. */
  readonly cause: Cause
}

export interface Known {
  /** By their IDs, oldest first. */
  readonly incidents: ReadonlyMap<string, Incident>
  readonly find: (scope: string, unit: string) => KnownMember | undefined
}

/**
 * Finds what a unit's trouble belongs to. In this order, from what is certain to what is likely: the cause that systemd (or
 * the graph at the time) names; a unit in trouble that it relies on, or that it was started for; units that rely on it and failed at the same time; a
 * memory limit that it shares. Two failures at one instant with nothing of this between them are two.
 */
export function placeOf(report: UnitReport, known: Known, dependencies: Dependencies, windowNanos: bigint): Place {
  return (
    ofNamedCause(report, known) ??
    ofNeeded(report, known, dependencies) ??
    ofHandled(report, known, dependencies) ??
    ofDependents(report, known, dependencies, windowNanos) ??
    ofSharedMemory(report, known, windowNanos) ?? { kind: 'new' }
  )
}

function ofNamedCause(report: UnitReport, { find }: Known): Place | undefined {
  const { cause, scope } = report
  if (cause === undefined || cause.unit === report.unit) return undefined
  const found = find(scope, cause.unit)
  return found === undefined ? { kind: 'named', cause } : { kind: 'member', incident: found.incident, cause }
}

function ofNeeded(report: UnitReport, { find }: Known, dependencies: Dependencies): Place | undefined {
  const { scope } = report
  const inTrouble = (unit: string): boolean => {
    const standing = find(scope, unit)?.member.standing
    return standing !== undefined && standing !== 'ended'
  }
  const cause = dependencies.nearest(scope, report.unit, inTrouble)
  if (cause === undefined) return undefined
  const { incident } = find(scope, cause.unit)!
  return { kind: 'member', incident, cause }
}

/** It was started because another one had failed. One that ran before that has a trouble of its own. */
function ofHandled({ scope, unit, runBeganNano }: UnitReport, { find }: Known, dependencies: Dependencies) {
  if (runBeganNano === undefined) return undefined
  for (const failed of dependencies.handles(scope, unit)) {
    const found = find(scope, failed)
    if (found === undefined || found.member.standing === 'ended' || found.member.beganNano > runBeganNano) continue
    const cause: Cause = { unit: failed, by: 'OnFailure', path: [failed, unit] }
    return { kind: 'member', incident: found.incident, cause } as const
  }
  return undefined
}

function ofDependents(
  report: UnitReport,
  { incidents }: Known,
  dependencies: Dependencies,
  windowNanos: bigint,
): Place | undefined {
  const of: Effect[] = []
  for (const incident of incidents.values()) {
    const { root } = incident
    if (root.scope !== report.scope || !near(root.beganNano, report.beganNano, windowNanos)) continue
    const cause = dependencies.nearest(root.scope, root.unit, (unit) => unit === report.unit)
    if (cause !== undefined) of.push({ incident, cause })
  }
  return of.length === 0 ? undefined : { kind: 'root', of }
}

/** Also to be asked about a unit in an incident, when the kernel's word comes later than systemd's. */
export function ofSharedMemory(
  report: UnitReport,
  { incidents }: Known,
  windowNanos: bigint,
): Extract<Place, { kind: 'member' }> | undefined {
  const scope = report.memoryScope
  if (scope === undefined) return undefined
  for (const incident of incidents.values()) {
    const { root } = incident
    if (root.unit === report.unit || root.memoryScope !== scope || !near(root.beganNano, report.beganNano, windowNanos))
      continue
    const cause = { unit: root.unit, by: 'memory', path: [root.unit, report.unit] }
    return { kind: 'member', incident, cause }
  }
  return undefined
}

function near(a: bigint, b: bigint, windowNanos: bigint): boolean {
  return a < b ? b - a <= windowNanos : a - b <= windowNanos
}
