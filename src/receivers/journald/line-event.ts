import type { AttributeValue } from '../../data/attributes.js'
import { type RawEvent, Severity, type SeverityNumber } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import type { JournalEntry } from '../../lib/journal/entry.js'
import { runSpanId } from '../../lib/systemd/ids.js'
import { attr } from '../../lib/systemd/names.js'
import { fieldOf, lineFields, type Subject } from './line-fields.js'

/** By PRIORITY, as the log data model of OpenTelemetry maps syslog's levels (appendix B). */
const severities: readonly SeverityNumber[] = [
  Severity.fatal,
  Severity.alert,
  Severity.critical,
  Severity.error,
  Severity.warn,
  Severity.notice,
  Severity.info,
  Severity.debug,
]

const kFieldPrefix = 'systemd.journal.field.'

/** Makes a log line of an entry; `fields` are the configured ones, which follow `lineFields` in the entry. */
export function lineEvent(
  entry: JournalEntry,
  subject: Subject | undefined,
  resource: Resource,
  fields: readonly string[],
  observedNs: bigint,
): RawEvent {
  const invocation = subject?.invocation
  const traced = invocation !== undefined && isTraceId(invocation)
  const event = {
    timeUnixNano: BigInt(entry.realtimeUsec) * 1000n,
    observedTimeUnixNano: observedNs,
    name: '',
    severity: severityOf(fieldOf(entry, 'PRIORITY')),
    body: fieldOf(entry, 'MESSAGE') ?? '',
    attributes: attributesOf(entry, subject, fields),
    resource,
  }
  if (!traced) return event
  return {
    timeUnixNano: event.timeUnixNano,
    observedTimeUnixNano: event.observedTimeUnixNano,
    name: event.name,
    severity: event.severity,
    body: event.body,
    attributes: event.attributes,
    resource,
    traceId: invocation,
    spanId: runSpanId(invocation),
  }
}

/** Without a level, or with one that is none, a line is as grave as most: journald takes it for 6 as well. */
function severityOf(priority = ''): SeverityNumber {
  return (priority.length === 1 ? severities[Number(priority)] : undefined) ?? Severity.info
}

function attributesOf(
  entry: JournalEntry,
  subject: Subject | undefined,
  fields: readonly string[],
): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {}
  if (subject !== undefined) attributes[attr.unit] = subject.unit
  put(attributes, attr.journalIdentifier, fieldOf(entry, 'SYSLOG_IDENTIFIER'))
  put(attributes, attr.journalTransport, fieldOf(entry, '_TRANSPORT'))
  put(attributes, attr.processName, fieldOf(entry, '_COMM'))
  put(attributes, attr.journalMessageId, fieldOf(entry, 'MESSAGE_ID'))
  const pid = Number(fieldOf(entry, '_PID'))
  if (pid > 0) attributes[attr.mainPid] = pid
  for (let i = 0; i < fields.length; i++) {
    put(attributes, kFieldPrefix + fields[i]!.toLowerCase(), entry.values[lineFields.length + i])
  }
  if (entry.truncated.length > 0) attributes[attr.journalTruncated] = namesOf(entry.truncated, fields)
  if (entry.notText.length > 0) attributes[attr.journalNotText] = namesOf(entry.notText, fields)
  return attributes
}

function put(attributes: Record<string, AttributeValue>, name: string, value: AttributeValue | undefined): void {
  if (value !== undefined) attributes[name] = value
}

function namesOf(slots: readonly number[], fields: readonly string[]): string[] {
  return slots.map((slot) => lineFields[slot] ?? fields[slot - lineFields.length]!)
}

/** 32 lower-case hex digits, not all of them 0 (W3C Trace Context). */
function isTraceId(text: string): boolean {
  return /^(?!0{32})[0-9a-f]{32}$/.test(text)
}
