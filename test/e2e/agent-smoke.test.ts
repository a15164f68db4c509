import { expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { waitFor, withLab } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { labConfig, scrape, watching, withAgent } from './agent.js'

for (const bus of ['daemon', 'broker'] as const) {
  describeLab(
    `an agent on dbus-${bus}`,
    () => {
      it('writes events to the file and serves metrics to Prometheus', () =>
        withLab(
          async (lab) => {
            lab.writeUnit('good.service', '[Service]\nExecStart=/bin/sleep infinity\n')
            lab.writeUnit('bad.service', "[Service]\nExecStart=/bin/sh -c 'exit 3'\n")
            await lab.daemonReload()
            const port = await freePort()
            await withAgent(
              (workspace) => labConfig(lab, workspace, port),
              async (agent, workspace) => {
                await watching(workspace)
                await lab.systemctl('start', 'good.service', 'bad.service')
                const failed = await waitFor('the failure in the file', () =>
                  workspace.output().events.find((event) => event.name === 'systemd.unit.failed'),
                )
                const { InvocationID: invocation } = await lab.show('good.service', 'InvocationID')
                const started = await waitFor('the start in the file', () =>
                  workspace
                    .output()
                    .events.find((event) => event.name === 'systemd.unit.started' && event.traceId === invocation),
                )
                expect(failed.attributes).toMatchObject({
                  'systemd.unit.name': 'bad.service',
                  'systemd.unit.result': 'exit-code',
                  'process.exit.code': 3,
                })
                expect(started.attributes['systemd.unit.name']).toBe('good.service')

                const text = await waitFor('its CPU time at the scrape endpoint', async () => {
                  const page = await scrape(port)
                  return /cpu.*good\.service/.test(page) && page
                })
                expect(text).toMatch(/bad\.service/)
                expect(await agent.stop()).toMatchObject({ code: 0, signal: null })
              },
            )
          },
          { bus },
        ))
    },
    { bus },
  )
}
