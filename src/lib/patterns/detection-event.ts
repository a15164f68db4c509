import type { AttributeValue } from '../../data/attributes.js'
import { type RawEvent, Severity } from '../../data/event.js'
import { runSpanId } from '../systemd/ids.js'
import { attr } from '../systemd/names.js'
import type { Detection } from './detector.js'

/** Attributes that every finding has; what is particular to a pattern stands below `pattern.<pattern>.`. */
export const patternAttr = {
  /** Sort of the pattern: `rapid`. */
  kind: 'pattern.kind',
  /** Of metrics, which have it not in their own name: `crash_loop`. */
  name: 'pattern.name',
  /** [0, 1] */
  confidence: 'pattern.confidence',
  /** Runs involved, newest last: trace IDs. */
  runs: 'pattern.runs',
} as const

export const patternMetric = {
  /** Gauge on the unit: 1 while a pattern is open, 0 once when it is over [pattern.name, pattern.kind]. */
  open: 'systemd.unit.pattern',
  /** Gauge on the unit, seconds since 1970: when what is predicted will happen [the same]; while it is open. */
  expectedTime: 'systemd.unit.pattern.expected_time',
} as const

export type Phase = Detection['phase']

export function patternEvent(pattern: string, phase: Phase): string {
  return `pattern.${pattern}.${phase}`
}

export function evidenceName(pattern: string, name: string): string {
  return `pattern.${pattern}.${name}`
}

/** Enough to look into; counts tell the rest. */
export const kMaxRuns = 16
/** A sentence, not a report. */
const kMaxBody = 1024

/** @param unixNano - what `detection.atMs` is on the wall clock */
export function detectionEvent(pattern: string, detection: Detection, unixNano: bigint): RawEvent {
  const { phase, unit, kind, confidence, body, evidence, run, runs, cause } = detection
  const attributes: Record<string, AttributeValue> = {}
  if (unit.name !== '') attributes[attr.unit] = unit.name
  attributes[patternAttr.kind] = kind
  attributes[patternAttr.confidence] = Math.round(confidence * 1000) / 1000
  for (const [name, value] of Object.entries(evidence)) attributes[evidenceName(pattern, name)] = value
  if (runs !== undefined && runs.length > 0) attributes[patternAttr.runs] = runs.slice(-kMaxRuns)
  // Where an incident stands before the pattern it has marked what it is about.
  const incident = cause?.attributes[attr.incidentId]
  if (incident !== undefined) attributes[attr.incidentId] = incident
  const event: RawEvent = {
    timeUnixNano: unixNano,
    observedTimeUnixNano: cause?.observedTimeUnixNano ?? unixNano,
    name: patternEvent(pattern, phase),
    severity: detection.severity ?? (phase === 'cleared' ? Severity.info : Severity.warn),
    body: body.length > kMaxBody ? `${body.slice(0, kMaxBody - 1)}…` : body,
    attributes,
    resource: unit.resource,
  }
  return run === undefined || run === '' ? event : { ...event, traceId: run, spanId: runSpanId(run) }
}
