import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFailed, test } from 'vitest'
import type { Status } from '../../../../src/component/status.js'
import {
  type FollowerOptions,
  JournalFollower,
  type JournalGap,
  type StartPosition,
} from '../../../../src/lib/journal/follower.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { seededRandom } from '../../../../src/testkit/test-settings.js'
import { cursor, entry, text } from './export-text.js'

// A real journal cannot be made to hang at one place or to fail on demand: here a shell script stands in for journalctl.

let folder: string
/** What other files of this process have left running. */
let others: ReadonlySet<string>
const running: (() => Promise<void>)[] = []
beforeEach(() => {
  others = new Set(children())
  folder = mkdtempSync(join(tmpdir(), 'unitscope-follower-'))
})
afterEach(async () => {
  for (const stop of running.splice(0)) await stop()
  rmSync(folder, { recursive: true })
})

/**
 * Follows what a script says. It is run with `$1` the kind of call (follow, look, first, newest, behind) and `$2` how many there
 * were of that kind; `say N...` writes entries.
 */
function follow(from: StartPosition, script: string, hold?: Promise<void>) {
  for (let n = 0; n < 10; n++) writeFileSync(join(folder, `entry${n}`), entry(n, text('MESSAGE', `m${n}`)))
  const program = join(folder, 'journalctl')
  const kinds =
    '*--follow*) k=follow;; *--lines=0*) k=look;; *--cursor*--lines=2*) k=behind;; *--cursor*) k=first;; *--lines=2*) k=behind;; *) k=newest;;'
  const head = `cd ${folder}; echo "$*" >> calls; case "$*" in ${kinds} esac; echo >> n.$k; n=$(($(wc -l < n.$k)))`
  writeFileSync(program, `#!/bin/sh\n${head}\nsay() { for e; do cat entry$e; done; }\nset -- $k $n\n${script}\n`, {
    mode: 0o755,
  })
  const clock = new FakeClock()
  const told: string[] = []
  const gaps: JournalGap[] = []
  const statuses: Status[] = []
  const restarts: string[] = []
  const complaints: string[] = []
  const skippedTo: string[] = []
  const options: FollowerOptions = {
    program,
    source: {},
    query: {},
    fields: ['MESSAGE'],
    maxValueBytes: 100,
    clock,
    random: seededRandom(1),
    async onEntries(entries) {
      told.push(...entries.map(({ values }) => String(values[0])))
      await hold
    },
    onGap: (gap) => void gaps.push(gap),
    onRejected: () => {},
    onSkippedTo: (place) => void skippedTo.push(place),
    onComplaint: (line) => void complaints.push(line),
    onRestart: (reason) => void restarts.push(reason),
    onStatus: (status) => void statuses.push(status),
  }
  const stopping = new AbortController()
  const done = new JournalFollower(from, options).run(stopping.signal)
  running.push(async () => {
    stopping.abort()
    await done
  })
  onTestFailed(() => console.error(JSON.stringify({ told, restarts, statuses, calls: calls() })))
  const lines = (name: string): string[] =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean) : []
  const calls = (): string[] => lines('calls')
  /** Waits for as long as the test may take. */
  const until = async (holds: () => boolean, stepMs = 0): Promise<void> => {
    while (!holds() && !stopping.signal.aborted) {
      await clock.advance(isSomethingToDo() ? 0 : stepMs)
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
  }
  return { clock, told, gaps, statuses, restarts, complaints, skippedTo, until, calls }
}

/**
 * Whether a process of ours does anything but sleep. What a script does takes real time, and on a starved machine much of it:
 * virtual time stands still for it, for it ends questions that take 10 s and a journalctl that is silent for as long.
 */
function isSomethingToDo(): boolean {
  return children().some((pid) => {
    if (others.has(pid)) return false
    try {
      return !readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep\0')
    } catch {
      return false // it is gone
    }
  })
}

function children(): readonly string[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean)
}

const after = (n: number): StartPosition => ({ at: 'cursor', cursor: cursor(n) })

test('it goes on after the entry it had, which is told again by journalctl and left out here', async () => {
  const { told, gaps, until, calls } = follow(after(1), '[ $1 = follow ] && { say 1 2 3; exec sleep 60; }; say 1')
  await until(() => told.length === 2)
  expect(told).toEqual(['m2', 'm3'])
  expect(gaps).toEqual([])
  expect(calls().at(-1)).toContain(`--cursor=${cursor(1)}`)
})

