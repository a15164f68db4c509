import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { type Watch, watch } from './systemd-support.js'

// systemd keeps NRestarts of a service that was stopped until its next start; it is no restart of today.

const units = {
  // Crashes until it is told to be calm.
  'nervous.service':
    '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=10ms\n' +
    "ExecStart=/bin/sh -c '[ -e /run/calm ] || exit 1; exec sleep infinity'\n",
  'remains.service': '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n',
  // Keeps both loaded while they are down.
  'holder.target': '[Unit]\nAfter=nervous.service remains.service\n',
}
const kRestarts = 5

describeLab('what was before is not counted again', () => {
  let lab: Lab
  let watched: Watch

  /** Resolves with how often it was restarted until it was calm, by systemd's own account. */
  const crash = async (): Promise<number> => {
    await lab.exec(['rm', '-f', '/run/calm'])
    await lab.systemctl('start', 'nervous.service')
    const restarts = async (): Promise<number> => Number((await lab.show('nervous.service', 'NRestarts'))['NRestarts'])
    await waitFor('some crashes', async () => (await restarts()) >= kRestarts)
    lab.writeFile('/run/calm', '')
    await waitFor('calm', async () => {
      const { SubState, ActiveState } = await lab.show('nervous.service', 'SubState', 'ActiveState')
      return `${ActiveState}/${SubState}` === 'active/running'
    })
    return restarts()
  }
  const latest = (name: string): unknown[] => {
    const found = watched.exporter.metrics.findLast((one) => {
      return one.name === name && one.resource.attributes[attr.unit] === 'nervous.service'
    })
    const points = found === undefined || found.type === 'histogram' ? [] : found.points
    return points.filter((point) => point.attributes[attr.restartCause] !== 'manual').map(({ value }) => Number(value))
  }
  const counted = async (): Promise<unknown[]> => {
    await watched.take()
    await watched.collection()
    return [latest(metric.restarts), latest(metric.nRestarts)].flat()
  }

  beforeAll(async () => {
    lab = await bootLab()
    for (const [name, text] of Object.entries(units)) lab.writeUnit(name, text)
    await lab.daemonReload()
    await lab.systemctl('start', 'dbus.service', 'holder.target')
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
  })

  it('restarts of a service that was stopped before the agent came', async () => {
    const before = await crash()
    await lab.systemctl('stop', 'nervous.service')
    watched = await watch(lab, { collection_interval: '1s' })
    expect(await counted()).toEqual([0, before])
    await lab.systemctl('start', 'nervous.service')
    expect(await counted()).toEqual([0, 0])
  })

  it('restarts that were counted as they happened, when the bus dies after the service was stopped', async () => {
    await lab.systemctl('stop', 'nervous.service')
    const live = await crash()
    expect(await counted()).toEqual([live, live])
    await lab.systemctl('stop', 'nervous.service')
    const since = watched.host.reports.length
    await lab.killBus()
    await waitFor('the receiver to notice', () => watched.host.reports.slice(since).some((s) => s.state === 'degraded'))
    await watched.ready()
    expect(await counted()).toEqual([live, live])
    await lab.systemctl('start', 'nervous.service')
    expect(await counted()).toEqual([live, 0])
  })

  it('a restart that systemd sends in one piece is dated when the old run ended, not when it began', async () => {
    await lab.systemctl('start', 'remains.service')
    await watched.take()
    await lab.systemctl('restart', 'remains.service')
    const events = await watched.take()
    const restarting = events.find((one: RawEvent) => one.name === event.restarting)
    const path = '/org/freedesktop/systemd1/unit/remains_2eservice'
    const property = ['org.freedesktop.systemd1', path, 'org.freedesktop.systemd1.Unit', 'InactiveEnterTimestamp']
    const { stdout } = await lab.exec(['busctl', 'get-property', ...property])
    expect(restarting?.timeUnixNano).toBe(BigInt(stdout.trim().split(' ')[1]!) * 1000n)
  })
})
