import type { Concern } from '../component/concern.js'
import type { ComponentId } from '../component/id.js'
import type { Attributes } from '../data/attributes.js'
import { Severity } from '../data/event.js'
import type { ComponentCounters } from '../telemetry/component-counters.js'

/** One thing that is the case, as JSON on the status socket. */
export interface ConcernReport {
  readonly kind: Concern['kind']
  /** Who says so. */
  readonly component: string
  readonly pipeline?: string
  readonly severity: 'info' | 'warn' | 'error'
  /** Empty for the machine. */
  readonly unit: string
  /** Of a user's manager; left out for the system's. */
  readonly scope?: string
  readonly text: string
  /** RFC 3339, UTC. */
  readonly since?: string
  readonly attributes: Attributes
}

/** Of each component: with the names of 64 units in each of them a megabyte or two, made in one turn of the event loop. */
const kMaxTold = 256

/** What a component holds to be the case, the worst and newest first. One that cannot say is silent: the others are told of. */
export function concernsOf(
  { id }: ComponentId,
  pipeline: string | undefined,
  { readConcerns }: ComponentCounters,
): { readonly told: readonly ConcernReport[]; readonly omitted: number } {
  try {
    const all = [...readConcerns()].sort((a, b) => b.severity - a.severity || newerFirst(a, b))
    const told = all.slice(0, kMaxTold).map((concern) => reportOf(concern, id, pipeline))
    return { told, omitted: all.length - told.length }
  } catch {
    return { told: [], omitted: 0 }
  }
}

function newerFirst({ sinceUnixNano: a = 0n }: Concern, { sinceUnixNano: b = 0n }: Concern): number {
  return a === b ? 0 : a > b ? -1 : 1
}

function reportOf(concern: Concern, component: string, pipeline: string | undefined): ConcernReport {
  const { kind, severity, resource, text, sinceUnixNano, attributes } = concern
  const unit = resource.attributes['systemd.unit.name']
  const scope = resource.attributes['systemd.scope']
  return {
    kind,
    component,
    ...(pipeline === undefined ? {} : { pipeline }),
    severity: severity >= Severity.error ? 'error' : severity >= Severity.warn ? 'warn' : 'info',
    unit: typeof unit === 'string' ? unit : '',
    ...(typeof scope === 'string' ? { scope } : {}),
    text,
    ...(sinceUnixNano === undefined ? {} : { since: new Date(Number(sinceUnixNano / 1_000_000n)).toISOString() }),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
    ),
  }
}
