import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { incidentEvent } from '../../src/lib/incidents/names.js'
import { attr } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { waitFor, withLab } from '../lab/lab.js'
import { type Workspace, watching } from './agent.js'
import { withKeepers } from './keeper.js'

/** How long the agent is away. */
const kAwayMs = 7000
const kLoops = 10

/** Who gets no CPU for some seconds has not recovered by that. */
const processors = { incident: { healthy_time: '60s' } }

const crasher = (limits: string): string =>
  `[Unit]\n${limits}\n[Service]\nExecStart=/bin/sh -c "sleep 0.2; exit 3"\nRestart=always\nRestartSec=300ms\n`

describeLab('incidents of an agent that was away', () => {
  const story = `is killed while units crash, and started again ${kAwayMs / 1000} s later: one incident, one alarm and one trace per cause`
  it(story, { timeout: 180_000 }, () =>
    withLab(async (lab) => {
      const loops = Array.from({ length: kLoops }, (_, i) => `loop${i}.service`)
      // 10 starts take 5 s: it gives up while nobody looks.
      const units = [...loops, 'gives-up.service', 'stopped.service']
      for (const name of units)
        lab.writeUnit(
          name,
          crasher(
            name === 'gives-up.service' ? 'StartLimitBurst=10\nStartLimitIntervalSec=600' : 'StartLimitIntervalSec=0',
          ),
        )
      await lab.daemonReload()
      await lab.systemctl('start', 'dbus.service')
      await withKeepers(lab, async (start, workspace) => {
        let agent = await start(processors)
        await watching(workspace)
        await lab.systemctl('start', '--no-block', ...units)
        const opened = (): string[] => told(workspace, incidentEvent.opened)
        await waitFor('an incident for each', () => opened().length >= units.length, { timeoutMs: 60_000 })
        const file = workspace.path('state/processor.incident@main.incidents')
        const kept = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
        await waitFor('what is kept of them', () => ids(workspace).every((id) => kept().includes(id)))
        await agent.stop('SIGKILL')
        await lab.systemctl('stop', 'stopped.service')
        await new Promise((resolve) => setTimeout(resolve, kAwayMs)) // the absence itself
        const before = ids(workspace)
        agent = await start(processors)
        const over = (unit: string): unknown => last(workspace, unit)?.[attr.incidentState]
        await waitFor(
          'what happened meanwhile',
          () => over('gives-up.service') === 'gave_up' && over('stopped.service') === 'resolved',
          { timeoutMs: 60_000 },
        )
        await lab.systemctl('stop', ...loops)
        await waitFor('the end of the loops', () => loops.every((unit) => over(unit) === 'resolved'), {
          timeoutMs: 60_000,
        })
        expect((await agent.stop()).code).toBe(0)

        expect(ids(workspace).toSorted()).toEqual(before.toSorted())
        expect(ids(workspace)).toHaveLength(units.length)
        expect(opened().toSorted()).toEqual(units.toSorted())
        const resolved = told(workspace, incidentEvent.resolved)
        expect(resolved.toSorted()).toEqual([...loops, 'stopped.service'].toSorted())
        for (const unit of [...loops, 'stopped.service'])
          expect(last(workspace, unit)?.[attr.incidentResolution], unit).toBe('stopped')
        const roots = workspace.output().spans.filter(({ name }) => name.startsWith('incident: '))
        expect(roots.map(({ traceId }) => traceId).toSorted()).toEqual(before.toSorted())
      })
    }),
  )
})

function incidents(workspace: Workspace) {
  return workspace.output().events.filter(({ name }) => name.startsWith('incident.'))
}

/** Incidents of which anything was told. */
function ids(workspace: Workspace): string[] {
  return [...new Set(incidents(workspace).map(({ traceId }) => String(traceId)))]
}

/** Root causes that events of a name are about, one for each event. */
function told(workspace: Workspace, name: string): string[] {
  return incidents(workspace)
    .filter((one) => one.name === name)
    .map(({ attributes }) => String(attributes[attr.unit]))
}

/** What was told last of a root cause's incident. */
function last(workspace: Workspace, unit: string) {
  return incidents(workspace).findLast(({ attributes }) => attributes[attr.unit] === unit)?.attributes
}
