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
  /** Of an incident the one that failed first; empty for the machine. */
  readonly unit: string
  /** Of a user's manager; left out for the system's. */
  readonly scope?: string
  readonly host?: string
  readonly text: string
  /** RFC 3339, UTC; left out where it is not known. */
  readonly since?: string
  /** The same: when `text` was said, where that is not now. */
  readonly said?: string
  readonly attributes: Attributes
}

export interface Told {
  readonly told: readonly ConcernReport[]
  /** There are more of them, or some could not be told. */
  readonly omitted: number
}

/** Of each component: with the names of 64 units in each of them a megabyte or two, made in one turn of the event loop. */
const kMaxTold = 256

/** What a component holds to be the case, the worst and newest first. A bug of one costs nobody the others. */
export function concernsOf(
  { id }: ComponentId,
  pipeline: string | undefined,
  { readConcerns }: ComponentCounters,
): Told {
  const all: Concern[] = []
  let omitted = 0
  try {
    for (const concern of readConcerns()) all.push(concern)
  } catch {
    omitted++
  }
  all.sort((a, b) => b.severity - a.severity || newerFirst(a, b))
  const told: ConcernReport[] = []
  for (const concern of all.slice(0, kMaxTold))
    try {
      told.push(reportOf(concern, id, pipeline))
    } catch {
      omitted++
    }
  return { told, omitted: omitted + Math.max(0, all.length - kMaxTold) }
}

function newerFirst({ sinceUnixNano: a = 0n }: Concern, { sinceUnixNano: b = 0n }: Concern): number {
  return a === b ? 0 : a > b ? -1 : 1
}

function reportOf(concern: Concern, component: string, pipeline: string | undefined): ConcernReport {
  const { kind, severity, resource, text, sinceUnixNano, saidUnixNano, attributes } = concern
  const { 'systemd.scope': scope, 'host.name': host } = resource.attributes
  // A cause that others have named only is on the resource of one of these.
  const unit = attributes['systemd.unit.name'] ?? resource.attributes['systemd.unit.name']
  return {
    kind,
    component,
    ...(pipeline === undefined ? {} : { pipeline }),
    severity: severity >= Severity.error ? 'error' : severity >= Severity.warn ? 'warn' : 'info',
    unit: typeof unit === 'string' ? unit : '',
    ...(typeof scope === 'string' ? { scope } : {}),
    ...(typeof host === 'string' ? { host } : {}),
    text,
    ...(sinceUnixNano === undefined ? {} : { since: timeOf(sinceUnixNano) }),
    ...(saidUnixNano === undefined ? {} : { said: timeOf(saidUnixNano) }),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
    ),
  }
}

function timeOf(unixNano: bigint): string {
  return new Date(Number(unixNano / 1_000_000n)).toISOString()
}
