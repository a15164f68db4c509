import type { Concern } from '../../component/concern.js'
import type { Attributes, AttributeValue } from '../../data/attributes.js'
import { type RawEvent, Severity, type SeverityNumber } from '../../data/event.js'
import type { Incident, IncidentChange, Resolution } from '../../lib/incidents/incident.js'
import { type IncidentState, isAtRest } from '../../lib/incidents/incident-state.js'
import { incidentEvent } from '../../lib/incidents/names.js'
import { attr } from '../../lib/systemd/names.js'
import { formatDuration } from '../../util/duration.js'

/** Names in a list; the count tells the rest. */
const kMaxNames = 64
/** Of those a line shows so many. */
const kMaxShown = 4

const severities: Readonly<Record<IncidentState, SeverityNumber>> = {
  open: Severity.warn,
  recovering: Severity.info,
  gave_up: Severity.error,
  resolved: Severity.info,
}

export function openedEvent(incident: Incident, atNano: bigint): RawEvent {
  return make(incidentEvent.opened, incident, Severity.error, atNano, {
    body: `incident: ${headline(incident)}${afterwards(incident)}`,
    attributes: {},
  })
}

export function updatedEvent(incident: Incident, changes: readonly IncidentChange[], atNano: bigint): RawEvent {
  return make(incidentEvent.updated, incident, severities[incident.state], atNano, {
    body: `incident of ${incident.root.unit}: ${incident.state.replace('_', ' ')}, ${toll(incident)}${afterwards(incident)}`,
    attributes: { [attr.incidentChanges]: changes },
  })
}

export function resolvedEvent(incident: Incident, resolution: Resolution, atNano: bigint): RawEvent {
  return make(incidentEvent.resolved, incident, Severity.info, atNano, {
    body: `incident of ${incident.root.unit} ${endings[resolution]} after ${lasted(incident, atNano)}: ${toll(incident)}`,
    attributes: { [attr.incidentResolution]: resolution, [attr.incidentDuration]: seconds(incident, atNano) },
  })
}

/** It, as long as it is open. */
export function concernOf(incident: Incident): Concern {
  const { lastFailedRun } = incident.root
  const down: string[] = []
  for (const { unit, standing } of incident.members.values()) if (!isAtRest(standing)) down.push(unit)
  return {
    kind: 'incident',
    // It recovers, and is not over.
    severity: incident.state === 'recovering' ? Severity.warn : Severity.error,
    resource: incident.root.resource,
    text: `${headline(incident)}${afterwards(incident)}`,
    sinceUnixNano: incident.firstNano,
    attributes: {
      ...incidentAttributes(incident),
      [attr.incidentDown]: down.slice(0, kMaxNames),
      ...(lastFailedRun === '' ? {} : { [attr.invocationId]: lastFailedRun }),
    },
  }
}

/** All that is known of an incident now. */
export function incidentAttributes(incident: Incident): Attributes {
  const { root, members, mergedIds } = incident
  const failed: string[] = []
  const takenDown: string[] = []
  for (const member of members.values()) {
    if (member.failed) failed.push(member.unit)
    else if (member !== root) takenDown.push(member.unit)
  }
  const attributes: Record<string, AttributeValue> = {
    [attr.unit]: root.unit,
    [attr.incidentId]: incident.id,
    [attr.incidentState]: incident.state,
    [attr.incidentRootCause]: root.unit,
    [attr.incidentReason]: root.reason,
    [attr.incidentFailed]: failed.slice(0, kMaxNames),
    [attr.incidentTakenDown]: takenDown.slice(0, kMaxNames),
    [attr.incidentUnitCount]: members.size + incident.unitsOmitted,
    [attr.incidentFailures]: incident.failures,
    [attr.incidentStartUsec]: Number(incident.firstNano / 1000n),
  }
  if (root.impact !== undefined) {
    attributes[attr.impactStop] = root.impact.willStop
    attributes[attr.impactDegrade] = root.impact.mayDegrade
    attributes[attr.impactCount] = root.impact.count
  }
  if (mergedIds.length > 0) attributes[attr.incidentMergedIds] = mergedIds.slice(0, kMaxNames)
  return attributes
}

/** `db.service failed (exit-code 3)` */
export function headline({ root }: Incident): string {
  return `${root.unit} failed${root.reason === '' ? '' : ` (${root.reason})`}`
}

function afterwards({ root, members }: Incident): string {
  const failed: string[] = []
  const takenDown: string[] = []
  for (const member of members.values()) if (member !== root) (member.failed ? failed : takenDown).push(member.unit)
  return `${shown('then failed', failed)}${shown('took down', takenDown)}`
}

function shown(what: string, units: readonly string[]): string {
  if (units.length === 0) return ''
  const more = units.length > kMaxShown ? ` and ${units.length - kMaxShown} more` : ''
  return `; ${what} ${units.slice(0, kMaxShown).join(', ')}${more}`
}

function toll({ failures, members, unitsOmitted }: Incident): string {
  const units = members.size + unitsOmitted
  return `${failures} ${failures === 1 ? 'failure' : 'failures'}, ${units} ${units === 1 ? 'unit' : 'units'}`
}

const endings: Readonly<Record<Resolution, string>> = {
  recovered: 'resolved',
  stopped: 'ended, for its units were stopped,',
  merged: 'is part of another one',
  evicted: 'is no longer followed, for there are too many,',
  rebooted: 'ended with a reboot',
  unknown: 'ended unseen, for its units are gone,',
}

function seconds(incident: Incident, atNano: bigint): number {
  return Math.max(0, Number(atNano - incident.firstNano) / 1e9)
}

function lasted(incident: Incident, atNano: bigint): string {
  const ms = Math.round(seconds(incident, atNano) * 1000)
  // Of a minute or more nobody asks for the milliseconds.
  return formatDuration(ms < 60_000 ? ms : Math.round(ms / 1000) * 1000)
}

function make(
  name: string,
  incident: Incident,
  severity: SeverityNumber,
  atNano: bigint,
  { body, attributes }: Pick<RawEvent, 'body' | 'attributes'>,
): RawEvent {
  return {
    timeUnixNano: atNano,
    observedTimeUnixNano: atNano,
    name,
    severity,
    body,
    attributes: { ...incidentAttributes(incident), ...attributes },
    traceId: incident.id,
    spanId: incident.spanId,
    resource: incident.root.resource,
  }
}
