import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeLab } from '../lab/describe-lab.js'
import { packageRoot, waitFor, withLab } from '../lab/lab.js'
import { agentMain } from './agent.js'

const config = {
  receivers: { systemd: {} },
  exporters: { file: { path: '/tmp/out.jsonl' } },
  service: { pipelines: { main: { receivers: ['systemd'], exporters: ['file'] } } },
}

/** The unit as it ships, with the places of this checkout. */
const unit = readFileSync(join(packageRoot, 'docker/unitscope.service'), 'utf8')
  .replace('/usr/bin/node', process.execPath)
  .replace('/opt/unitscope/dist/main.js', agentMain)
  .replace('/etc/unitscope.yaml', '/run/agent.yaml')
  .replace('User=unitscope', 'User=root')

/** What the test changes in it. */
const dropIn = [
  '[Service]',
  "ExecReload=/bin/sh -c 'kill -HUP $MAINPID'",
  // An agent that got no CPU for some seconds answers in time all the same.
  'WatchdogSec=15s',
  'TimeoutStopSec=12s', // the agent's own deadline is 10 s
  'LimitCORE=0',
  'ReadWritePaths=/tmp',
  'ProtectHome=no', // where a checkout may be
  '',
].join('\n')

describeLab('an agent that systemd supervises', () => {
  it('is ready, answers the watchdog, reloads, is restarted when it hangs, and stops in order', () =>
    withLab(async (lab) => {
      lab.writeFile('/run/agent.yaml', JSON.stringify(config))
      lab.writeUnit('unitscope.service', unit)
      lab.writeFile('/run/systemd/system/unitscope.service.d/test.conf', dropIn)
      await lab.daemonReload()

      // `start` of Type=notify returns only after READY=1.
      await lab.systemctl('start', 'unitscope.service')
      const first = await lab.show('unitscope.service', 'ActiveState', 'StatusText', 'MainPID', 'NRestarts')
      expect(first).toMatchObject({ ActiveState: 'active', NRestarts: '0' })
      expect(first['StatusText']).toMatch(/components ok/)
      const log = await lab.journal('--unit=unitscope.service')
      const lines = log.filter(({ MESSAGE = '' }) => MESSAGE.startsWith('{"level"'))
      expect(lines.length).toBeGreaterThan(0)
      const grave: Record<string, string> = { error: '3', warn: '4', info: '6', debug: '7' }
      for (const { MESSAGE = '', PRIORITY } of lines) expect(PRIORITY).toBe(grave[JSON.parse(MESSAGE).level])

      const pings = () => lab.show('unitscope.service', 'WatchdogTimestampMonotonic')
      const before = (await pings())['WatchdogTimestampMonotonic']
      await waitFor('the next keep-alive', async () => (await pings())['WatchdogTimestampMonotonic'] !== before)

      // SIGHUP is no end: the same process goes on, and says what it did.
      await lab.systemctl('reload', 'unitscope.service')
      await waitFor('the answer to SIGHUP', async () =>
        (await lab.journal('--unit=unitscope.service')).some((entry) =>
          /configuration reloaded/.test(entry['MESSAGE'] ?? ''),
        ),
      )
      expect(await lab.show('unitscope.service', 'ActiveState', 'MainPID', 'NRestarts')).toEqual({
        ActiveState: 'active',
        MainPID: first['MainPID'],
        NRestarts: '0',
      })

      // A stuck event loop: the process is there and does nothing.
      await lab.systemctl('kill', '--signal=STOP', 'unitscope.service')
      await waitFor('systemd to start it again', async () => {
        const now = await lab.show('unitscope.service', 'ActiveState', 'NRestarts')
        return now['ActiveState'] === 'active' && now['NRestarts'] === '1'
      })

      // Result would be "timeout" had systemd to use force after TimeoutStopSec=.
      await lab.systemctl('stop', 'unitscope.service')
      expect(await lab.show('unitscope.service', 'ActiveState', 'Result')).toEqual({
        ActiveState: 'inactive',
        Result: 'success',
      })
      expect(existsSync(`${lab.root}/tmp/out.jsonl`)).toBe(true)
    }))

  it('is started again for as long as something stands in its way, and runs once that is gone', () =>
    withLab(async (lab) => {
      const blocked = { ...config, exporters: { file: { path: '/run/late/out.jsonl' } } }
      lab.writeFile('/run/agent.yaml', JSON.stringify(blocked))
      lab.writeUnit('unitscope.service', unit)
      // At once, so that systemd's usual limit of five starts in ten seconds would be met.
      lab.writeFile(
        '/run/systemd/system/unitscope.service.d/test.conf',
        `${dropIn}RestartSec=10ms\nReadWritePaths=/run\n`,
      )
      await lab.daemonReload()
      await lab.systemctl('start', '--no-block', 'unitscope.service')
      const state = () => lab.show('unitscope.service', 'ActiveState', 'NRestarts')
      await waitFor('the seventh start', async () => Number((await state())['NRestarts']) >= 6, { timeoutMs: 60_000 })
      await lab.exec(['mkdir', '/run/late'])
      await waitFor('it to run', async () => (await state())['ActiveState'] === 'active')
    }))

  it('is not restarted for a configuration it cannot run', () =>
    withLab(async (lab) => {
      lab.writeFile('/run/agent.yaml', 'receivers: {}\n')
      lab.writeUnit('unitscope.service', unit)
      lab.writeFile('/run/systemd/system/unitscope.service.d/test.conf', dropIn)
      await lab.daemonReload()
      await lab.exec(['systemctl', 'start', 'unitscope.service'], { allowFailure: true })
      const end = await lab.show('unitscope.service', 'ActiveState', 'ExecMainStatus', 'NRestarts')
      expect(end).toEqual({ ActiveState: 'failed', ExecMainStatus: '78', NRestarts: '0' })
      const told = await lab.journal('--unit=unitscope.service', '--priority=err', '_TRANSPORT=stdout')
      expect(told.map(({ MESSAGE }) => MESSAGE)).toContainEqual(expect.stringMatching(/^error: .*agent\.yaml:/))
    }))
})