test('from the end it tells what comes after the newest entry, even when journalctl dies before the first', async () => {
  const script = 'case $1 in newest) say 4;; first) say 4;; follow) [ $2 = 1 ] && exit 3; say 4 5; exec sleep 60;; esac'
  const { told, until, restarts } = follow({ at: 'end' }, script)
  await until(() => told.length === 1, 1000)
  expect(told).toEqual(['m5'])
  expect(restarts).toEqual(['ended'])
})

test('where it begins is told before any entry comes: a quiet unit has a position, too', async () => {
  const script = 'case $1 in newest) say 4;; follow) exec sleep 60;; esac'
  const { skippedTo, until, calls } = follow({ at: 'end' }, script)
  await until(() => calls().some((call) => call.includes('--follow')))
  expect(skippedTo).toEqual([cursor(4)])
  const resumed = follow(after(1), '[ $1 = follow ] && exec sleep 60; say 1')
  await resumed.until(() => resumed.calls().filter((call) => call.includes('--follow')).length === 2)
  expect(resumed.skippedTo).toEqual([])
})

test('an entry that is gone is a gap, told once, and the first that is left is told', async () => {
  const script = 'case $1 in first) say 3;; follow) say 3; [ $2 = 1 ] && exit 1; say 4; exec sleep 60;; esac'
  const { told, gaps, until } = follow(after(1), script)
  await until(() => told.length === 2, 1000)
  expect(told).toEqual(['m3', 'm4'])
  expect(gaps).toEqual([{ startUsec: 0x60a24181e4000, endUsec: 1_700_000_000_000_003, reason: 'vacuumed' }])
})

test('a journal that ends before the entry it had (its clock was set back) is gone on with, not told from its beginning', async () => {
  const script = `case $1 in
    first) : ;;
    newest) say 2;;
    follow) grep -q -- '--follow.*--cursor=${cursor(2)}' calls && say 2 3 || say 0 1 2 3; exec sleep 60;;
  esac`
  const { told, gaps, until } = follow(after(9), script)
  await until(() => told.includes('m3'), 1000)
  expect(told).toEqual(['m3'])
  expect(gaps).toMatchObject([{ reason: 'vacuumed' }])
})

test('a journal without an entry (its mount is missing) is waited for: told from its beginning, all would come twice', async () => {
  const script = `case $1 in
    first) [ $2 -le 3 ] || say 1;;
    newest) : ;;
    follow) grep -q -- '--follow.*--cursor=${cursor(1)}' calls && say 1 2 || say 0 1 2; exec sleep 60;;
  esac`
  const { told, gaps, statuses, until } = follow(after(1), script)
  await until(() => told.includes('m2'), 1000)
  expect(told).toEqual(['m2'])
  expect(gaps).toEqual([])
  expect(statuses[0]).toEqual({ state: 'degraded', reason: 'the journal is empty' })
})

test('where there are no journal files that is said, not taken for a quiet journal; of those that come all is told that is new', async () => {
  const script = `case $1 in
    look) [ $2 -gt 3 ] || echo "No journal files were found." >&2;;
    newest) say 4;;
    follow) grep -q -- '--follow.*--since=@' calls && say 3 4 || say 0 1 2 3 4; exec sleep 60;;
  esac`
  const { told, statuses, until, calls } = follow({ at: 'end' }, script)
  await until(() => statuses.length > 0)
  expect(statuses[0]).toEqual({
    state: 'degraded',
    reason: 'no journal files here, or none that this user may read (group systemd-journal)',
  })
  await until(() => told.length === 2 && statuses.at(-1)?.state === 'ok', 1000)
  expect(told).toEqual(['m3', 'm4'])
  expect(statuses.slice(0, -1).every(({ state }) => state === 'degraded')).toBe(true)
  expect(calls().filter((call) => call.includes('--follow'))).toHaveLength(1)
})

test('after an entry that was had, files that are gone are waited for: what they hold was told', async () => {
  const none = 'echo "No journal files were found." >&2'
  const script = `case $1 in
    look) [ $2 -gt 3 ] || ${none};;
    first) say 1;;
    follow) say 1 2; exec sleep 60;;
  esac`
  const { told, statuses, until, gaps } = follow(after(1), script)
  await until(() => told.length === 1, 1000)
  expect([told, gaps]).toEqual([['m2'], []])
  expect(statuses[0]).toMatchObject({ reason: expect.stringContaining('no journal files here') })
})

