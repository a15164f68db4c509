import { afterAll, beforeAll, expect, it } from 'vitest'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { type Watch, watch } from './systemd-support.js'

const sleep = 'ExecStart=/bin/sleep 1000\n'
const wanted = '[Install]\nWantedBy=lab.target\n'
const units: Readonly<Record<string, string>> = {
  'web.service': `[Unit]\nWants=helper.service\n[Service]\n${sleep}${wanted}`,
  'helper.service': `[Service]\n${sleep}`,
  'disabled.service': `[Service]\n${sleep}${wanted}`,
  'elsewhere.service': `[Service]\n${sleep}[Install]\nWantedBy=rescue.target\n`,
  'oneshot.service': `[Service]\nType=oneshot\nExecStart=/bin/true\n${wanted}`,
  'setup.service': `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n${wanted}`,
  'finished.service': `[Service]\nExecStart=/bin/sleep 0.2\n${wanted}`,
  'crashed.service': `[Service]\nExecStart=/bin/false\n${wanted}`,
  'unmet.service': `[Unit]\nConditionPathExists=/nonexistent\n[Service]\n${sleep}${wanted}`,
  'loser.service': `[Service]\n${sleep}${wanted}`,
  'winner.service': `[Unit]\nConflicts=loser.service\n[Service]\n${sleep}${wanted}`,
  'backup.timer': '[Timer]\nOnActiveSec=1d\n[Install]\nWantedBy=timers.target\n',
  'backup.service': `[Service]\nType=oneshot\nExecStart=/bin/true\n`,
  'app.socket': '[Socket]\nListenStream=/run/app.sock\n[Install]\nWantedBy=sockets.target\n',
  'app.service': `[Service]\n${sleep}`,
}
const enabled = Object.keys(units).filter((name) => units[name]!.includes('[Install]') && name !== 'disabled.service')

/** The answer to each unit of a machine that has them all, from what systemd says and nothing else. */
describeLab('which units of a real systemd should run', () => {
  let lab: Lab
  let watched: Watch

  beforeAll(async () => {
    lab = await bootLab()
    for (const [name, text] of Object.entries(units)) lab.writeUnit(name, text)
    await lab.systemctl('daemon-reload')
    await lab.systemctl('enable', ...enabled)
    await lab.systemctl('start', 'dbus.service', 'loser.service', 'app.socket', 'backup.timer', 'timers.target')
    watched = await watch(lab, { collection_interval: '1s' })
    // As at a boot: all that the target wants.
    await lab.systemctl('start', 'lab.target')
    await lab.systemctl('start', 'disabled.service', 'winner.service')
    for (const name of ['web', 'setup', 'oneshot', 'unmet', 'finished', 'crashed'])
      await lab.systemctl('start', `${name}.service`).catch(() => {})
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
  })

  const expected = (unit: string): unknown => {
    const found = watched.exporter.metrics.filter(
      (one) => one.name === metric.expected && one.resource.attributes['service.name'] === unit,
    )
    const point = found.at(-1)?.points[0]
    return point !== undefined && 'value' in point ? point.value : undefined
  }
  const comesTo = async (unit: string, value: number): Promise<void> => {
    await waitFor(`${unit} to be expected: ${value}, not ${expected(unit)}`, () => expected(unit) === value)
  }

  it.each([
    ['an enabled service that runs', 'web.service', 1],
    ['a static one that it wants', 'helper.service', 1],
    ['an enabled service that failed', 'crashed.service', 1],
    ['an enabled oneshot that stays active', 'setup.service', 1],
    ['an enabled timer', 'backup.timer', 1],
    ['an enabled socket', 'app.socket', 1],
    ['a disabled service that somebody started', 'disabled.service', 0],
    ['an enabled oneshot', 'oneshot.service', 0],
    ['the job of a timer', 'backup.service', 0],
    ['the service of a socket', 'app.service', 0],
    ['one whose condition is not met', 'unmet.service', 0],
    ['one that ended in order', 'finished.service', 0],
    ['one whose rival runs', 'loser.service', 0],
  ])('%s: %s is %i', (_, unit, value) => comesTo(unit, value))

  it('an operator stops the service: it should run all the same, and the event says who stopped it', async () => {
    await watched.take()
    await lab.systemctl('stop', 'web.service')
    const stopped = (await watched.take()).find(
      (one) => one.name === event.stopped && one.attributes[attr.unit] === 'web.service',
    )
    expect(stopped?.attributes[attr.verdict]).toBe('stopped_by_operator')
    await watched.collection()
    expect(expected('web.service')).toBe(1)
  })

  it('and what only that service wanted need not run any more', () => comesTo('helper.service', 0))

  it('once it is disabled or masked, nobody expects it', async () => {
    await lab.systemctl('disable', 'setup.service')
    await comesTo('setup.service', 0)
    await lab.systemctl('mask', '--now', 'crashed.service')
    await comesTo('crashed.service', 0)
  })
})
