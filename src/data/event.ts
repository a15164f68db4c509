import type { Attributes, EncodedFields, EncodedValue } from './attributes.js'
import type { Resource } from './resource.js'

/**
 * OTLP SeverityNumber of the levels used here (opentelemetry-proto logs.proto). Events have debug, info, warn and error; log
 * lines of the journal all eight of syslog, as the log data model maps them (appendix B).
 */
export const Severity = {
  debug: 5,
  info: 9,
  notice: 10,
  warn: 13,
  error: 17,
  critical: 18,
  alert: 19,
  fatal: 21,
} as const

/** Those of other programs have every level: 1 to 24, and 0 where they say none. */
// biome-ignore format: a table
export type SeverityNumber =
  | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19 | 20 | 21 | 22 | 23 | 24

/** Something that happened at one instant. Exported as an OTLP log record, with EventName where it has a name. */
export interface RawEvent {
  /** When it happened, by the source's own clock reading (nanoseconds since 1970). */
  readonly timeUnixNano: bigint
  /** When this agent saw it. */
  readonly observedTimeUnixNano: bigint
  /** `domain.object.verb`, e.g. `systemd.unit.failed`; never holds a dynamic value. Empty: a log line, no event. */
  readonly name: string
  readonly severity: SeverityNumber
  /** One readable line; only for display, everything in it stands in `attributes` too. */
  readonly body: string
  readonly attributes: Attributes
  /** 32 lower-case hex digits; of a unit's run it is systemd's InvocationID. */
  readonly traceId?: string
  /** 16 lower-case hex digits. */
  readonly spanId?: string
  readonly resource: Resource
  /** What its source calls the severity, where that was not this agent. */
  readonly severityText?: string
  /** The body as it came, where it was no text: `body` is its JSON. */
  readonly encodedBody?: EncodedValue
  /** Fields of LogRecord that have no place here. */
  readonly rest?: EncodedFields
}

/** The same event as one of a run. Written out, as below: events of all sources are then of two shapes. */
export function withRun(event: RawEvent, traceId: string, spanId: string): RawEvent {
  const { timeUnixNano, observedTimeUnixNano, name, severity, body, attributes, resource } = event
  return { timeUnixNano, observedTimeUnixNano, name, severity, body, attributes, resource, traceId, spanId }
}

/** The same event with these attributes instead. Written out: with a spread each kind of event is a shape of its own. */
export function withAttributes(event: RawEvent, attributes: Attributes): RawEvent {
  // Only what others sent has more fields than these.
  if (event.severityText !== undefined) return { ...event, attributes }
  const { timeUnixNano, observedTimeUnixNano, name, severity, body, traceId, spanId, resource } = event
  if (traceId !== undefined && spanId !== undefined)
    return { timeUnixNano, observedTimeUnixNano, name, severity, body, attributes, resource, traceId, spanId }
  const made = { timeUnixNano, observedTimeUnixNano, name, severity, body, attributes, resource }
  return traceId === undefined ? made : { ...made, traceId }
}