test('what journalctl says when it fails is the reason, and it is tried again less and less often', async () => {
  const { statuses, until, calls, clock } = follow(
    { at: 'end' },
    'echo "Failed to open /x: Permission denied" >&2; exit 1',
  )
  await until(() => statuses.length === 1)
  expect(statuses[0]).toEqual({
    state: 'degraded',
    reason:
      'journalctl: Failed to open /x: Permission denied (exit code 1): ' +
      'run the agent with the group systemd-journal (SupplementaryGroups=systemd-journal)',
  })
  for (let tries = 2; tries < 12; tries++) await until(() => statuses.length >= tries, 1000)
  const questions = () => calls().filter((call) => !call.includes('--lines=0')).length
  const before = questions()
  await clock.advance(14_000)
  expect(questions() - before).toBeLessThanOrEqual(1)
})

test('a user who sees only its own messages is told what to do', async () => {
  const hint = 'echo "Hint: You are currently not seeing messages from other users and the system." >&2'
  const { statuses, until } = follow(
    { at: 'end' },
    `[ $1 = follow ] && { say 1; exec sleep 60; }; [ $1 = look ] && ${hint} || say 0`,
  )
  await until(() => statuses.length > 0)
  expect(statuses[0]).toMatchObject({ state: 'degraded', reason: expect.stringContaining('systemd-journal') })
})

test('a journalctl that says nothing while there is nothing to say is left alone, and asked about less and less often', async () => {
  const { told, restarts, until, calls } = follow(
    after(1),
    '[ $1 = follow ] && { say 1 2; exec sleep 60; }; [ $1 = behind ] && say 2 || say 1',
  )
  await until(() => told.length === 1)
  const checks = (): number => calls().filter((call) => call.includes('--lines=2')).length
  await until(() => checks() === 3, 1000)
  expect(restarts).toEqual([])
})

test('one that hangs is replaced; after three at one place what lies ahead is left out, as a gap', async () => {
  const script = `case $1 in
    first) say 1;;
    newest) say 7;;
    behind) say 1 2;;
    follow) [ $2 -gt 3 ] && say 7 8; exec sleep 60;;
  esac`
  const { told, gaps, restarts, skippedTo, until } = follow(after(1), script)
  await until(() => told.length > 0, 500)
  expect(restarts).toEqual(['hung', 'hung', 'hung'])
  expect(gaps).toEqual([{ startUsec: 0x60a24181e4000, endUsec: 1_700_000_000_000_007, reason: 'unreadable' }])
  expect(skippedTo).toEqual([cursor(7)])
  expect(told).toEqual(['m8'])
})

test('while the pipeline holds it, a silent journalctl is not taken for one that hangs; what it complains of is told', async () => {
  let release = (): void => {}
  const hold = new Promise<void>((resolve) => {
    release = resolve
  })
  const complaint = 'Journal file x corrupted, ignoring file.'
  const script = `[ $1 = follow ] && { echo "${complaint}" >&2; say 1; exec sleep 60; }; say 1 2`
  const { told, restarts, until, clock, complaints, calls } = follow({ at: 'beginning' }, script, hold)
  await until(() => told.length + complaints.length === 2)
  for (let minute = 0; minute < 5; minute++) await clock.advance(60_000)
  expect(calls().filter((call) => call.includes('--lines=2'))).toEqual([])
  expect([complaints, restarts]).toEqual([[complaint], []])
  release()
  await until(() => restarts.length === 1, 1000)
})

test('that it works is told once, where the first entry comes after journalctl has settled', async () => {
  const script =
    'case $1 in newest) say 4;; follow) while [ ! -e written ]; do sleep 0.01; done; say 5; exec sleep 60;; esac'
  const { told, statuses, until, calls, clock } = follow({ at: 'end' }, script)
  await until(() => calls().some((call) => call.includes('--follow')))
  await clock.advance(1000)
  writeFileSync(join(folder, 'written'), '')
  await until(() => told.length === 1)
  expect(statuses).toEqual([{ state: 'ok' }])
})
