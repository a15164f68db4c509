import type { Attributes, AttributeValue } from '../../data/attributes.js'
import type { Span, SpanLink } from '../../data/span.js'
import { childSpanId } from '../../lib/incidents/ids.js'
import type { Incident } from '../../lib/incidents/incident.js'
import type { Sent } from '../../lib/incidents/saved-incident.js'
import type { Stretch } from '../../lib/incidents/stretch.js'
import { runSpanId } from '../../lib/systemd/ids.js'
import { attr } from '../../lib/systemd/names.js'
import { headline, incidentAttributes } from './incident-events.js'

/** Attributes of the root that only traces have. */
const traceAttr = {
  spansOmitted: 'incident.trace.spans_omitted',
  eventsDropped: 'incident.trace.events_dropped',
} as const

/** Makes the trace of each incident: a child for each stretch as it ends, the root when the outcome is known. */
export class IncidentSpans {
  readonly #maxSpans: number
  readonly #sent = new Map<string, Sent>()

  constructor(maxSpans: number) {
    this.#maxSpans = maxSpans
  }

  child(incident: Incident, stretch: Stretch): Span | undefined {
    const sent = this.#sentOf(incident)
    if (sent.spans >= this.#maxSpans) {
      sent.omitted++
      return undefined
    }
    sent.spans++
    return childSpan(incident, stretch)
  }

  /** The root, once. */
  root(incident: Incident, endNano: bigint, attributes: Attributes = {}): Span | undefined {
    const sent = this.#sentOf(incident)
    if (sent.root) return undefined
    sent.root = true
    const counts = {
      ...(sent.omitted > 0 ? { [traceAttr.spansOmitted]: sent.omitted } : {}),
      ...(incident.milestonesDropped > 0 ? { [traceAttr.eventsDropped]: incident.milestonesDropped } : {}),
    }
    return rootSpan(incident, endNano, { ...attributes, ...counts })
  }

  /** What was sent of it. */
  sent(incident: Incident): Readonly<Sent> {
    return { ...this.#sentOf(incident) }
  }

  /** Goes on with the trace of an incident from an earlier life of the agent. */
  restore(incident: Incident, sent: Readonly<Sent>): void {
    this.#sent.set(incident.id, { ...sent })
  }

  forget(incident: Incident): void {
    this.#sent.delete(incident.id)
  }

  #sentOf({ id }: Incident): Sent {
    let sent = this.#sent.get(id)
    if (sent === undefined) {
      sent = { spans: 0, omitted: 0, root: false }
      this.#sent.set(id, sent)
    }
    return sent
  }
}

function rootSpan(incident: Incident, endNano: bigint, attributes: Attributes): Span {
  const { root, firstNano } = incident
  return {
    traceId: incident.id,
    spanId: incident.spanId,
    name: `incident: ${headline(incident)}`,
    kind: 'internal',
    startTimeUnixNano: firstNano,
    endTimeUnixNano: endNano < firstNano ? firstNano : endNano,
    attributes: { ...incidentAttributes(incident), ...attributes },
    events: incident.milestones.map(({ atNano, text }) => ({ timeUnixNano: atNano, name: text, attributes: {} })),
    links: linksTo(root.failedRun, 'root_cause'),
    status: { code: 'error', message: root.reason === '' ? 'failed' : root.reason },
    resource: root.resource,
  }
}

function childSpan(incident: Incident, stretch: Stretch): Span {
  const { kind, unit, runId, number, reason, cause } = stretch
  const attributes: Record<string, AttributeValue> = { [attr.unit]: unit, [attr.incidentId]: incident.id }
  if (runId !== '') attributes[attr.invocationId] = runId
  if (reason !== '') attributes[attr.errorType] = reason.split(' ')[0]!
  if (cause !== undefined) attributes[attr.causedBy] = cause
  const { name, error } = told(stretch)
  return {
    traceId: incident.id,
    spanId: childSpanId(incident.id, `${number}:${unit}:${kind}`),
    parentSpanId: incident.spanId,
    name,
    kind: 'internal',
    startTimeUnixNano: stretch.startNano,
    endTimeUnixNano: stretch.endNano,
    attributes,
    events: [],
    links: linksTo(runId, kind === 'run' || kind === 'up' ? 'run' : 'run_before'),
    status: error === undefined ? { code: 'unset' } : { code: 'error', message: error },
    resource: stretch.resource,
  }
}

function told({ kind, reason, cause }: Stretch): { readonly name: string; readonly error?: string } {
  switch (kind) {
    case 'run':
      return { name: 'run failed', error: reason === '' ? 'failed' : reason }
    case 'restart':
      return { name: 'restart delay' }
    case 'down':
      return cause === undefined ? { name: 'down', error: 'gave up' } : { name: 'down', error: `because of ${cause}` }
    case 'up':
      return { name: 'up again' }
  }
}

function linksTo(runId: string, kind: string): readonly SpanLink[] {
  if (!/^[0-9a-f]{32}$/.test(runId) || /^0+$/.test(runId)) return []
  return [{ traceId: runId, spanId: runSpanId(runId), attributes: { 'systemd.link.kind': kind } }]
}
