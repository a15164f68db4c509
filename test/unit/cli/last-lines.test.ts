import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { lastLines } from '../../../src/cli/last-lines.js'
import type { ConcernReport } from '../../../src/service/concern-report.js'
import { FakeClock } from '../../../src/testkit/fake-clock.js'

/** Nobody is late by it. */
const clock = new FakeClock()
const folder = mkdtempSync(join(tmpdir(), 'unitscope-lines-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Stands where journalctl does, and writes its export format. */
function journalctl(name: string, script: string): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

const run = (digit: string): string => digit.repeat(32)
const concern = (unit: string, invocation: string, host = 'here'): ConcernReport => ({
  kind: 'failed_unit',
  component: 'systemd',
  severity: 'error',
  unit,
  host,
  text: '',
  attributes: { 'systemd.unit.invocation_id': invocation },
})
const entry = (message: string) => `printf '__CURSOR=c\\n__REALTIME_TIMESTAMP=1\\nMESSAGE=%s\\n\\n' "${message}"`

test('the lines of the run that failed, asked for by its invocation ID', async () => {
  const program = journalctl('one', `${entry('cannot open /var/lib/db')}\n${entry('${*##* --}')}`)
  const lines = await lastLines([concern('db.service', run('a'))], program, clock)
  const [first, asked] = lines.get(run('a'))!
  expect(first).toBe('cannot open /var/lib/db')
  expect(asked).toContain(`_SYSTEMD_INVOCATION_ID=${run('a')}`)
})

test('of no run, and of what is no ID, nothing is asked', async () => {
  const program = journalctl('none', entry('x'))
  const others = [concern('b.service', ''), concern('c.service', '--help')]
  expect([...(await lastLines(others, program, clock))]).toEqual([])
})

test('each run is asked about once, and eight at most', async () => {
  const program = journalctl('many', entry('x'))
  const digits = [...'0123456789ab', 'a']
  const lines = await lastLines(
    digits.map((digit) => concern('a.service', run(digit))),
    program,
    clock,
  )
  expect([...lines.keys()]).toEqual([...'01234567'].map(run))
})

test.each([
  ['system', '_SYSTEMD_UNIT=a.service'],
  ['user', '_SYSTEMD_USER_UNIT=a.service'],
])(
  'a line whose run journald was too late to see is found by its unit, of a %s manager, unless it is of another run',
  async (scope, match) => {
    const other = entry('of another run').replace('\\n\\n', `\\n_SYSTEMD_INVOCATION_ID=${run('b')}\\n\\n`)
    const program = journalctl(
      'late',
      `case "$*" in *INVOCATION_ID=*) exit 0 ;; *"-- ${match}") ${other}; ${entry('of nobody knows which')} ;; esac`,
    )
    const lines = await lastLines([{ ...concern('a.service', run('a')), scope }], program, clock)
    expect(lines.get(run('a'))).toEqual(['of nobody knows which'])
  },
)

test('those of this machine come before those of other hosts', async () => {
  const program = journalctl('hosts', entry('x'))
  const there = [...'01234567'].map((digit) => concern('a.service', run(digit), 'there'))
  const lines = await lastLines([...there, concern('b.service', run('b'), hostname())], program, clock)
  expect([...lines.keys()].slice(0, 2)).toEqual([run('b'), run('0')])
  expect(lines.has(run('7'))).toBe(false)
})

test('of messages with many lines the last ones', async () => {
  const program = journalctl(
    'long',
    `printf '__CURSOR=c\\n__REALTIME_TIMESTAMP=1\\nMESSAGE\\n\\013\\0\\0\\0\\0\\0\\0\\0one\\n2\\r\\n3\\n45\\n\\n'; ${entry('6')}`,
  )
  expect((await lastLines([concern('a.service', run('a'))], program, clock)).get(run('a'))).toEqual([
    'one',
    '2',
    '3',
    '45',
    '6',
  ])
})

test.each([
  ['journalctl that fails', 'echo "No journal files were opened due to insufficient permissions." >&2; exit 1'],
  ['a journal that has nothing of it', ''],
])('%s: no lines', async (_, script) => {
  const program = journalctl('poor', script)
  expect([...(await lastLines([concern('a.service', run('a'))], program, clock))]).toEqual([])
})

test('no journalctl: no lines', async () => {
  expect([...(await lastLines([concern('a.service', run('a'))], undefined, clock))]).toEqual([])
  expect([...(await lastLines([concern('a.service', run('a'))], join(folder, 'absent'), clock))]).toEqual([])
})
