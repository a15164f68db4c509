import { expect, it } from 'vitest'
import { findJournalctl } from '../../src/lib/journal/journalctl.js'
import type { HistoryEntry } from '../../src/lib/systemd/history-entry.js'
import { type HistoryRequest, readHistory } from '../../src/receivers/systemd/history-reader.js'
import { systemClock } from '../../src/util/clock.js'
import { describeLab } from '../lab/describe-lab.js'
import { type Lab, waitFor, withLab } from '../lab/lab.js'
import { journalFolder } from './journald-support.js'

const nowUsec = (): number => Number(systemClock.unixNano() / 1000n)

function history(lab: Lab, sinceUsec: number, part: Partial<HistoryRequest> = {}) {
  return readHistory({
    program: findJournalctl(),
    source: { directory: journalFolder(lab) },
    sinceUsec,
    maxAgeMs: 3_600_000,
    maxEntries: 10_000,
    clock: systemClock,
    signal: new AbortController().signal,
    ...part,
  })
}

const about = (unit: string, entries: readonly HistoryEntry[]): HistoryEntry[] =>
  entries.filter((entry) => entry.unit === unit)

describeLab('the history of units in the journal', () => {
  it('a crash loop to its end, in order, with what ended each run', () =>
    withLab(async (lab) => {
      const loop = 'StartLimitBurst=2\nStartLimitIntervalSec=60\n[Service]\nRestart=always\nRestartSec=50ms\n'
      lab.writeUnit('loop.service', `[Unit]\n${loop}ExecStart=/bin/sh -c "sleep 0.02; exit 3"\n`)
      await lab.daemonReload()
      const since = nowUsec()
      await lab.systemctl('start', 'loop.service')
      await waitFor(
        'systemd to give up',
        async () => (await lab.show('loop.service', 'ActiveState'))['ActiveState'] === 'failed',
      )
      await lab.exec(['journalctl', '--sync'])
      const { entries, gap } = await history(lab, since)
      const told = about('loop.service', entries)
      expect(gap).toBeUndefined()
      const [first, second] = [...new Set(told.map(({ invocationId }) => invocationId))]
      const names = new Map([
        [first, 'first'],
        [second, 'second'],
      ])
      expect(
        told.map((entry) => [
          entry.kind,
          names.get(entry.invocationId),
          entry.result ?? entry.exitStatus ?? entry.nRestarts,
        ]),
      ).toEqual([
        ['started', 'first', 'done'],
        ['exited', 'first', '3'],
        ['failed', 'first', 'exit-code'],
        ['restart_scheduled', 'first', 1],
        ['stopped', 'first', 'done'],
        ['started', 'second', 'done'],
        ['exited', 'second', '3'],
        ['failed', 'second', 'exit-code'],
        ['restart_scheduled', 'second', 2],
        ['stopped', 'second', 'done'],
        ['failed', 'second', 'exit-code'],
        ['start_failed', 'second', 'failed'],
      ])
      const stops = told.filter(({ kind }) => kind === 'stopped')
      expect(stops.map(({ jobType }) => jobType)).toEqual(['restart', 'restart'])
      expect(told.find(({ kind }) => kind === 'exited')).toMatchObject({ exitCode: 'exited' })
      for (const [index, { atUsec, bootId }] of told.entries()) {
        expect(atUsec).toBeGreaterThan(index === 0 ? since : told[index - 1]!.atUsec)
        expect(bootId).toMatch(/^[0-9a-f]{32}$/)
      }

      const { nRestarts, atUsec } = told.find((entry) => entry.nRestarts === 1)!
      const later = await history(lab, atUsec + 10_000)
      expect(about('loop.service', later.entries).every((entry) => entry.atUsec > atUsec)).toBe(true)
      expect(nRestarts).toBe(1)
    }))

  it('what cannot be read is one gap with its bounds, and why', () =>
    withLab(async (lab) => {
      lab.writeUnit('once@.service', '[Service]\nType=oneshot\nExecStart=/bin/true\n')
      await lab.daemonReload()
      const since = nowUsec()
      for (const name of ['a', 'b', 'c']) await lab.systemctl('start', `once@${name}.service`)
      await lab.exec(['journalctl', '--sync'])

      const few = await history(lab, since, { maxEntries: 2 })
      expect(few.entries).toHaveLength(2)
      expect(few.gap).toMatchObject({ startUsec: since, reason: 'too_many' })
      expect(few.gap!.endUsec).toBeGreaterThanOrEqual(few.entries[0]!.atUsec)

      const old = await history(lab, since - 3_600_000_000, { maxAgeMs: nowUsec() / 1000 - since / 1000 })
      expect(old.gap).toMatchObject({ startUsec: since - 3_600_000_000, reason: 'too_old' })
      expect(old.entries.length).toBeGreaterThan(2)

      const missing = await history(lab, since, { source: { directory: '/nonexistent/journal' } })
      expect(missing).toMatchObject({ entries: [], gap: { startUsec: since, reason: 'unreadable' } })
      expect(missing.problem).toContain('/nonexistent/journal')
      const without = await history(lab, since, { program: undefined })
      expect(without).toMatchObject({ entries: [], gap: { startUsec: since, reason: 'unreadable' } })

      await lab.exec(['journalctl', '--rotate'])
      await lab.exec(['journalctl', '--vacuum-files=1'])
      const afterVacuum = nowUsec()
      await lab.systemctl('start', 'once@d.service')
      await lab.exec(['journalctl', '--sync'])
      const rest = await history(lab, since)
      expect(rest.gap).toMatchObject({ startUsec: since, reason: 'vacuumed' })
      expect(rest.gap!.endUsec).toBeLessThan(nowUsec())
      expect(about('once@d.service', rest.entries).map(({ kind }) => kind)).toEqual(['deactivated', 'started'])
      expect(rest.entries.every(({ atUsec }) => atUsec > afterVacuum - 1_000_000)).toBe(true)
    }))
})
