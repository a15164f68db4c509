import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { attr, event } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { waitFor, withLab } from '../lab/lab.js'
import { agentMain, nodeFlags } from './agent.js'
import { OtlpLines } from './otlp-lines.js'

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n'
const config = {
  receivers: { systemd: { private_socket: true, collection_interval: '1s' } },
  exporters: { file: { path: '/run/out.jsonl' } },
  service: { pipelines: { units: { receivers: ['systemd'], exporters: ['file'] } } },
}

// Inside the lab: PID 1 refuses peers that are in none of its namespaces.
describeLab("systemd's own socket", () => {
  it('stands in for a bus that is not there, is left when it is, and every change of the two is a gap', () =>
    withLab(async (lab) => {
      for (const unit of ['one', 'two', 'three']) lab.writeUnit(`${unit}.service`, sleeper)
      await lab.daemonReload()
      await lab.stopBus()
      lab.writeFile('/run/agent.yaml', JSON.stringify(config))
      const agent = lab.spawn([process.execPath, ...nodeFlags, agentMain, 'run', '--config', '/run/agent.yaml'])
      let log = ''
      agent.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log += text
      })
      const file = `${lab.root}/run/out.jsonl`
      const text = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
      const told = () => new OtlpLines(text()).events
      const started = (unit: string) =>
        told().find((one) => one.name === event.started && one.attributes[attr.unit] === unit)
      const gaps = () => told().flatMap((one) => (one.name === event.gap ? [one.attributes[attr.gapReason]] : []))
      const soon = async (what: string, look: () => unknown): Promise<void> => {
        await waitFor(what, look).catch((error: Error) => {
          throw new Error(`${error.message}\n--- the agent's log ---\n${log.slice(-8192)}`)
        })
      }

      await soon('the first reading', () => text().includes('"systemd.unit.state"'))
      expect(log).toMatch(/systemd's own socket stands in for the bus: cannot connect/)
      await lab.systemctl('start', 'one.service')
      await soon('a start told without a bus', () => started('one.service'))

      await lab.startBus()
      await soon('the way back to the bus', () => gaps().includes('bus_returned'))
      await lab.systemctl('start', 'two.service')
      await soon('a start told over the bus', () => started('two.service'))

      await lab.stopBus()
      await soon('the bus to be missed', () => gaps().includes('bus_lost'))
      await lab.systemctl('start', 'three.service')
      await soon('a start told without a bus again', () => started('three.service'))
      expect(gaps()).toEqual(['bus_returned', 'bus_lost'])
      // Each was seen, none concluded from a comparison.
      expect(['one', 'two', 'three'].map((unit) => started(`${unit}.service`)?.attributes[attr.synthetic])).toEqual([
        undefined,
        undefined,
        undefined,
      ])
    }))
})
