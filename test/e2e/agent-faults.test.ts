import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { type Lab, packageRoot, waitFor, withLab } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { agentMain, busLost, labConfig, running, startAgent, Workspace, watching, withAgent } from './agent.js'

const oneshot = '[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=yes\n'

async function startUnit(lab: Lab, unit: string): Promise<void> {
  lab.writeUnit(unit, oneshot)
  await lab.daemonReload()
  await lab.systemctl('start', unit)
}

const startedIn = (workspace: Workspace, unit: string) =>
  workspace
    .output()
    .events.filter((event) => event.name === 'systemd.unit.started' && event.attributes['systemd.unit.name'] === unit)

describe('a configuration that is wrong', () => {
  it('ends with 78 before anything starts, and every problem has its place', async () => {
    const workspace = new Workspace()
    try {
      const file = workspace.write(
        'bad.yaml',
        [
          'receivers:',
          '  systemd:',
          '    unit_typs: [service]',
          'exporters:',
          '  debug:',
          '    verbosity: loud',
          'service:',
          '  pipelines:',
          '    main: { receivers: [systemd], exporters: [debug, prometheus] }',
          '',
        ].join('\n'),
      )
      const agent = startAgent(['run', '--config', file])
      expect(await agent.exited).toMatchObject({ code: 78 })
      const lines = agent.stderr.split('\n')
      expect(lines.find((line) => line.startsWith(`error: ${file}:3:`))).toMatch(/unit_typs.*did you mean "unit_types"/)
      expect(lines.find((line) => line.startsWith(`error: ${file}:6:`))).toMatch(/verbosity/)
      expect(lines.find((line) => line.startsWith(`error: ${file}:9:`))).toMatch(/prometheus/)
    } finally {
      workspace.remove()
    }
  })
})

describeLab('an agent whose bus comes and goes', () => {
  it('starts without a bus and begins once there is one', () =>
    withLab(async (lab) => {
      await lab.stopBus()
      const port = await freePort()
      await withAgent(
        (workspace) => labConfig(lab, workspace, port),
        async (agent, workspace) => {
          await agent.logged(busLost)
          await agent.logged(running)
          await lab.startBus()
          // No event tells that the agent has connected; a unit started before it has is found by the snapshot.
          await startUnit(lab, 'late.service')
          await waitFor('the unit in the metrics', async () => {
            return workspace.text().includes('late.service')
          })
          expect(await agent.stop()).toMatchObject({ code: 0 })
        },
      )
    }))

  it('goes on after the bus was killed, and reports nothing that did not happen', () =>
    withLab(async (lab) => {
      await startUnit(lab, 'steady.service')
      const port = await freePort()
      await withAgent(
        (workspace) => labConfig(lab, workspace, port),
        async (agent, workspace) => {
          await watching(workspace)
          await startUnit(lab, 'before.service')
          await waitFor('the start before', () => startedIn(workspace, 'before.service')[0])
          await lab.killBus()
          await agent.logged(busLost)
          await startUnit(lab, 'after.service')
          await waitFor('the start after', () => startedIn(workspace, 'after.service')[0])

          const about = (unit: string) =>
            workspace.output().events.filter((event) => event.attributes['systemd.unit.name'] === unit)
          expect(about('steady.service')).toEqual([])
          expect(startedIn(workspace, 'before.service')).toHaveLength(1)
          expect(startedIn(workspace, 'after.service')).toHaveLength(1)
          expect(await agent.stop()).toMatchObject({ code: 0 })
        },
      )
    }))
})

describeLab('an agent without its addon', () => {
  it('says so, refuses the receivers that need it, and runs the rest', () =>
    withLab(async (lab) => {
      const workspace = new Workspace()
      // The same program, installed where no addon was built.
      const main = workspace.path('install/dist/main.js')
      mkdirSync(dirname(main), { recursive: true })
      cpSync(join(packageRoot, 'dist'), dirname(main), { recursive: true })
      cpSync(join(packageRoot, 'package.json'), workspace.path('install/package.json'))
      symlinkSync(join(packageRoot, 'node_modules'), workspace.path('install/node_modules'))
      const config = {
        receivers: { systemd: { address: lab.busAddress }, self_telemetry: { collection_interval: '1s' } },
        exporters: { file: { path: workspace.path('out.jsonl') } },
        service: { pipelines: { main: { receivers: ['systemd', 'self_telemetry'], exporters: ['file'] } } },
      }
      const agent = startAgent(['run', '--config', workspace.writeConfig(config)], { main })
      try {
        await agent.logged(/unavailable on this machine/)
        expect(agent.stderr).toMatch(/npm run build/)
        await waitFor('the rest to work', () => workspace.output().points[0])
        expect(await agent.stop()).toMatchObject({ code: 0 })
      } finally {
        await agent.stop('SIGKILL')
        workspace.remove()
      }
      expect(agentMain).not.toBe(main)
    }))
})
