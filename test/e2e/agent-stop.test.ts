import { expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { waitFor, withLab } from '../lab/lab.js'
import { running, withAgent } from './agent.js'

const kLoops = 50
const crashLoop = [
  '[Unit]',
  'StartLimitIntervalSec=0',
  '[Service]',
  'ExecStart=/bin/false',
  'Restart=always',
  'RestartSec=100ms',
  '',
].join('\n')

describeLab('SIGTERM under load', () => {
  it('is an ordered end: within ten seconds, nothing left inside, nothing lost unseen', () =>
    withLab(async (lab) => {
      const units = Array.from({ length: kLoops }, (_, n) => `loop${n}.service`)
      for (const unit of units) lab.writeUnit(unit, crashLoop)
      await lab.daemonReload()
      await withAgent(
        (workspace) => ({
          receivers: {
            systemd: { address: lab.busAddress },
            cgroup: { root: lab.cgroupRoot, collection_interval: '1s' },
          },
          exporters: { file: { path: workspace.path('out.jsonl'), max_size: '1GiB' } },
          service: { pipelines: { main: { receivers: ['systemd', 'cgroup'], exporters: ['file'] } } },
        }),
        async (agent, workspace) => {
          await agent.logged(running)
          await lab.systemctl('start', '--no-block', ...units)
          await waitFor('a thousand events', () => workspace.output().events.length > 1000, { timeoutMs: 60_000 })

          const exit = await agent.stop()
          expect(exit).toMatchObject({ code: 0, signal: null })
          expect(exit.ms).toBeLessThan(10_000)
          const { received, exported, dropped } = agent.totals()
          const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0)
          expect(exported + lost).toBe(received)
          // All of it is in the file, and every line is whole.
          expect(workspace.output().items).toBe(exported)
          expect(workspace.text().endsWith('\n')).toBe(true)
        },
      )
      await lab.systemctl('stop', ...units)
    }))
})
