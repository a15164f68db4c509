/** One entry of the journal, reduced to the fields that were asked for. */
export interface JournalEntry {
  /** Names this entry for good, in any copy of the journal. */
  readonly cursor: string
  /** When journald received it, microseconds since 1970 by the clock of that moment. */
  readonly realtimeUsec: number
  /** One slot per field asked for, in that order; a field that occurs several times is an array of its values. */
  readonly values: readonly (string | readonly string[] | undefined)[]
  /** Slots whose value was longer than the limit: the head of it is there. */
  readonly truncated: readonly number[]
  /** Slots whose bytes are not UTF-8: each that does not fit is U+FFFD. */
  readonly notText: readonly number[]
}

/** The first value of a slot. */
export function firstOf(value: JournalEntry['values'][number]): string | undefined {
  return typeof value === 'object' ? value[0] : value
}
