import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JournalEntry } from '../../../../src/lib/journal/entry.js'
import { ExportParser } from '../../../../src/lib/journal/export-parser.js'
import { binary, cursor, entry, text } from './export-text.js'

const fields = ['MESSAGE', 'PRIORITY', '_PID']
const kMaxValueBytes = 64

/** What a parser makes of chunks: entries as `{n, MESSAGE...}` and the reasons of what it refused, in order. */
function parse(chunks: readonly Buffer[]) {
  const entries: JournalEntry[] = []
  const rejected: string[] = []
  const parser = new ExportParser({
    fields,
    maxValueBytes: kMaxValueBytes,
    onEntry: (one) => void entries.push(one),
    onRejected: (reason) => void rejected.push(reason),
  })
  for (const chunk of chunks) parser.push(chunk)
  return { entries, rejected }
}

const messages = (bytes: Buffer): unknown[] => parse([bytes]).entries.map(({ values }) => values[0])

describe('entries', () => {
  test('hold the fields asked for, the cursor and the time; the others are passed over', () => {
    const { entries, rejected } = parse([
      entry(
        1,
        text('PRIORITY', '6'),
        text('__MONOTONIC_TIMESTAMP', '77'),
        text('_BOOT_ID', 'ff'),
        text('MESSAGE', 'hello'),
      ),
      entry(2, binary('SECRET', '\n\n__CURSOR=forged\n'), text('_PID', '12'), text('MESSAGE', 'a=b=c')),
    ])
    expect(rejected).toEqual([])
    expect(entries).toEqual([
      {
        cursor: cursor(1),
        realtimeUsec: 1_700_000_000_000_001,
        values: ['hello', '6', undefined],
        truncated: [],
        notText: [],
      },
      {
        cursor: cursor(2),
        realtimeUsec: 1_700_000_000_000_002,
        values: ['a=b=c', undefined, '12'],
        truncated: [],
        notText: [],
      },
    ])
  })

  const cases: (readonly [string, Buffer, unknown, Partial<JournalEntry>?])[] = [
    ['an empty text', text('MESSAGE', ''), ''],
    ['text beyond ASCII', text('MESSAGE', 'naïve ✓'), 'naïve ✓'],
    ['several lines', binary('MESSAGE', 'one\ntwo\n\nthree'), 'one\ntwo\n\nthree'],
    ['a binary value of no bytes', binary('MESSAGE', ''), ''],
    ['a NUL', binary('MESSAGE', 'a\0b'), 'a\0b'],
    ['the replacement character itself', text('MESSAGE', 'a\uFFFDb'), 'a\uFFFDb'],
    ['bytes that are no UTF-8', binary('MESSAGE', Buffer.from([0x41, 0xff, 0x42])), 'A\uFFFDB', { notText: [0] }],
    ['a field twice', Buffer.concat([text('MESSAGE', 'x'), text('MESSAGE', 'y')]), ['x', 'y']],
    ['text at the limit', text('MESSAGE', 'm'.repeat(64)), 'm'.repeat(64)],
    ['text over the limit', text('MESSAGE', 'm'.repeat(65)), 'm'.repeat(64), { truncated: [0] }],
    ['a cut within a character', text('MESSAGE', `${'m'.repeat(63)}✓`), 'm'.repeat(63), { truncated: [0] }],
    ['binary over the limit', binary('MESSAGE', `\n${'m'.repeat(9999)}`), `\n${'m'.repeat(63)}`, { truncated: [0] }],
  ]
  for (const [title, field, message, more = {}] of cases)
    test(title, () => {
      const bytes = Buffer.concat([entry(1, field, text('PRIORITY', '3')), entry(2)])
      const { entries, rejected } = parse([bytes])
      expect(rejected).toEqual([])
      expect(entries.map(({ values }) => values)).toEqual([
        [message, '3', undefined],
        [undefined, undefined, undefined],
      ])
      expect(entries[0]).toMatchObject({ truncated: [], notText: [], ...more })
    })

  test('keep the first sixteen values of a field that is repeated without end', () => {
    const many = Array.from({ length: 100 }, (_, i) => text('MESSAGE', String(i)))
    expect(messages(entry(1, ...many))).toEqual([Array.from({ length: 16 }, (_, i) => String(i))])
  })

  test('an entry that has not ended is not told', () => {
    expect(messages(entry(1, text('MESSAGE', 'x')).subarray(0, -1))).toEqual([])
  })
})

