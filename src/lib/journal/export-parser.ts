import { isUtf8 } from 'node:buffer'
import type { JournalEntry } from './entry.js'
import { FieldTable } from './field-table.js'

// What journald takes from any program must be within these limits: after a mistake the next entry is searched for in the
// bytes that follow, and if those were a program's own, it could write entries in the name of others.

/** journal-file.c, journal_field_valid: longer names never come from a journal. */
const kMaxNameBytes = 64
/** A program's own are 1024 at most (journal-importer.h, ENTRY_FIELD_COUNT_MAX), to which journald and journalctl add some 50. */
const kMaxFields = 2048
/**
 * Of one field: DATA_SIZE_MAX of journal-importer.h (core dumps, sent natively). They are passed over, not held. A length that
 * says more is wrong, and believing it would swallow the entries that follow.
 */
const kMaxFieldBytes = 768 * 1024 * 1024
/** Of one entry as written: 770 MiB at most are the program's own (ENTRY_SIZE_MAX). */
const kMaxEntryBytes = 1024 * 1024 * 1024
/** Values of one field: a repeated one is rare (several OBJECT_*, several SYSLOG_RAW), a thousand is an attack. */
const kMaxRepeats = 16

/** Why bytes were no entry. */
export type Rejection =
  | 'bad_field_name'
  | 'bad_length'
  | 'unterminated_value'
  | 'too_many_fields'
  | 'entry_too_large'
  | 'no_cursor'
  | 'bad_timestamp'

export interface ExportParserOptions {
  /** Names of the fields to keep; all others are passed over. */
  readonly fields: readonly string[]
  /** Longer values keep their first bytes, cut between characters. */
  readonly maxValueBytes: number
  readonly onEntry: (entry: JournalEntry) => void
  /** An entry was given up; the parser goes on after the next empty line. */
  readonly onRejected: (reason: Rejection) => void
}

const kNewline = 0x0a
const kEquals = 0x3d
const kUnderscore = 0x5f
const kEntryEnd = '\n\n'
/** The rest of the value lies in bytes that have not come. */
const kMore = -1

/** Slots of fields that every entry has, behind those asked for. */
const kNone = -1

/**
 * Reads the journal export format (systemd.io/JOURNAL_EXPORT_FORMATS) from chunks cut anywhere.
 *
 * A field is `NAME=text\n`, or, for a value with a newline or of other bytes than text, `NAME\n`, its length as 64 bits
 * little endian, the value, `\n`. An empty line ends the entry. Memory is bounded by `maxValueBytes` per field asked for,
 * whatever comes.
 */
export class ExportParser {
  readonly #options: ExportParserOptions
  readonly #table: FieldTable
  readonly #cursorSlot: number
  readonly #realtimeSlot: number
  #carry: Buffer = Buffer.alloc(0)
  /** What the bytes to come are: fields, the rest of a value that is passed over, or what follows a mistake. */
  #mode: 'fields' | 'line' | 'bytes' | 'lost' = 'fields'
  #toSkip = 0
  #entryBytes = 0
  #fields = 0
  #cursor = ''
  #realtimeUsec = Number.NaN
  #values: (string | string[] | undefined)[]
  #truncated: number[] = kNoSlots
  #notText: number[] = kNoSlots

  constructor(options: ExportParserOptions) {
    this.#options = options
    this.#cursorSlot = options.fields.length
    this.#realtimeSlot = options.fields.length + 1
    this.#table = new FieldTable([...options.fields, '__CURSOR', '__REALTIME_TIMESTAMP'])
    this.#values = this.#emptyValues()
  }

