import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { findingsOf } from '../../../src/cli/findings.js'
import { incidentsText } from '../../../src/cli/incidents-text.js'
import { jsonText } from '../../../src/cli/json-text.js'
import type { ConcernReport } from '../../../src/service/concern-report.js'
import type { StatusReport } from '../../../src/service/status-report.js'
import { openStatusSocket } from '../../../src/service/status-socket.js'
import { runCli } from './support.js'

const kNowMs = Date.parse('2026-11-30T03:00:05Z')

const incident: ConcernReport = {
  kind: 'incident',
  component: 'incident',
  pipeline: 'units',
  severity: 'error',
  unit: 'db.service',
  text: 'db.service failed (exit-code 3); then failed migrate.service; took down api.service',
  since: '2026-11-30T02:14:31.250Z',
  attributes: {
    'incident.id': 'ab'.repeat(16),
    'incident.state': 'gave_up',
    'incident.units.failed': ['db.service', 'migrate.service'],
    'incident.units.taken_down': ['api.service'],
    'incident.units.count': 3,
    'incident.failures': 12,
    'incident.units.down': ['db.service', 'api.service'],
    'systemd.unit.impact.will_stop': ['api.service'],
    'systemd.unit.impact.may_degrade': ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `${name}.service`),
  },
}
const pattern: ConcernReport = {
  kind: 'pattern',
  component: 'crash_loop',
  severity: 'warn',
  unit: 'db.service',
  text: 'db.service crashed 5 times within 4s',
  since: '2026-11-30T02:59:00.000Z',
  said: '2026-11-30T02:59:31.000Z',
  attributes: { 'pattern.name': 'crash_loop', 'pattern.kind': 'rapid' },
}
const failed = (unit: string, more: Partial<ConcernReport> = {}): ConcernReport => ({
  kind: 'failed_unit',
  component: 'systemd',
  severity: 'error',
  unit,
  text: `${unit} has failed (exit-code 1)`,
  attributes: { 'systemd.unit.name': unit },
  ...more,
})

const component = (kind: 'receiver' | 'processor', id: string, state = 'ok', reason?: string) => ({
  kind,
  id,
  state,
  ...(reason === undefined ? {} : { reason }),
  gauges: {},
  errors: {},
})
const wellConfigured = [component('receiver', 'systemd'), component('processor', 'incident')]

function report(concerns: readonly ConcernReport[] | undefined, components = wellConfigured, omitted = 0) {
  const ledger = { rows: [], unrouted: {}, used: {}, signals: {}, unaccounted: {} }
  const told = concerns === undefined ? {} : { concerns, concerns_omitted: omitted }
  return {
    version: '1.2.3',
    pid: 1,
    uptime_s: 1,
    healthy: true,
    components,
    ledger,
    ...told,
  } as unknown as StatusReport
}

const present = { nowMs: kNowMs, timeZone: 'UTC' }
const text = (of: StatusReport, output = {}): string =>
  incidentsText(findingsOf(of)!, { color: false, isTty: false, columns: 80, ...output } as never, present)

test('for a person: what failed, how it stands, since when, what it takes along, and the trace to look at', () => {
  expect(text(report([failed('backup.service', { since: '2026-11-28T00:00:00.000Z' }), pattern, incident]))).toBe(
    `1 incident, 1 pattern, 1 failed unit

incident  db.service failed (exit-code 3); then failed migrate.service; took down api.service
          gave up: systemd restarts it no more, so it stays down until somebody, or its timer, starts it
          since 2026-11-30 02:14:31 UTC, for 45m33s; 12 failures, 3 units
          still down: db.service, api.service
          may work less well: a.service, b.service, c.service, d.service, e.service, f.service and 1 more
          trace abababababababababababababababab

pattern   db.service crashed 5 times within 4s
          since 2026-11-30 02:59:00 UTC, for 1m5s; as of 2026-11-30 02:59:31 UTC

failed    backup.service has failed (exit-code 1)
          since 2026-11-28 00:00:00 UTC, for 2d3h
`,
  )
})

test('the worst stands first, whoever tells of it', () => {
  const other = { ...incident, unit: 'b.service', severity: 'warn', since: '2026-11-30T03:00:00.000Z' } as const
  const newer = { ...incident, unit: 'c.service', since: '2026-11-30T02:20:00.000Z' }
  const { concerns } = findingsOf(report([failed('f.service'), pattern, other, incident, newer]))!
  expect(concerns.map(({ unit }) => unit)).toEqual(['c.service', 'db.service', 'b.service', 'db.service', 'f.service'])
})

test('what reads alike is told apart', () => {
  const [here, there] = ['here', 'there'].map((host) => failed('a.service', { host }))
  expect(text(report([here!, there!]))).toContain('failed    a.service has failed (exit-code 1) (on there)\n')
  expect(text(report([failed('a.service', { scope: 'user' })]))).toContain('(exit-code 1) (of a user manager)\n')
  const [one, two] = ['one', 'two'].map((pipeline) => ({ ...pattern, pipeline }))
  expect(text(report([one!, two!]))).toContain('within 4s (in pipeline two)\n')
})

test('a narrow terminal breaks lines between words, and keeps the labels in sight', () => {
  const lines = text(report([incident]), { isTty: true, columns: 50 }).split('\n')
  expect(lines.slice(2, 5)).toEqual([
    'incident  db.service failed (exit-code 3); then',
    '          failed migrate.service; took down',
    '          api.service',
  ])
  expect(lines.filter((line) => line.length > 50)).toEqual([])
})

