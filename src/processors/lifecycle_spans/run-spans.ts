import { hash } from 'node:crypto'
import type { AttributeValue } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Span, SpanLink } from '../../data/span.js'
import { incidentSpanId } from '../../lib/incidents/ids.js'
import { failureOfEvent, failureText } from '../../lib/systemd/failure.js'
import { runSpanId } from '../../lib/systemd/ids.js'
import { attr, event as names } from '../../lib/systemd/names.js'
import { type Phases, phasesOf } from './phases.js'
import type { Run } from './run.js'

/** Attributes of the event that ended the run which describe the run as a whole. */
const kept = [
  attr.unit,
  attr.unitType,
  attr.invocationId,
  attr.result,
  attr.mainPid,
  attr.exitCode,
  attr.exitSignal,
  attr.nRestarts,
  attr.containerRuntime,
  attr.synthetic,
  attr.incidentId,
] as const

type Phase = 'start' | 'running' | 'stop'

const phaseNames: readonly Phase[] = ['start', 'running', 'stop']
const unset: Span['status'] = { code: 'unset' }

/**
 * The trace of an ended run: a root for the whole, and a child for each phase that took time or failed.
 *
 * Spans are written out property by property: V8 makes a hidden class for each object that begins with `...`, and those
 * were a quarter of what the collector of the old generation had to clear away where many units crash.
 */
export function spansOf(run: Run, unit: string, last: RawEvent): readonly Span[] {
  const phases = phasesOf(run.marks(last))
  const failure = failureOf(last)
  const guilty = failure === undefined ? undefined : guiltyPhase(phases, last, run)
  const error: Span['status'] = failure === undefined ? unset : { code: 'error', message: failure }
  const rootId = runSpanId(run.invocationId)
  const spans: Span[] = [
    {
      traceId: run.invocationId,
      spanId: rootId,
      name: `${unit} run`,
      kind: 'internal',
      startTimeUnixNano: nanosOf(phases.whole[0]),
      endTimeUnixNano: nanosOf(phases.whole[1]),
      attributes: rootAttributes(run, last, failure),
      events: [...run.events],
      links: linksOf(run, last),
      status: error,
      resource: last.resource,
    },
  ]
  for (const phase of phaseNames) {
    const interval = phases[phase] ?? (guilty === phase ? phases.whole : undefined)
    if (interval === undefined) continue
    spans.push({
      traceId: run.invocationId,
      spanId: childSpanId(run.invocationId, `phase:${phase}`),
      parentSpanId: rootId,
      name: phase,
      kind: 'internal',
      startTimeUnixNano: nanosOf(interval[0]),
      endTimeUnixNano: nanosOf(interval[1]),
      attributes: { [attr.unit]: unit },
      events: [],
      links: [],
      status: guilty === phase ? error : unset,
      resource: last.resource,
    })
  }
  return spans
}

export function nanosOf(usec: number): bigint {
  return BigInt(usec) * 1000n
}

/** To the run before, and to the incident that this one is part of. */
function linksOf({ previous }: Run, last: RawEvent): readonly SpanLink[] {
  const links = previous === undefined ? [] : [linkTo(previous)]
  const incident = last.attributes[attr.incidentId]
  if (typeof incident === 'string' && /^[0-9a-f]{32}$/.test(incident))
    links.push({
      traceId: incident,
      spanId: incidentSpanId(incident),
      attributes: { 'systemd.link.kind': 'incident' },
    })
  return links
}

function linkTo(invocationId: string): SpanLink {
  return {
    traceId: invocationId,
    spanId: runSpanId(invocationId),
    attributes: { 'systemd.link.kind': 'previous_run' },
  }
}

function rootAttributes(run: Run, last: RawEvent, failure: string | undefined): Span['attributes'] {
  const attributes: Record<string, AttributeValue> = {}
  for (const key of kept) {
    const value = last.attributes[key]
    if (value !== undefined) attributes[key] = value
  }
  if (failure !== undefined) attributes[attr.errorType] = String(last.attributes[attr.result] ?? 'unknown')
  if (run.eventsDropped > 0) attributes['systemd.unit.span_events_dropped'] = run.eventsDropped
  return attributes
}

/** `exit-code 3`, `signal SIGSEGV`, `exit-code of ExecStartPre=`; undefined when the run ended well. */
function failureOf(last: RawEvent): string | undefined {
  const failure = failureOfEvent(last.attributes)
  const clean = failure.result === '' || failure.result === 'success'
  if (last.name !== names.failed && (last.name !== names.restarting || clean)) return undefined
  return failureText(clean ? { ...failure, result: 'failed' } : failure)
}

/** In which phase it went wrong. */
function guiltyPhase(phases: Phases, last: RawEvent, run: Run): Phase {
  if (phases.running === undefined) return 'start'
  if (phases.stop === undefined) return 'running'
  const result = last.attributes[attr.result]
  // systemd itself stopped the unit because of what it did while it ran.
  if (result === 'watchdog' || result === 'oom-kill') return 'running'
  if (result === 'timeout') return 'stop'
  // A process that died by itself was dead before the unit left `active`.
  const { mainExit } = run.marks(last)
  return mainExit > phases.stop[0] ? 'stop' : 'running'
}

/** Known to whoever knows the InvocationID, as the root's is. */
export function childSpanId(invocationId: string, role: string): string {
  return hash('sha256', `${role}:${invocationId}`, 'hex').slice(0, 16)
}
