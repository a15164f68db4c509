import type { RawEvent } from './event.js'
import { Severity } from './event.js'
import type { Span } from './span.js'

/**
 * How much is lost with a record, the most first; the one list that everything that gives up records goes by. A failure
 * happens once and nobody can tell of it again; a sample comes again with the next interval.
 */
export const priorities = ['failure', 'pattern', 'state', 'log_line', 'sample'] as const
export type Priority = (typeof priorities)[number]

/**
 * Class of an event, from the record alone.
 *
 * Findings go by their names, since the end of an incident is as severe as `info`. Of the rest a warning is a failure too: units that
 * were taken down, jobs that failed, times in which nobody watched, events that were summed up. A line of a log is a line whatever its writer thinks of it.
 */
export function priorityOfEvent({ name, severity }: RawEvent): Priority {
  if (name === '') return 'log_line'
  if (name.startsWith('pattern.') || name.startsWith('incident.') || name.startsWith('unitscope.component.'))
    return 'pattern'
  return severity >= Severity.warn ? 'failure' : 'state'
}

/** Class of a span; metric points are all `sample`. */
export function priorityOfSpan({ status }: Span): Priority {
  return status.code === 'error' ? 'failure' : 'state'
}