describe('what is wrong costs its own entry, is counted, and no other', () => {
  const good = entry(9, text('MESSAGE', 'good'))
  const bad: readonly (readonly [string, Buffer, readonly string[]])[] = [
    ['a line that begins with =', entry(1, Buffer.from('=x\n')), ['bad_field_name']],
    ['a lower-case name', entry(1, text('message', 'x')), ['bad_field_name']],
    ['a name of 65 characters', entry(1, text('M'.repeat(65), 'x')), ['bad_field_name']],
    ['a line without =, taken for a binary field', entry(1, Buffer.from('JUNK\nmore junk\n')), ['bad_length']],
    ['a length of 2^63', entry(1, binary('MESSAGE', 'x', 2n ** 63n)), ['bad_length']],
    ['a length that is too short', entry(1, binary('MESSAGE', 'abc', 1n)), ['unterminated_value']],
    [
      'no newline behind a binary value',
      entry(1, binary('MESSAGE', 'x').subarray(0, -1), Buffer.from('Y=1\n')),
      ['unterminated_value'],
    ],
    ['no cursor', Buffer.from('MESSAGE=x\n\n'), ['no_cursor']],
    ['a time that is no number', Buffer.from(`__CURSOR=s=1\n__REALTIME_TIMESTAMP=-5\n\n`), ['bad_timestamp']],
    ['a time beyond 2^53', Buffer.from(`__CURSOR=s=1\n__REALTIME_TIMESTAMP=9999999999999999\n\n`), ['bad_timestamp']],
    ['2049 fields', entry(1, ...Array.from({ length: 2047 }, (_, i) => text(`F${i}`, ''))), ['too_many_fields']],
    ['only an empty line', Buffer.from('\n'), ['no_cursor']],
  ]
  test.each(bad)('%s', (_, bytes, reasons) => {
    const { entries, rejected } = parse([Buffer.concat([good, bytes, good])])
    expect(rejected).toEqual(reasons)
    expect(entries.map(({ values }) => values[0])).toEqual(['good', 'good'])
  })

  test('an entry of more than 1 GiB, of which next to nothing is held', () => {
    const mebibyte = Buffer.alloc(1024 * 1024, 'x')
    const chunks = [entry(1).subarray(0, -1), Buffer.from('BIG='), ...Array.from({ length: 1025 }, () => mebibyte)]
    const { entries, rejected } = parse([...chunks, Buffer.from('\n\n'), good])
    expect(rejected).toEqual(['entry_too_large'])
    expect(entries.map(({ values }) => values[0])).toEqual(['good'])
  })
})

test('it does not matter where the bytes are cut', () => {
  const bytes = Buffer.concat([
    entry(1, text('MESSAGE', 'naïve ✓'), binary('OTHER', 'a\n\nb'), text('_PID', '7')),
    entry(2, text('bad', 'x')),
    entry(3, binary('MESSAGE', `\n${'✓'.repeat(40)}`), text('LONG', 'z'.repeat(200))),
    entry(4, text('MESSAGE', 'y'.repeat(200)), binary('_PID', Buffer.from([0xff, 0x0a]))),
    entry(5, binary('MESSAGE', 'x', 2n ** 40n)),
    entry(6, text('MESSAGE', 'end')),
  ])
  const whole = parse([bytes])
  expect(whole.entries.length).toBe(4)
  for (let at = 0; at <= bytes.length; at++) expect(parse([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
  expect(parse(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toEqual(whole)
})

test('whatever bytes come, good entries behind an empty line are found, and nothing is thrown', () => {
  const alphabet = fc.constantFrom(...Array.from('ABC_=\n\0z', (c) => c.charCodeAt(0)), 0xff, 0xe2)
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 300 }), fc.nat(300), (junk, cut) => {
      // A binary length in the junk may claim what follows it, up to 64 MiB: a name on a line of its own is left out.
      const bytes = Buffer.from(junk)
      if (/(^|\n)[A-Z_0-9]+(\n|$)/.test(bytes.toString('latin1'))) return
      const all = Buffer.concat([bytes, Buffer.from('\n\n'), entry(1, text('MESSAGE', 'found'))])
      const { entries } = parse([all.subarray(0, cut), all.subarray(cut)])
      expect(entries.at(-1)?.values[0]).toBe('found')
    }),
    { seed: 4711 },
  )
})

describe('whatever a program puts into its own entry, nothing in there is taken for another entry', () => {
  const forged = `\n\n${entry(7, text('MESSAGE', 'forged'), text('_PID', '1')).toString('latin1')}`
  const good = entry(9, text('MESSAGE', 'good'))

  test('in a field of more than 64 MiB, as journald takes them', () => {
    const mebibyte = Buffer.alloc(1024 * 1024, forged)
    const chunks = Array.from({ length: 65 }, () => mebibyte)
    const head = Buffer.from(binary('CORE', '', BigInt(65 * mebibyte.length)).subarray(0, -1))
    const { entries, rejected } = parse([entry(1, head).subarray(0, -1), ...chunks, Buffer.from('\n\n'), good])
    expect(rejected).toEqual([])
    expect(entries.map(({ values }) => values[0])).toEqual([undefined, 'good'])
  })

  test("behind the 1024 fields of its own that journald takes, to which it adds some dozens of journald's", () => {
    const many = Array.from({ length: 1060 }, (_, i) => text(`F${i}`, ''))
    const { entries, rejected } = parse([entry(1, ...many, binary('LAST', forged)), good])
    expect(rejected).toEqual([])
    expect(entries.map(({ values }) => values[0])).toEqual([undefined, 'good'])
  })
})
