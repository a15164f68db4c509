import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { lastLines } from '../../../src/cli/last-lines.js'
import type { ConcernReport } from '../../../src/service/concern-report.js'

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
  const lines = await lastLines([concern('db.service', run('a'))], program, 'here')
  const [first, asked] = lines.get(run('a'))!
  expect(first).toBe('cannot open /var/lib/db')
  expect(asked).toContain(`_SYSTEMD_INVOCATION_ID=${run('a')}`)
})

test('of another host, of no run, and of what is no ID, nothing is asked', async () => {
  const program = journalctl('none', entry('x'))
  const others = [concern('a.service', run('a'), 'there'), concern('b.service', ''), concern('c.service', '--help')]
  expect([...(await lastLines(others, program, 'here'))]).toEqual([])
})

test('each run is asked about once, and eight at most', async () => {
  const program = journalctl('many', entry('x'))
  const digits = [...'0123456789ab', 'a']
  const lines = await lastLines(
    digits.map((digit) => concern('a.service', run(digit))),
    program,
    'here',
  )
  expect([...lines.keys()]).toEqual([...'01234567'].map(run))
})

test.each([
  ['journalctl that fails', 'echo "No journal files were opened due to insufficient permissions." >&2; exit 1'],
  ['a journal that has nothing of it', ''],
])('%s: no lines', async (_, script) => {
  const program = journalctl('poor', script)
  expect([...(await lastLines([concern('a.service', run('a'))], program, 'here'))]).toEqual([])
})

test('no journalctl: no lines', async () => {
  expect([...(await lastLines([concern('a.service', run('a'))], undefined, 'here'))]).toEqual([])
  expect([...(await lastLines([concern('a.service', run('a'))], join(folder, 'absent'), 'here'))]).toEqual([])
})