  /** Takes the next bytes; calls back for each entry that they complete, in order. */
  push(chunk: Buffer): void {
    const bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk])
    let at = 0
    for (let next = 0; next !== kMore && at < bytes.length; ) {
      if (this.#mode === 'fields') next = this.#field(bytes, at)
      else if (this.#mode === 'line') next = this.#skipLine(bytes, at)
      else if (this.#mode === 'bytes') next = this.#skipBytes(bytes, at)
      else next = this.#findEntry(bytes, at)
      if (next !== kMore) {
        this.#entryBytes += next - at
        at = next
      }
    }
    this.#carry = bytes.subarray(at)
  }

  #field(bytes: Buffer, at: number): number {
    if (bytes[at] === kNewline) {
      this.#endEntry()
      return at + 1
    }
    let end = at
    const limit = Math.min(bytes.length, at + kMaxNameBytes + 1)
    while (end < limit && isNameByte(bytes[end]!)) end++
    if (end === bytes.length && end - at <= kMaxNameBytes) return kMore
    const after = bytes[end]
    const named = end > at && end - at <= kMaxNameBytes
    if (!named || (after !== kEquals && after !== kNewline)) return this.#reject('bad_field_name', at)
    if (++this.#fields > kMaxFields) return this.#reject('too_many_fields', at)
    const slot = this.#table.find(bytes, at, end)
    return after === kEquals ? this.#text(bytes, end + 1, slot) : this.#binary(bytes, end + 1, slot)
  }

  #text(bytes: Buffer, start: number, slot: number): number {
    const { maxValueBytes } = this.#options
    const end = bytes.indexOf(kNewline, start)
    if (end >= 0) {
      if (slot !== kNone) this.#keep(bytes, start, end, slot)
      return end + 1
    }
    if (slot !== kNone) {
      // One byte more than is kept: only then it is known to be too long.
      if (bytes.length - start <= maxValueBytes) return kMore
      this.#keep(bytes, start, bytes.length, slot)
    }
    this.#mode = 'line'
    return bytes.length
  }

  #binary(bytes: Buffer, start: number, slot: number): number {
    const { maxValueBytes } = this.#options
    const value = start + 8
    if (bytes.length < value) return kMore
    const size = bytes.readUInt32LE(start) + bytes.readUInt32LE(start + 4) * 2 ** 32
    if (size > kMaxFieldBytes) return this.#reject('bad_length', value)
    if (slot !== kNone) {
      if (bytes.length < value + Math.min(size, maxValueBytes + 1)) return kMore
      this.#keep(bytes, value, value + Math.min(size, maxValueBytes + 1), slot)
    }
    this.#mode = 'bytes'
    this.#toSkip = size
    return value
  }

  #skipLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(kNewline, at)
    const past = end < 0 ? bytes.length : end + 1
    if (this.#entryBytes + past - at > kMaxEntryBytes) return this.#reject('entry_too_large', at)
    if (end >= 0) this.#mode = 'fields'
    return past
  }

  /** To the end of a binary value, and the newline behind it. */
  #skipBytes(bytes: Buffer, at: number): number {
    const step = Math.min(this.#toSkip, bytes.length - at)
    this.#toSkip -= step
    if (this.#entryBytes + step > kMaxEntryBytes) return this.#reject('entry_too_large', at)
    const end = at + step
    if (this.#toSkip > 0 || end === bytes.length) return end
    if (bytes[end] !== kNewline) return this.#reject('unterminated_value', end)
    this.#mode = 'fields'
    return end + 1
  }

  /** After a mistake: behind the next empty line. */
  #findEntry(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(kEntryEnd, at, 'latin1')
    if (end >= 0) {
      this.#beginEntry()
      return end + kEntryEnd.length
    }
    const last = bytes.length - 1
    if (bytes[last] !== kNewline) return bytes.length
    return last > at ? last : kMore
  }

  #keep(bytes: Buffer, start: number, end: number, slot: number): void {
    if (slot === this.#cursorSlot) {
      this.#cursor = bytes.toString('latin1', start, Math.min(end, start + this.#options.maxValueBytes))
      return
    }
    if (slot === this.#realtimeSlot) {
      this.#realtimeUsec = digits(bytes, start, end)
      return
    }
    const { maxValueBytes } = this.#options
    let stop = end
    if (end - start > maxValueBytes) {
      stop = characterStart(bytes, start, start + maxValueBytes)
      this.#truncated = [...this.#truncated, slot]
    }
    const text = bytes.toString('utf8', start, stop)
    if (text.includes('\uFFFD') && !isUtf8(bytes.subarray(start, stop))) this.#notText = [...this.#notText, slot]
    const before = this.#values[slot]
    if (before === undefined) this.#values[slot] = text
    else if (typeof before === 'string') this.#values[slot] = [before, text]
    else if (before.length < kMaxRepeats) before.push(text)
  }

  #endEntry(): void {
    if (this.#cursor === '') this.#options.onRejected('no_cursor')
    else if (!(this.#realtimeUsec >= 0)) this.#options.onRejected('bad_timestamp')
    else {
      this.#options.onEntry({
        cursor: this.#cursor,
        realtimeUsec: this.#realtimeUsec,
        values: this.#values,
        truncated: this.#truncated,
        notText: this.#notText,
      })
    }
    this.#beginEntry()
  }

  #beginEntry(): void {
    this.#mode = 'fields'
    this.#toSkip = 0
    this.#entryBytes = 0
    this.#fields = 0
    this.#cursor = ''
    this.#realtimeUsec = Number.NaN
    this.#values = this.#emptyValues()
    this.#truncated = kNoSlots
    this.#notText = kNoSlots
  }

  /** @returns where to look for the next entry */
  #reject(reason: Rejection, at: number): number {
    this.#options.onRejected(reason)
    this.#mode = 'lost'
    return at
  }

  #emptyValues(): (string | string[] | undefined)[] {
    return new Array<undefined>(this.#options.fields.length).fill(undefined)
  }
}

const kNoSlots: number[] = []

/** Upper-case letters, digits and `_`. A digit in front is none of ours, and harmless. */
function isNameByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === kUnderscore || (byte >= 0x30 && byte <= 0x39)
}

/** A decimal number below 2^53; NaN for anything else. */
function digits(bytes: Buffer, start: number, end: number): number {
  if (end === start || end - start > 16) return Number.NaN
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return Number.isSafeInteger(value) ? value : Number.NaN
}

/** The last place at or before `at` that is not within a character of UTF-8. */
function characterStart(bytes: Buffer, start: number, at: number): number {
  for (let back = at; back > start && back > at - 4; back--) if ((bytes[back]! & 0xc0) !== 0x80) return back
  return at
}
