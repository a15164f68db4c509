import { describe, expect, test } from 'vitest'
import { Severity } from '../../../../src/data/event.js'
import type { JournalEntry } from '../../../../src/lib/journal/entry.js'
import { runSpanId } from '../../../../src/lib/systemd/ids.js'
import { attr } from '../../../../src/lib/systemd/names.js'
import { lineEvent } from '../../../../src/receivers/journald/line-event.js'
import { lineFields, subjectOf } from '../../../../src/receivers/journald/line-fields.js'

const run = 'ab'.repeat(16)
const other = 'cd'.repeat(16)
const resource = { key: 'unit', attributes: {} }
const fields = ['CODE_FILE', '_EXE']

function entry(
  values: Readonly<Record<string, string | readonly string[]>>,
  part: Partial<JournalEntry> = {},
): JournalEntry {
  const slots = [...lineFields, ...fields].map((name) => values[name])
  return { cursor: 's=1', realtimeUsec: 1_700_000_000_123_456, values: slots, truncated: [], notText: [], ...part }
}

const line = (one: JournalEntry) => lineEvent(one, subjectOf(one), resource, fields, 5n)

describe('whose line it is', () => {
  const own = { _SYSTEMD_UNIT: 'a.service', _SYSTEMD_INVOCATION_ID: run, _PID: '7', _UID: '33' }
  const cases: readonly (readonly [string, Record<string, string>, unknown])[] = [
    ['the unit of the process', own, { unit: 'a.service', invocation: run }],
    [
      'PID 1 speaks of a unit',
      { ...own, _PID: '1', _UID: '0', UNIT: 'b.service', INVOCATION_ID: other },
      { unit: 'b.service', invocation: other },
    ],
    ['PID 1 speaks of itself', { ...own, _PID: '1' }, { unit: 'a.service', invocation: run }],
    [
      'a program claims to speak of a unit',
      { ...own, UNIT: 'b.service', INVOCATION_ID: other },
      { unit: 'a.service', invocation: run },
    ],
    [
      'a core was dumped',
      { ...own, _UID: '0', COREDUMP_UNIT: 'b.service' },
      { unit: 'b.service', invocation: undefined },
    ],
    [
      'a user claims that a core was dumped',
      { ...own, COREDUMP_UNIT: 'b.service' },
      { unit: 'a.service', invocation: run },
    ],
    [
      'root speaks about a unit',
      { ...own, _UID: '0', OBJECT_SYSTEMD_UNIT: 'b.service' },
      { unit: 'b.service', invocation: undefined },
    ],
    ['a process of no unit', { _PID: '7' }, undefined],
  ]
  test.each(cases)('%s', (_, values, expected) => {
    expect(subjectOf(entry(values))).toEqual(expected)
  })
})

test('a line carries time, run, process and the fields that were asked for', () => {
  const one = entry({
    MESSAGE: 'hello',
    PRIORITY: '4',
    _SYSTEMD_UNIT: 'a.service',
    _SYSTEMD_INVOCATION_ID: run,
    _PID: '77',
    _COMM: 'nginx',
    _TRANSPORT: 'stdout',
    SYSLOG_IDENTIFIER: 'web',
    MESSAGE_ID: 'ff',
    CODE_FILE: ['a.c', 'b.c'],
  })
  expect(line(one)).toEqual({
    timeUnixNano: 1_700_000_000_123_456_000n,
    observedTimeUnixNano: 5n,
    name: '',
    severity: Severity.warn,
    body: 'hello',
    resource,
    traceId: run,
    spanId: runSpanId(run),
    attributes: {
      [attr.unit]: 'a.service',
      [attr.journalIdentifier]: 'web',
      [attr.journalTransport]: 'stdout',
      [attr.processName]: 'nginx',
      [attr.journalMessageId]: 'ff',
      [attr.mainPid]: 77,
      'systemd.journal.field.code_file': ['a.c', 'b.c'],
    },
  })
})

test.each([
  ['0', Severity.fatal],
  ['1', Severity.alert],
  ['2', Severity.critical],
  ['3', Severity.error],
  ['4', Severity.warn],
  ['5', Severity.notice],
  ['6', Severity.info],
  ['7', Severity.debug],
  ['8', Severity.info],
  ['high', Severity.info],
  ['', Severity.info],
  ['06', Severity.info],
])('priority %j is severity %i', (priority, severity) => {
  expect(line(entry({ PRIORITY: priority })).severity).toBe(severity)
})

test('a line without a message, a priority or a run is a line all the same', () => {
  expect(line(entry({}))).toEqual({
    timeUnixNano: 1_700_000_000_123_456_000n,
    observedTimeUnixNano: 5n,
    name: '',
    severity: Severity.info,
    body: '',
    attributes: {},
    resource,
  })
})

test.each(['0'.repeat(32), 'AB'.repeat(16), 'ab', `${run}00`, '\n'])('%j is no trace ID', (id) => {
  const { traceId, spanId } = line(entry({ _SYSTEMD_UNIT: 'a.service', _SYSTEMD_INVOCATION_ID: id }))
  expect([traceId, spanId]).toEqual([undefined, undefined])
})

test('what was cut or is no text is named', () => {
  const slot = lineFields.indexOf('MESSAGE')
  const { attributes } = line(entry({ MESSAGE: 'x' }, { truncated: [slot, lineFields.length], notText: [slot] }))
  expect(attributes).toMatchObject({
    [attr.journalTruncated]: ['MESSAGE', 'CODE_FILE'],
    [attr.journalNotText]: ['MESSAGE'],
  })
})
