import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { type Lab, waitFor, withLab } from '../lab/lab.js'
import { completeLine } from '../support/otlp-sink/complete.js'
import { running, type Workspace, watching, withAgent } from './agent.js'
import { drawTraces, type WireSpan } from './draw-trace.js'

// What a trace backend is sent of an outage, by the whole program: read as OTLP, drawn as a person would see it.
// UPDATE_GOLDEN=1 draws it anew.

const golden = new URL('../golden/traces/chain.txt', import.meta.url)

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n'
const units = {
  'db.service': `${sleeper}Restart=on-failure\nRestartSec=400ms\n`,
  'api.service': `[Unit]\nBindsTo=db.service\nAfter=db.service\n${sleeper}`,
  'web.service': `[Unit]\nRequires=api.service\nAfter=api.service\n${sleeper}`,
  // Keeps them loaded, so that their dependencies are known before anything happens.
  'holder.target': '[Unit]\nAfter=db.service api.service web.service\n',
}

const config = (lab: Lab, workspace: Workspace): object => ({
  receivers: { systemd: { address: lab.busAddress, collection_interval: '1s' } },
  processors: { dependency: {}, incident: { healthy_time: '2s' }, lifecycle_spans: {} },
  exporters: { file: { path: workspace.path('out.jsonl') } },
  service: {
    pipelines: {
      units: {
        receivers: ['systemd'],
        processors: ['dependency', 'incident', 'lifecycle_spans'],
        exporters: ['file'],
      },
    },
  },
})

const spansIn = (workspace: Workspace): readonly WireSpan[] =>
  workspace
    .text()
    .split('\n')
    .slice(0, -1)
    .map(completeLine)
    .filter(({ signal }) => signal === 'traces')
    .flatMap(({ records }) => records.map(({ record, resource }) => ({ ...record, resource })))

async function isUp(lab: Lab, unit: string, up: boolean): Promise<void> {
  await waitFor(`${unit} to be ${up ? 'up' : 'down'}`, async () => {
    const { ActiveState, Job } = await lab.show(unit, 'ActiveState', 'Job')
    return (ActiveState === 'active') === up && (Job === '' || Job === '0' || Job === undefined)
  })
}

describeLab('the trace of an outage', () => {
  it('A <- B <- C: A dies, takes the others down, comes back, and they are started again', async () => {
    await withLab(async (lab) => {
      for (const [name, text] of Object.entries(units)) lab.writeUnit(name, text)
      await lab.daemonReload()
      await lab.systemctl('start', 'dbus.service', 'holder.target', 'web.service')
      await withAgent(
        (workspace) => config(lab, workspace),
        async (agent, workspace) => {
          await agent.logged(running)
          await watching(workspace)
          await lab.systemctl('kill', '--signal=KILL', 'db.service')
          await isUp(lab, 'web.service', false)
          await isUp(lab, 'api.service', false)
          await isUp(lab, 'db.service', true)
          await lab.systemctl('start', 'web.service')
          const root = (): WireSpan | undefined => spansIn(workspace).find(({ name }) => name.startsWith('incident: '))
          await waitFor('the end of the incident', () => root() !== undefined)
          const drawn = drawTraces(spansIn(workspace), root()!)
          if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, drawn)
          expect(drawn).toBe(readFileSync(golden, 'utf8'))
        },
      )
    })
  })
})
