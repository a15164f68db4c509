import { firstOf, type JournalEntry } from '../../lib/journal/entry.js'

/** Fields of each line, whatever is configured; the configured ones follow (systemd.journal-fields(7)). */
export const lineFields = [
  'MESSAGE',
  'PRIORITY',
  '_SYSTEMD_UNIT',
  '_SYSTEMD_INVOCATION_ID',
  '_PID',
  '_UID',
  '_COMM',
  '_TRANSPORT',
  'SYSLOG_IDENTIFIER',
  'MESSAGE_ID',
  'UNIT',
  'INVOCATION_ID',
  'OBJECT_SYSTEMD_UNIT',
  'COREDUMP_UNIT',
] as const

type LineField = (typeof lineFields)[number]

const slots = Object.fromEntries(lineFields.map((name, slot) => [name, slot])) as Readonly<Record<LineField, number>>

export function fieldOf(entry: JournalEntry, name: LineField): string | undefined {
  return firstOf(entry.values[slots[name]])
}

/** Which unit a line is about, and which run of it where that is known. */
export interface Subject {
  readonly unit: string
  readonly invocation: string | undefined
}

/**
 * The unit a line belongs to, as `journalctl --unit` sees it: of which PID 1 speaks, about which root speaks (OBJECT_*), whose
 * core was dumped, else that of the process that wrote it. Fields without `_` are the writer's own words: those that name
 * another unit are believed of PID 1 and root alone.
 */
export function subjectOf(entry: JournalEntry): Subject | undefined {
  if (fieldOf(entry, '_PID') === '1') {
    const unit = fieldOf(entry, 'UNIT')
    if (unit !== undefined) return { unit, invocation: fieldOf(entry, 'INVOCATION_ID') }
  }
  if (fieldOf(entry, '_UID') === '0') {
    const unit = fieldOf(entry, 'COREDUMP_UNIT') ?? fieldOf(entry, 'OBJECT_SYSTEMD_UNIT')
    if (unit !== undefined) return { unit, invocation: undefined }
  }
  const unit = fieldOf(entry, '_SYSTEMD_UNIT')
  return unit === undefined ? undefined : { unit, invocation: fieldOf(entry, '_SYSTEMD_INVOCATION_ID') }
}
