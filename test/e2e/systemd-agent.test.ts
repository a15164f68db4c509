import { expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { type Lab, waitFor, withLab } from '../lab/lab.js'
import { type Agent, running, type Workspace, withAgent } from './agent.js'

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n'

/** What the agent's log says of its receiver, in order. */
function statuses(agent: Agent): { readonly message: string; readonly reason?: string }[] {
  return agent.stderr
    .split('\n')
    .filter((line) => line.includes('"component":"receiver/systemd"'))
    .map((line) => JSON.parse(line) as { message: string; reason?: string })
    .filter(({ message }) => message === 'ok' || message === 'degraded')
}

const eventsOf = (workspace: Workspace, unit: string) =>
  workspace
    .output()
    .events.filter(({ attributes }) => attributes['systemd.unit.name'] === unit)
    .map(({ name }) => name)

/** Restarts a service and waits until the agent has told so: from here on it is known to watch. */
async function restart(lab: Lab, workspace: Workspace, times: number): Promise<void> {
  await lab.systemctl('restart', 'victim.service')
  await waitFor(`restart ${times}`, () => {
    return eventsOf(workspace, 'victim.service').filter((name) => name === 'systemd.job.finished').length === times
  })
}

describeLab('an agent through everything that can happen to its source', () => {
  it('tells what happened, once, and nothing else; says what is wrong, once; loses nothing', { timeout: 240_000 }, () =>
    withLab(async (lab) => {
      for (const unit of ['steady.service', 'victim.service']) lab.writeUnit(unit, sleeper)
      await lab.daemonReload()
      await lab.systemctl('start', 'steady.service', 'victim.service')
      await lab.stopBus()
      const config = (workspace: Workspace) => ({
        receivers: { systemd: { address: lab.busAddress, batch_timeout: '0s', collection_interval: '1s' } },
        exporters: { file: { path: workspace.path('out.jsonl'), max_size: '1GiB' } },
        service: { pipelines: { main: { receivers: ['systemd'], exporters: ['file'] } } },
      })
      await withAgent(config, async (agent, workspace) => {
        /** Does something to the bus, and waits until the agent has noticed and is well again. */
        const outage = async (fault: () => Promise<void>, repair = async (): Promise<void> => {}): Promise<void> => {
          const since = statuses(agent).length
          const news = () => statuses(agent).slice(since)
          await fault()
          await waitFor('the agent to miss its bus', () => news().some(({ message }) => message === 'degraded'))
          await repair()
          await waitFor('the agent to be well again', () => news().at(-1)!.message === 'ok')
        }
        await agent.logged(running)
        await waitFor('the agent to miss its bus', () => statuses(agent).length > 0)
        await lab.startBus()
        await waitFor('the agent to be well', () => statuses(agent).at(-1)!.message === 'ok')
        await restart(lab, workspace, 1)

        await lab.daemonReload()
        await restart(lab, workspace, 2)

        await lab.systemctl('daemon-reexec')
        await waitFor('systemd to be back', async () => {
          return (await lab.exec(['systemctl', 'is-active', 'steady.service'], { allowFailure: true })).code === 0
        })
        await restart(lab, workspace, 3)

        await outage(() => lab.killBus())
        await restart(lab, workspace, 4)

        await outage(
          async () => {
            await lab.stopBus()
            // Long enough for several tries, which find the same: systemctl reaches systemd without the bus.
            for (let i = 0; i < 20; i++) await lab.systemctl('is-active', 'steady.service')
          },
          () => lab.startBus(),
        )
        await restart(lab, workspace, 5)

        expect(eventsOf(workspace, 'steady.service')).toEqual([])
        const once = ['systemd.unit.restarting', 'systemd.unit.restarted', 'systemd.job.finished']
        expect(eventsOf(workspace, 'victim.service')).toEqual([...once, ...once, ...once, ...once, ...once])
        const gaps = workspace.output().events.filter(({ name }) => name === 'systemd.source.gap')
        expect(gaps.map(({ attributes }) => attributes['systemd.source.gap.reason'])).toEqual([
          'reload',
          'reexec',
          'bus_lost',
          'bus_lost',
        ])
        // Each line is news: the same status is not said again, and an outage has at most two reasons (lost, then absent).
        const said = statuses(agent).map(({ message, reason }) => `${message} ${reason ?? ''}`)
        for (const [i, line] of said.entries()) expect(line, said.join('\n')).not.toBe(said[i - 1])
        expect(said.length, said.join('\n')).toBeLessThanOrEqual(9)

        expect(await agent.stop()).toMatchObject({ code: 0 })
        const { received, exported, dropped } = agent.totals()
        expect(dropped).toEqual({})
        expect(exported).toBe(received)
      })
    }),
  )
})
