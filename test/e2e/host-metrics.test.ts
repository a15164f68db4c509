import { createConnection } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Metric, NumberPoint } from '../../src/data/metric.js'
import { bootStages } from '../../src/lib/systemd/manager-metrics.js'
import { attr, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { type Watch, watch } from './systemd-support.js'

/** What no signal tells, read from a real systemd once per interval, and told as `systemctl show` has it. */
describeLab('metrics that must be asked for', () => {
  let lab: Lab
  let watched: Watch

  beforeAll(async () => {
    lab = await bootLab()
    // After=: a unit that nobody names is unloaded when it stops, and told of no more; and of one that is loaded anew nobody may have
    // read whether it is to be restarted when it fails a moment later.
    lab.writeUnit(
      'counted.socket',
      '[Unit]\nAfter=slow.service failing.service crashing.service\n[Socket]\nListenStream=/run/counted.sock\nAccept=yes\nMaxConnections=2\n',
    )
    lab.writeUnit('counted@.service', '[Service]\nExecStart=/bin/sleep 1000\nStandardInput=socket\n')
    lab.writeUnit('plain.socket', '[Socket]\nListenStream=/run/plain.sock\n')
    lab.writeUnit('plain.service', '[Service]\nExecStart=/bin/sleep 1000\n')
    lab.writeUnit('failing.service', '[Service]\nExecStart=/bin/false\n')
    lab.writeUnit('crashing.service', '[Service]\nExecStart=/bin/sh -c "kill -SEGV $$$$"\n')
    lab.writeUnit('slow.service', '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 0.3\n')
    await lab.systemctl('daemon-reload')
    await lab.systemctl('start', 'dbus.service', 'counted.socket', 'plain.socket', 'slow.service')
    watched = await watch(lab, {
      collection_interval: '1s',
      metrics: { details: true, durations: true, timestamps: true, info: true },
    })
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
  })

  const pointsOf = (name: string, unit?: string): readonly NumberPoint[] => {
    const found = watched.exporter.metrics.filter(
      (one): one is Exclude<Metric, { type: 'histogram' | 'encoded' }> =>
        one.type !== 'histogram' &&
        one.type !== 'encoded' &&
        one.name === name &&
        (unit === undefined || one.resource.attributes['service.name'] === unit),
    )
    return found.at(-1)?.points ?? []
  }
  const value = (name: string, unit?: string): number | bigint | undefined => pointsOf(name, unit)[0]?.value
  const current = (name: string, attribute: string, unit?: string): unknown =>
    pointsOf(name, unit).filter((one) => one.value === 1)[0]?.attributes[attribute]
  const show = async (unit: string, name: string): Promise<string> =>
    (await lab.systemctl('show', '-P', name, unit)).trim()

  it('systemd itself: version, virtualization, and every stage of the boot it passed', async () => {
    await waitFor('the first reading', () => value(metric.systemdVersion) !== undefined)
    const version = (await lab.systemctl('show', '-P', 'Version')).trim()
    expect(pointsOf(metric.systemdVersion)).toMatchObject([
      { value: Number.parseFloat(version), attributes: { [attr.systemdVersion]: version } },
    ])
    expect(value(metric.watchdogEnabled)).toBe(0)
    const userspace = pointsOf(metric.bootMonotonic).find((one) => one.attributes[attr.bootStage] === 'Userspace')
    expect(Number(userspace?.value) * 1e6).toBeCloseTo(
      Number((await lab.systemctl('show', '-P', 'UserspaceTimestampMonotonic')).trim()),
      -1,
    )
    const stages = pointsOf(metric.bootTime).map((one) => one.attributes[attr.bootStage])
    expect(stages).toContain('Finish')
    expect(bootStages).toEqual(expect.arrayContaining(stages))
  })

  it('the state of the whole: running, degraded by one failure, running again', async () => {
    await waitFor('running', () => current(metric.systemState, attr.systemState) === 'running')
    await lab.systemctl('start', 'failing.service').catch(() => {})
    await waitFor('degraded', () => current(metric.systemState, attr.systemState) === 'degraded')
    await lab.systemctl('reset-failed')
    await waitFor('running', () => current(metric.systemState, attr.systemState) === 'running')
  })

  it('connections of a socket: accepted, open, refused past MaxConnections=', async () => {
    const clients = [1, 2, 3].map(() => createConnection(`${lab.root}/run/counted.sock`).on('error', () => {}))
    try {
      await waitFor('three connections', () => value(metric.socketRefused, 'counted.socket') === 1)
      await watched.collection()
      expect(value(metric.socketAccepted, 'counted.socket')).toBe(Number(await show('counted.socket', 'NAccepted')))
      expect(value(metric.socketConnections, 'counted.socket')).toBe(2)
    } finally {
      for (const client of clients) client.destroy()
    }
    await lab.systemctl('stop', 'counted@*.service')
    await waitFor('no connection', () => value(metric.socketConnections, 'counted.socket') === 0)
  })

  it('a socket that only starts its service has none, and is not asked again', () => {
    expect(value(metric.socketAccepted, 'plain.socket')).toBe(0)
    expect(value(metric.socketConnections, 'plain.socket')).toBe(0)
  })

  it('what comes next: given up, until somebody starts it', async () => {
    await lab.systemctl('start', 'failing.service').catch(() => {})
    await waitFor('the verdict', () => current(metric.verdict, attr.verdict, 'failing.service') === 'gave_up')
    lab.writeUnit('failing.service', '[Service]\nExecStart=/bin/sleep 1000\n')
    await lab.systemctl('daemon-reload')
    await lab.systemctl('start', 'failing.service')
    await waitFor('no verdict', () => {
      const points = pointsOf(metric.verdict, 'failing.service')
      return points.length === 5 && points.every((one) => one.value === 0)
    })
    await lab.systemctl('stop', 'failing.service')
  })

  it('details of a unit, where they are switched on', async () => {
    await lab.systemctl('start', 'crashing.service').catch(() => {})
    await waitFor('the crash', () => value(metric.exitCode, 'crashing.service') === 128 + 11)
    expect(current(metric.subState, attr.subState, 'crashing.service')).toBe('failed')
    expect(current(metric.result, attr.result, 'crashing.service')).toBe(await show('crashing.service', 'Result'))
    expect(pointsOf(metric.unitInfo, 'slow.service')).toMatchObject([
      { attributes: { [attr.serviceType]: 'oneshot', [attr.slice]: 'system.slice' } },
    ])
    const took = Number(value(metric.startDuration, 'slow.service'))
    expect(took).toBeGreaterThan(0.29)
    expect(
      Number(value(metric.activeEnterTime, 'slow.service')) - Number(value(metric.inactiveExitTime, 'slow.service')),
    ).toBeCloseTo(took, 3)
    await lab.systemctl('stop', 'slow.service')
    await waitFor('the stop', () => current(metric.subState, attr.subState, 'slow.service') === 'dead')
    // What was before is told as over, not left at 1.
    expect(pointsOf(metric.subState, 'slow.service')).toMatchObject([
      { attributes: { [attr.subState]: 'exited' }, value: 0 },
      { attributes: { [attr.subState]: 'dead' }, value: 1 },
    ])
  })
})
