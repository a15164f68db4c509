import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import type { Cause } from '../../lib/incidents/cause.js'
import type { Impact, ReportKind, UnitReport } from '../../lib/incidents/unit-report.js'
import { failureOfEvent, failureText } from '../../lib/systemd/failure.js'
import { attr, event as names } from '../../lib/systemd/names.js'

const upStates = new Set(['active', 'reloading', 'refreshing'])

/** What an event says about a unit, as far as incidents go; undefined for every other, at the cost of one look-up. */
export function readReport(event: RawEvent): UnitReport | undefined {
  const kindOf = kinds.get(event.name)
  if (kindOf === undefined) return undefined
  const { attributes } = event
  const unit = text(attributes, attr.unit)
  const kind = kindOf(attributes)
  if (kind === undefined || unit === '') return undefined
  const failed = kind === 'failing' || kind === 'failed' || kind === 'refused' || kind === 'waiting'
  const verdict = text(attributes, attr.verdict)
  return {
    kind,
    unit,
    scope: scopeOf(event),
    atNano: event.timeUnixNano,
    beganNano: began(event, kind),
    runBeganNano: kind === 'waiting' ? undefined : nanos(attributes, attr.inactiveExitUsec, event.timeUnixNano),
    // A job that could not start it is about no run.
    runId: event.name === names.jobFinished ? '' : text(attributes, attr.invocationId),
    reason: event.name === names.oomKilled ? 'oom-kill' : failed ? reasonOf(attributes) : '',
    verdict: verdict === 'will_restart' || verdict === 'gave_up' ? verdict : undefined,
    cause: kind === 'failed' || kind === 'taken_down' ? causeOf(attributes, unit) : undefined,
    memoryScope: memoryScopeOf(attributes),
    impact: failed ? impactOf(attributes) : undefined,
    resource: event.resource,
  }
}

/** The manager whose unit it is. */
export function scopeOf({ resource }: { readonly resource: Resource }): string {
  return resource.attributes['systemd.scope'] === 'user' ? 'user' : 'system'
}

const kinds: ReadonlyMap<string, (attributes: Attributes) => ReportKind | undefined> = new Map<
  string,
  (attributes: Attributes) => ReportKind | undefined
>([
  [names.failed, (attributes) => (verdictOf(attributes) === 'stopped_by_operator' ? 'ended' : 'failed')],
  [names.oomKilled, warning],
  [names.watchdogTimeout, warning],
  [names.startLimitHit, () => 'refused'],
  [names.restarting, () => 'waiting'],
  // A oneshot has started when its command runs, which says nothing of how it ends.
  [names.started, (attributes) => (upStates.has(text(attributes, attr.activeState)) ? 'up' : 'starting')],
  [names.restarted, (attributes) => (upStates.has(text(attributes, attr.activeState)) ? 'up' : 'starting')],
  [names.stopped, ofStop],
  [names.jobFinished, ofJob],
])

/** systemd stops it for this; a process that was killed in a unit that goes on is no failure of the unit. */
function warning(attributes: Attributes): ReportKind | undefined {
  const goesOn = attributes[attr.oomSurvived] === true || upStates.has(text(attributes, attr.activeState))
  return goesOn ? undefined : 'failing'
}

/** What ran out of memory: a cgroup that met its limit, which may hold several units, or the machine. */
function memoryScopeOf(attributes: Attributes): string | undefined {
  if (attributes[attr.oomConstraint] === 'global') return 'machine'
  return text(attributes, attr.oomLimitedBy) || undefined
}

function ofStop(attributes: Attributes): ReportKind {
  if (attributes[attr.causedBy] !== undefined) return 'taken_down'
  switch (verdictOf(attributes)) {
    case 'stopped_by_operator':
    case 'condition_not_met':
      return 'ended'
    case 'dependency':
      return 'taken_down'
    case 'will_restart':
      return 'waiting'
    default:
      return 'done'
  }
}

function ofJob(attributes: Attributes): ReportKind | undefined {
  if (attributes[attr.jobResult] === 'dependency') return 'taken_down'
  return verdictOf(attributes) === 'condition_not_met' ? 'ended' : undefined
}

/** When the trouble began: it left `active`, or its start, which has failed, began. */
function began({ attributes, timeUnixNano, name }: RawEvent, kind: ReportKind): bigint {
  if (name === names.jobFinished) return timeUnixNano
  const exit = nanos(attributes, attr.inactiveExitUsec, timeUnixNano)
  const enter = nanos(attributes, attr.activeEnterUsec, timeUnixNano)
  const left = nanos(attributes, attr.activeExitUsec, timeUnixNano)
  if (enter !== undefined && left !== undefined && left >= enter && enter >= (exit ?? 0n)) return left
  return kind === 'failed' && exit !== undefined && (enter ?? 0n) < exit ? exit : timeUnixNano
}

function causeOf(attributes: Attributes, unit: string): Cause | undefined {
  const root = text(attributes, attr.rootCause)
  if (root !== '' && root !== unit) {
    const path = attributes[attr.rootCausePath]
    return {
      unit: root,
      by: text(attributes, attr.rootCauseEdge) || 'systemd',
      path: Array.isArray(path) ? path : [root, unit],
    }
  }
  const named = text(attributes, attr.causedBy)
  return named === '' || named === unit ? undefined : { unit: named, by: 'systemd', path: [named, unit] }
}

function impactOf(attributes: Attributes): Impact | undefined {
  const count = attributes[attr.impactCount]
  if (typeof count !== 'number') return undefined
  return { willStop: list(attributes, attr.impactStop), mayDegrade: list(attributes, attr.impactDegrade), count }
}

/** `exit-code 3`, `signal SIGSEGV`, `exit-code of ExecStartPre=`; empty where nothing failed. */
function reasonOf(attributes: Attributes): string {
  const failure = failureOfEvent(attributes)
  return failure.result === '' || failure.result === 'success' ? '' : failureText(failure)
}

/** A timestamp of systemd's; undefined where it has none, or none that is not later than `atNano`. */
function nanos(attributes: Attributes, key: string, atNano: bigint): bigint | undefined {
  const usec = attributes[key]
  if (typeof usec !== 'number' || !Number.isSafeInteger(usec) || usec <= 0) return undefined
  const value = BigInt(usec) * 1000n
  return value <= atNano ? value : undefined
}

function verdictOf(attributes: Attributes): string {
  return text(attributes, attr.verdict)
}

function text(attributes: Attributes, key: string): string {
  const value = attributes[key]
  return typeof value === 'string' ? value : ''
}

function list(attributes: Attributes, key: string): readonly string[] {
  const value = attributes[key]
  return Array.isArray(value) ? value : []
}
