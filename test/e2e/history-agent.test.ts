import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { type JournalEntry, waitFor, withLab } from '../lab/lab.js'
import { type Workspace, watching } from './agent.js'
import { withKeepers } from './keeper.js'
import type { EventLine } from './otlp-lines.js'

const kUnits = 20
/** How long the agent is away. */
const kAwayMs = 5000
const crasher =
  '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c "sleep 0.2; exit 3"\nRestart=always\nRestartSec=300ms\n'

// systemd(1) calls these messages by ID only; the catalog's names are in brackets.
const kRestartScheduled = '5eb03494b6584870a536b337290809b3' // [SD_MESSAGE_UNIT_RESTART_SCHEDULED]
const kUnitStarted = '39f53479d3a045ac8e11786248231fbf' // [SD_MESSAGE_UNIT_STARTED]
const kUnitFailed = 'd9b373ed55a64feb8242e02dbe79a49c' // [SD_MESSAGE_UNIT_FAILURE_RESULT]

describeLab('an agent that was away', () => {
  const story = `is killed while ${kUnits} units crash, and started again ${kAwayMs / 1000} s later: counters and events are the journal's truth`
  it(story, { timeout: 600_000 }, () =>
    withLab(async (lab) => {
      const names = Array.from({ length: kUnits }, (_, i) => `loop${i}.service`)
      for (const name of names) lab.writeUnit(name, crasher)
      lab.writeUnit('marker.service', '[Service]\nType=oneshot\nExecStart=/bin/true\n')
      await lab.daemonReload()
      await lab.systemctl('start', 'dbus.service')
      await withKeepers(lab, async (start, workspace) => {
        let agent = await start()
        await watching(workspace)
        await waitFor('its state', () => existsSync(workspace.path('state/receiver.systemd.restart_counters')))
        await lab.systemctl('start', '--no-block', ...names)
        const restarts = (): number => told(workspace.output().events, event.restarted).length
        await waitFor('some restarts', () => restarts() > 5 * kUnits, { timeoutMs: 240_000 })
        await agent.stop('SIGKILL')
        const before = restarts()
        await new Promise((resolve) => setTimeout(resolve, kAwayMs)) // the absence itself
        agent = await start()
        await waitFor('what was missed, and some more', () => restarts() > before + 12 * kUnits, { timeoutMs: 240_000 })
        await lab.systemctl('stop', ...names)
        // systemd sends in order: when this is told, all that came before it is.
        await lab.systemctl('start', 'marker.service')
        await waitFor(
          'the marker',
          () => told(workspace.output().events, event.jobFinished, 'marker.service').length > 0,
          {
            timeoutMs: 120_000,
          },
        )
        const journal = await lab.journal(
          ...[kRestartScheduled, kUnitStarted, kUnitFailed].map((id) => `MESSAGE_ID=${id}`),
          '--output-fields=UNIT,MESSAGE_ID,N_RESTARTS,INVOCATION_ID',
        )
        const of = (id: string, unit: string): JournalEntry[] =>
          journal.filter(({ MESSAGE_ID, UNIT }) => MESSAGE_ID === id && UNIT === unit)
        const counted = await counters(workspace, metric.restarts)
        const failures = await counters(workspace, metric.failures)
        const all = workspace.output().events
        for (const name of names) {
          const scheduled = Math.max(...of(kRestartScheduled, name).map(({ N_RESTARTS }) => Number(N_RESTARTS)))
          expect(counted.get(name), `${name}, restarts`).toBe(scheduled)
          expect(failures.get(name), `${name}, failures`).toBe(of(kUnitFailed, name).length)
          // Each run once, whoever told it: a run told twice is one that was told within the seconds before the kill.
          const runs = of(kUnitStarted, name).map(({ INVOCATION_ID }) => INVOCATION_ID)
          const restarted = told(all, event.restarted, name)
          expect([...new Set(restarted)], `${name}, restarted`).toEqual(runs.slice(1))
        }
        expect(new Set(told(all, event.unfilledGap))).toEqual(new Set())
        expect((await agent.stop()).code).toBe(0)
      })
    }),
  )
})

/** Runs that events of a name are about, in the order they were told. */
function told(events: readonly EventLine[], name: string, unit?: string): (string | undefined)[] {
  return events
    .filter((one) => one.name === name && (unit === undefined || one.attributes[attr.unit] === unit))
    .map(({ traceId }) => traceId)
}

/** Last values of a counter by unit, once two collections in a row say the same; all causes and results together. */
async function counters(workspace: Workspace, name: string): Promise<ReadonlyMap<string, number>> {
  const read = (): ReadonlyMap<string, number> => {
    const last = new Map<string, number>()
    for (const point of workspace.output().points) {
      if (point.name !== name) continue
      const { [attr.unit]: unit } = point.resource
      last.set(`${unit}\0${JSON.stringify(point.attributes)}`, point.value)
    }
    const sums = new Map<string, number>()
    for (const [key, value] of last) {
      const unit = key.slice(0, key.indexOf('\0'))
      sums.set(unit, (sums.get(unit) ?? 0) + value)
    }
    return sums
  }
  const collections = (): number => workspace.output().points.filter((one) => one.name === metric.sourceUp).length
  const now = collections()
  await waitFor('two collections', () => collections() > now + 2)
  return read()
}
