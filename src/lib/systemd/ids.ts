import { hash } from 'node:crypto'

/** The spans that make up one run of a unit: the whole of it, and what happens at its ends. */
export type SpanRole = 'run' | 'start' | 'stop'

/**
 * The span ID of one part of a run, 16 hex digits. A hash, so that whoever knows the InvocationID (which is the trace ID)
 * knows the span IDs too: events, spans and journal lines of one run meet without having talked to each other.
 */
export function spanIdOf(invocationId: string, role: SpanRole): string {
  // An all-zero span ID is invalid (W3C Trace Context); a hash gives one once in 2^64, so no care is taken.
  return hash('sha256', `${role}:${invocationId}`, 'hex').slice(0, 16)
}

/** Those asked for of late: events, spans and links of a run ask half a dozen times, and a hash costs microseconds. */
const known = new Map<string, string>()
/** Runs; some 100 KiB. Past it all are forgotten. */
const kMaxKnown = 512

/** The span that stands for the whole run: events about a run point to it. */
export function runSpanId(invocationId: string): string {
  let spanId = known.get(invocationId)
  if (spanId === undefined) {
    spanId = spanIdOf(invocationId, 'run')
    if (known.size >= kMaxKnown) known.clear()
    known.set(invocationId, spanId)
  }
  return spanId
}