test('a newer agent may tell of what this version does not know', () => {
  const unknown = { ...pattern, kind: 'capacity', text: 'the disk is full' } as unknown as ConcernReport
  expect(text(report([unknown, incident]))).toMatch(/^1 incident, 1 capacity\n[\s\S]*\ncapacity {2}the disk is full\n/)
})

describe('what may be missing is said', () => {
  test.each([
    [
      'systemd is not followed',
      report([], [component('receiver', 'systemd/user', 'degraded', 'no bus'), component('processor', 'incident')]),
      'warning: receiver systemd/user is degraded, so this may be old: no bus\nnothing is known to be broken\n',
    ],
    [
      'nobody follows systemd',
      report([], [component('receiver', 'otlp'), component('processor', 'incident')]),
      'warning: this agent has no receiver `systemd`: it watches no units of its own\nnothing is known to be broken\n',
    ],
    [
      'nobody looks for causes',
      report([], [component('receiver', 'systemd')]),
      'warning: no pipeline of this agent has the processor `incident`: causes are not known\nnothing is broken',
    ],
    ['more than is told', report([pattern], wellConfigured, 1234), ' UTC\n\nand 1,234 more\n'],
  ])('%s', (_, of, expected) => expect(text(of)).toContain(expected))
})

test('what the run that failed wrote last stands below it, each line as a quotation', () => {
  const run = 'c'.repeat(32)
  const told = failed('web.service', { attributes: { 'systemd.unit.invocation_id': run } })
  const lines = new Map([[run, ['unknown directive "fooo"', 'a\u001b[2Jb']]])
  const output = { color: false, isTty: false, columns: 80 } as never
  expect(incidentsText(findingsOf(report([told]))!, output, { ...present, lines })).toBe(`1 failed unit

failed    web.service has failed (exit-code 1)
          > unknown directive "fooo"
          > a\\x1b[2Jb
`)
})

test('what of a line of the log does not fit is quoted, too: none reads as one of ours', () => {
  const run = 'c'.repeat(32)
  const told = failed('web.service', { attributes: { 'systemd.unit.invocation_id': run } })
  const lines = new Map([[run, [`a${'x'.repeat(40)} trace 0e3b incident  sshd.service failed`]]])
  const output = { color: false, isTty: true, columns: 50 } as never
  const shown = incidentsText(findingsOf(report([told]))!, output, { ...present, lines })
    .split('\n')
    .slice(3, -1)
  expect(shown.length).toBeGreaterThan(1)
  expect(shown.filter((line) => !line.startsWith('          > '))).toEqual([])
})

test('JSON on a terminal moves no cursor', () => {
  const text = jsonText({ log: ['\u009b2J\u202e'] })
  expect(text).toContain('\\u009b2J\\u202e')
  expect(JSON.parse(text)).toEqual({ log: ['\u009b2J\u202e'] })
})

test('what other hosts sent moves no cursor', () => {
  expect(text(report([{ ...pattern, text: 'a\u001b[2Jb' }]))).toContain('pattern   a\\x1b[2Jb\n')
})

describe('asked over the socket', () => {
  const cleanups: (() => unknown)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  /** What the command says of an agent that answers this. */
  async function asked(answer: StatusReport, ...options: string[]) {
    const folder = mkdtempSync(join(tmpdir(), 'unitscope-incidents-'))
    cleanups.push(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'status.sock')
    const socket = await openStatusSocket(path, () => answer)
    cleanups.push(() => socket.close())
    return runCli([...options, '--socket', path])
  }

  test('nothing is open: 0', async () => {
    const { exit, stdout, stderr } = await asked(report([]), 'incidents')
    const nothing = 'nothing is broken: no incident, no pattern, no failed unit of those that are watched\n'
    expect([exit, stdout, stderr]).toEqual([0, nothing, ''])
  })

  test('an agent that does not see its units: 1, for scripts with the reason', async () => {
    const blind = report([], [component('receiver', 'systemd', 'starting'), component('processor', 'incident')])
    const { exit, stdout } = await asked(blind, 'incidents', '--json')
    const doubts = ['receiver systemd is starting, so this may be old']
    expect([exit, JSON.parse(stdout)]).toEqual([1, { concerns: [], omitted: 0, doubts, notes: [] }])
  })

  test('for scripts, without the failed units that are part of an incident: 1', async () => {
    const all = [
      incident,
      failed('migrate.service'),
      failed('db.service', { scope: 'user' }),
      failed('db.service'),
      failed('old.service'),
    ]
    const { exit, stdout } = await asked(report(all), 'incidents', '--json')
    expect(exit).toBe(1)
    expect(JSON.parse(stdout)).toEqual({
      concerns: [incident, failed('db.service', { scope: 'user' }), failed('old.service')],
      omitted: 0,
      doubts: [],
      notes: [],
    })
  })

  test('an agent of a version that cannot say it: 69, and what to do', async () => {
    const { exit, stdout, stderr } = await asked(report(undefined), 'incidents', '--json')
    expect([exit, JSON.parse(stdout).error]).toEqual([69, expect.stringContaining('the agent is version 1.2.3')])
    expect(stderr).toContain('restart it')
  })

  test('`status` says that there is something, and is well all the same', async () => {
    const { exit, stdout } = await asked(report([incident, failed('migrate.service'), pattern]), 'status')
    expect([exit, stdout.split('\n').at(-2)]).toEqual([
      0,
      expect.stringMatching(/^1 incident, 1 pattern: unitscope incidents --socket \/.+\/status\.sock$/),
    ])
  })

  test('nobody answers: 69', async () => {
    const { exit, stderr } = await runCli(['incidents', '--socket', '/nonexistent/status.sock'])
    expect([exit, stderr]).toEqual([69, expect.stringContaining('no agent runs here')])
  })
})
