import {
  chmodSync,
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { Severity } from '../../src/data/event.js'
import { findJournalctl } from '../../src/lib/journal/journalctl.js'
import { runSpanId } from '../../src/lib/systemd/ids.js'
import { attr, event, journalEvent } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { chatter, journalFolder, linesOf, type Reading, read, truth } from './journald-support.js'

const kLines = 20_000

describeLab('journald', () => {
  let lab: Lab
  let folder: string
  const open: Reading[] = []

  beforeAll(async () => {
    lab = await bootLab()
  })
  afterAll(() => lab.close())
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'unitscope-journald-'))
  })
  afterEach(async () => {
    for (const reading of open.splice(0)) await reading.close()
    rmSync(folder, { recursive: true })
  })

  const reading = async (...args: Parameters<typeof read> extends [Lab, ...infer R] ? R : never): Promise<Reading> => {
    const one = await read(lab, ...args)
    open.push(one)
    return one
  }
  const runUnit = async (name: string, text: string): Promise<void> => {
    lab.writeUnit(name, text)
    await lab.daemonReload()
    await lab.systemctl('start', name)
  }
  const bodies = ({ exporter }: Reading): string[] => linesOf(exporter.events).map(({ message }) => message)
  /** The journalctl of a receiver in this process. */
  const journalctlPid = (): number => {
    const children = readdirSync('/proc/self/task').flatMap((task) =>
      readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    )
    const found = children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--follow'))
    expect(found).toHaveLength(1)
    return Number(found[0])
  }

  it(`${kLines} lines while the journal is rotated: the same lines, in order, none lost, none twice`, async () => {
    const one = await reading({ units: ['chatter'], start_at: 'beginning' })
    lab.writeUnit('chatter.service', chatter(kLines))
    await lab.daemonReload()
    const started = lab.systemctl('start', 'chatter.service')
    // Paced by what has arrived, so that lines come before, while and after the journal is another file.
    for (let round = 1; round <= 4; round++) {
      await one.arrived((kLines / 5) * round)
      await lab.exec(['journalctl', '--rotate'])
    }
    await started
    const expected = await truth(lab, '--unit=chatter.service')
    await one.arrived(expected.length)
    expect(expected.filter(({ message }) => message.startsWith('line '))).toHaveLength(kLines)
    expect(linesOf(one.exporter.events)).toEqual(expected)
    expect([...one.telemetry.errors, ...one.telemetry.drops]).toEqual([])
    expect(
      readdirSync(journalFolder(lab), { recursive: true }).filter((name) => String(name).includes('@')).length,
    ).toBeGreaterThan(3)
  })

  it('a line carries the run that wrote it, its level, program and process; what PID 1 says of a unit is the unit’s', async () => {
    const one = await reading({ units: ['spoken'], fields: ['_HOSTNAME', '_SYSTEMD_CGROUP'] })
    // What a line's cgroup is journald looks up while the writer is there: it stays until all it said has been read.
    const script = 'echo "<3>it broke"; echo plain; echo "<2>worse"; while [ ! -e /run/heard ]; do sleep 0.1; done'
    const ended = runUnit(
      'spoken.service',
      `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c '${script}'\n`,
    )
    await one.arrived(4)
    lab.writeFile('/run/heard', '')
    await ended
    await one.arrived(5)
    const { InvocationID: run = '' } = await lab.show('spoken.service', 'InvocationID')
    const events = one.exporter.events
    // Two sockets of journald's: each has its order, and between them it is journald's to choose.
    const said = (by: string) =>
      events
        .filter(({ attributes }) => attributes[attr.journalIdentifier] === by)
        .map(({ severity, body }) => [severity, body])
    expect(said('systemd')).toEqual([
      [Severity.info, 'Starting spoken.service...'],
      [Severity.info, 'Finished spoken.service.'],
    ])
    expect(said('sh')).toEqual([
      [Severity.error, 'it broke'],
      [Severity.info, 'plain'],
      [Severity.critical, 'worse'],
    ])
    for (const each of events) {
      expect(each).toMatchObject({ name: '', traceId: run, spanId: runSpanId(run) })
      expect(each.resource.attributes['service.name']).toBe('spoken.service')
      expect(each.attributes[attr.unit]).toBe('spoken.service')
    }
    const starting = events.find(({ body }) => body.startsWith('Starting'))
    const broke = events.find(({ body }) => body === 'it broke')
    expect(starting?.attributes).toMatchObject({
      [attr.journalIdentifier]: 'systemd',
      [attr.mainPid]: 1,
      [attr.journalTransport]: 'journal',
    })
    expect(starting?.attributes[attr.journalMessageId]).toBe('7d4958e842da4a758f6c1cdc7b36dcc5')
    expect(broke?.attributes).toMatchObject({
      [attr.journalIdentifier]: 'sh',
      [attr.journalTransport]: 'stdout',
      [attr.processName]: 'sh',
      'systemd.journal.field._hostname': expect.any(String),
      'systemd.journal.field._systemd_cgroup': '/system.slice/spoken.service',
    })
  })

  it('a program that claims to speak of another unit is not believed', async () => {
    const one = await reading({ units: ['liar', 'victim'] })
    const claim = 'MESSAGE=a lie\nUNIT=victim.service\nINVOCATION_ID=00000000000000000000000000000001\n'
    lab.writeFile('/run/claim', claim)
    // Whose a message is journald can only tell while its sender is there: it is said until that was so once.
    const script = 'while :; do logger --journald=/run/claim; sleep 0.1; done'
    await runUnit('liar.service', `[Service]\nUser=nobody\nExecStart=/bin/sh -c '${script}'\n`)
    const lie = await waitFor('the lie', () => one.exporter.events.find(({ body }) => body === 'a lie'))
    await lab.exec(['systemctl', 'stop', 'liar.service'])
    expect(lie.attributes[attr.unit]).toBe('liar.service')
    expect(lie.traceId).not.toMatch(/^0+1$/)
  })

  const filters: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
    ['a pattern of units', { units: ['filter-*'] }, ['one', 'two', 'three', 'four']],
    ['exact units', { units: ['filter-a.service'] }, ['one', 'two']],
    ['units left out', { units: ['filter-*'], exclude_units: ['*-a.service'] }, ['three', 'four']],
    ['a priority', { units: ['filter-*'], priority: 'warning' }, ['two', 'three']],
    ['an identifier', { identifiers: ['other'], units: ['filter-*'] }, ['four']],
    ['matches', { matches: ['_SYSTEMD_UNIT=filter-c.service', 'PRIORITY=6'] }, ['four']],
    ['a regular expression', { units: ['filter-*'], grep: '^t[hw]' }, ['two', 'three']],
  ]
  it('filters choose lines, each of them alone', async () => {
    const readings = await Promise.all(filters.map(([, config]) => reading(config)))
    const say = (script: string, more = '') => `[Service]\nType=oneshot\n${more}ExecStart=/bin/sh -c '${script}'\n`
    await runUnit('filter-a.service', say('echo one; echo "<4>two"'))
    await runUnit('filter-b.service', say('echo "<3>three"'))
    // Of its own standard output journald knows the unit even when the process is gone already.
    await runUnit('filter-c.service', say('echo four', 'SyslogIdentifier=other\n'))
    for (const [index, [title, , expected]] of filters.entries()) {
      const said = (): string[] => bodies(readings[index]!).filter((body) => /^(one|two|three|four)$/.test(body))
      await waitFor(`all lines through ${title}`, () => said().length >= expected.length)
      expect(said(), title).toEqual(expected)
    }
  })

  it('the root of another file system is read as well as a folder', async () => {
    const one = await reading({ root: lab.root, units: ['rooted'], start_at: 'beginning' })
    await runUnit('rooted.service', '[Service]\nType=oneshot\nExecStart=/bin/echo through the root\n')
    await waitFor('the line', () => bodies(one).includes('through the root'))
  })

  it('lines over the limit of a unit are counted and summed up, those of other units pass', async () => {
    const one = await reading({ units: ['loud', 'calm'], max_lines_per_second: 10, start_at: 'beginning' })
    await runUnit('loud.service', chatter(2000, 'noise', 2000))
    await runUnit('calm.service', '[Service]\nType=oneshot\nExecStart=/bin/echo calm\n')
    const told = (await truth(lab, '--unit=loud.service', '--unit=calm.service')).length
    const droppedUntilNow = (): number => one.telemetry.drops.get('rate_limit') ?? 0
    await waitFor('all lines', () => linesOf(one.exporter.events).length + droppedUntilNow() >= told)
    expect(bodies(one)).toContain('calm')
    await one.close()
    const dropped = droppedUntilNow()
    // One each ten seconds, which is one where the machine is not busy.
    const summaries = one.exporter.events.filter(({ name }) => name === journalEvent.linesSuppressed)
    expect(dropped).toBeGreaterThan(1000)
    expect(new Set(summaries.map((each) => each.resource.attributes[attr.unit]))).toEqual(new Set(['loud.service']))
    expect(summaries.reduce((sum, each) => sum + Number(each.attributes[attr.suppressedCount]), 0)).toBe(dropped)
    expect(linesOf(one.exporter.events).length + dropped).toBe(told)
    expect(one.telemetry.processedItems).toBe(one.exporter.items + dropped)
  })

  it('journald is restarted while a service writes: nothing is missing, nothing doubled', async () => {
    const one = await reading({ units: ['steady'] })
    lab.writeUnit('steady.service', chatter(3000, 'steady', 100))
    await lab.daemonReload()
    const started = lab.systemctl('start', 'steady.service')
    await one.arrived(500)
    await lab.systemctl('restart', 'systemd-journald.service')
    await started
    const expected = await truth(lab, '--unit=steady.service')
    await one.arrived(expected.length)
    expect(linesOf(one.exporter.events)).toEqual(expected)
  })

  it('journalctl is killed again and again: another goes on where it was', async () => {
    const one = await reading({ units: ['killed-*'] })
    lab.writeUnit('killed-a.service', chatter(3000, 'k', 100))
    await lab.daemonReload()
    const started = lab.systemctl('start', 'killed-a.service')
    for (const share of [500, 1500]) {
      await one.arrived(share)
      process.kill(journalctlPid(), 'SIGKILL')
      await waitFor(
        'another journalctl',
        () => one.telemetry.counters.get('journalctl_restarts') === (share === 500 ? 1 : 2),
      )
      await waitFor('it to work', () => one.host.last?.state === 'ok')
    }
    await started
    const expected = await truth(lab, '--unit=killed-a.service')
    await one.arrived(expected.length)
    expect(linesOf(one.exporter.events)).toEqual(expected)
    expect([...one.telemetry.errors]).toEqual([['journalctl_ended', 2]])
    expect(one.host.reports.some((status) => status.state === 'degraded' && /SIGKILL/.test(status.reason))).toBe(true)
  })

  it('a journalctl that hangs is noticed and replaced; what it kept back arrives', async () => {
    const one = await reading({ units: ['late'] })
    const stuck = journalctlPid()
    process.kill(stuck, 'SIGSTOP')
    await runUnit('late.service', '[Service]\nType=oneshot\nExecStart=/bin/echo late\n')
    await waitFor('the line', () => bodies(one).includes('late'))
    // What a service says and what PID 1 says of it reach journald by two ways, in either order.
    const expected = await truth(lab, '--unit=late.service')
    await one.arrived(expected.length)
    expect(linesOf(one.exporter.events)).toEqual(expected)
    expect([...one.telemetry.errors]).toEqual([['journalctl_hung', 1]])
    expect(() => process.kill(stuck, 0)).toThrow() // gone, and no zombie of ours
  })

  it('an agent that starts again goes on after the last line it delivered', async () => {
    const first = await reading({ units: ['again-*'] }, { stateDirectory: folder })
    await runUnit('again-a.service', '[Service]\nType=oneshot\nExecStart=/bin/echo before\n')
    await waitFor('the line', () => bodies(first).includes('Finished again-a.service.'))
    await first.close()
    await runUnit('again-b.service', '[Service]\nType=oneshot\nExecStart=/bin/echo meanwhile\n')
    const second = await reading({ units: ['again-*'] }, { stateDirectory: folder })
    await waitFor('the line', () => bodies(second).includes('Finished again-b.service.'))
    expect([...linesOf(first.exporter.events), ...linesOf(second.exporter.events)]).toEqual(
      await truth(lab, '--unit=again-a.service', '--unit=again-b.service'),
    )
  })

  it('what was vacuumed while the agent was away is one gap with its bounds; the rest is told', async () => {
    const first = await reading({ units: ['gone-*'] }, { stateDirectory: folder })
    await runUnit('gone-a.service', '[Service]\nType=oneshot\nExecStart=/bin/echo before\n')
    await waitFor('the line', () => bodies(first).includes('Finished gone-a.service.'))
    await first.close()
    const last = first.exporter.events.at(-1)!
    await runUnit('gone-b.service', '[Service]\nType=oneshot\nExecStart=/bin/echo vanished\n')
    await lab.exec(['journalctl', '--rotate'])
    await lab.exec(['journalctl', '--vacuum-files=1'])
    await runUnit('gone-c.service', '[Service]\nType=oneshot\nExecStart=/bin/echo after\n')
    const second = await reading({ units: ['gone-*'] }, { stateDirectory: folder })
    await waitFor('the line', () => bodies(second).includes('Finished gone-c.service.'))
    const gaps = second.exporter.events.filter(({ name }) => name === event.unfilledGap)
    expect(gaps.map(({ attributes }) => attributes[attr.gapReason])).toEqual(['vacuumed'])
    expect(gaps[0]!.attributes[attr.gapStartUsec]).toBe(Number(last.timeUnixNano / 1000n))
    const [oldest] = await truth(lab)
    expect(gaps[0]!.attributes[attr.gapEndUsec]).toBe(Number(oldest!.usec))
    expect(bodies(second)).not.toContain('vanished')
  })

  it('a folder without journal files is no quiet journal: it says so, and reads what is new in those that come', async () => {
    const one = await reading({ directory: folder }, { first: 'degraded' })
    expect(one.host.last).toMatchObject({ reason: expect.stringMatching(/^no journal files here.*systemd-journal/) })
    await runUnit('late.service', '[Service]\nType=oneshot\nExecStart=/bin/echo in time\n')
    await lab.exec(['journalctl', '--sync'])
    cpSync(journalFolder(lab), folder, { recursive: true })
    await waitFor('the line', () => bodies(one).includes('in time'), { timeoutMs: 60_000 })
    expect(one.host.last).toEqual({ state: 'ok' })
    const began = one.exporter.events[0]!.timeUnixNano
    expect(began).toBeGreaterThan(BigInt((await truth(lab)).at(0)!.usec) * 1000n)
  })

  it('a user who may read some of the files is told of the group', async () => {
    await lab.exec(['journalctl', '--rotate'])
    await lab.exec(['journalctl', '--sync'])
    cpSync(journalFolder(lab), folder, { recursive: true })
    const files = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)))
    for (const path of [folder, ...files])
      chmodSync(path, path.includes('@') || !path.endsWith('.journal') ? 0o755 : 0o600)
    const journalctl = join(folder, 'journalctl')
    writeFileSync(
      journalctl,
      `#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups ${findJournalctl()} "$@"\n`,
    )
    chmodSync(journalctl, 0o755)
    const one = await reading({ directory: folder }, { first: 'degraded', journalctl })
    expect(one.host.last).toMatchObject({ reason: expect.stringMatching(/own messages.*systemd-journal/) })
  })

  it('a damaged file costs what is in it, and no more', async () => {
    await lab.exec(['journalctl', '--rotate'])
    await runUnit('damaged-a.service', chatter(5000, 'inside', 5000))
    await lab.exec(['journalctl', '--rotate'])
    await runUnit('damaged-b.service', '[Service]\nType=oneshot\nExecStart=/bin/echo intact\n')
    await lab.exec(['journalctl', '--sync'])
    cpSync(journalFolder(lab), folder, { recursive: true })
    const archived = readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((path) => path.includes('@'))
      .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    const victim = archived.at(-1)!
    const file = openSync(victim, 'r+')
    const junk = Buffer.alloc(64 * 1024, 0x5a)
    for (let at = 256 * 1024; at < statSync(victim).size; at += 512 * 1024) writeSync(file, junk, 0, junk.length, at)
    closeSync(file)
    writeFileSync(join(folder, 'useless.journal'), 'this is no journal '.repeat(1000))
    const one = await reading({ directory: folder, units: ['damaged-*'], start_at: 'beginning' })
    await waitFor('the intact line', () => bodies(one).includes('intact'))
    expect(one.telemetry.errors.get('journalctl_complained')).toBeGreaterThan(0)
    expect(one.host.last).toEqual({ state: 'ok' })
  })
})
