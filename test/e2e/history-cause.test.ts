import { expect, it } from 'vitest'
import { incidentEvent } from '../../src/lib/incidents/names.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { waitFor, withLab } from '../lab/lab.js'
import { watching } from './agent.js'
import { withKeepers } from './keeper.js'

const sleeper = (...unit: readonly string[]): string =>
  `${['[Unit]', ...unit, '[Service]', 'ExecStart=/bin/sleep infinity'].join('\n')}\n`

describeLab('who was taken down while the agent was away', () => {
  const story =
    'a unit fails: what was bound to it, and what needs that, was stopped for it, by nobody else; systemd has them %s'
  it.each(['still loaded', 'unloaded'])(story, { timeout: 120_000 }, (end) =>
    withLab(async (lab) => {
      lab.writeUnit('core.service', sleeper())
      lab.writeUnit('edge.service', sleeper('BindsTo=core.service', 'After=core.service'))
      lab.writeUnit('front.service', sleeper('Requires=edge.service', 'After=edge.service'))
      lab.writeUnit('other.service', sleeper())
      // What nothing refers to is unloaded once it is down.
      const kept = end === 'unloaded' ? '' : 'After=edge.service front.service other.service'
      lab.writeUnit('keep.target', `[Unit]\n${kept}\n`)
      await lab.daemonReload()
      await lab.systemctl('start', 'dbus.service', 'keep.target', 'front.service', 'other.service')
      const processors = { dependency: {}, incident: {} }
      await withKeepers(lab, async (start, workspace) => {
        let agent = await start(processors)
        await watching(workspace)
        expect((await agent.stop()).code).toBe(0)
        await lab.systemctl('kill', '--signal=SEGV', 'core.service')
        const isDown = async (unit: string): Promise<boolean> =>
          (await lab.systemctl('show', '--property=ActiveState', '--value', unit)).trim() === 'inactive'
        await waitFor('both stops', async () => (await isDown('edge.service')) && (await isDown('front.service')))
        await lab.systemctl('stop', 'other.service')
        agent = await start(processors)
        const told = (name: string, unit: string) =>
          workspace.output().events.find((one) => one.name === name && one.attributes[attr.unit] === unit)?.attributes
        await waitFor('what happened meanwhile', () =>
          ['edge', 'front', 'other'].every((unit) => told(event.stopped, `${unit}.service`) !== undefined),
        )
        expect((await agent.stop()).code).toBe(0)
        const verdicts = ['edge', 'front', 'other'].map((unit) => {
          const { [attr.verdict]: verdict, [attr.causedBy]: causedBy } = told(event.stopped, `${unit}.service`) ?? {}
          return [unit, verdict, causedBy]
        })
        expect(verdicts).toEqual([
          ['edge', 'dependency', 'core.service'],
          ['front', 'dependency', 'core.service'],
          ['other', 'stopped_by_operator', undefined],
        ])
        const incident = workspace.output().events.filter(({ name }) => name.startsWith('incident.'))
        expect(incident.filter(({ name }) => name === incidentEvent.opened)).toHaveLength(1)
        const { [attr.incidentRootCause]: root, [attr.incidentTakenDown]: takenDown } = incident.at(-1)!.attributes
        expect([root, (takenDown as string[]).toSorted()]).toEqual(['core.service', ['edge.service', 'front.service']])
      })
    }),
  )
})
