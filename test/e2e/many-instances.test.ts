import { afterAll, beforeAll, expect, it } from 'vitest'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { type Watch, watch } from './systemd-support.js'

const kConnections = 20

/** A unit per connection, as sshd has them: each with a name of its own, that never comes back. */
describeLab('connections that systemd accepts', () => {
  let lab: Lab
  let watched: Watch

  beforeAll(async () => {
    lab = await bootLab()
    lab.writeUnit('conn.socket', '[Socket]\nListenStream=127.0.0.1:7777\nAccept=yes\nMaxConnections=100\n')
    const service = 'StandardInput=socket\nExecStart=/bin/sh -c "read word; exit $$word"\n'
    lab.writeUnit('conn@.service', `[Unit]\nCollectMode=inactive-or-failed\n[Service]\n${service}`)
    await lab.systemctl('daemon-reload')
    await lab.systemctl('start', 'dbus.service', 'conn.socket')
    watched = await watch(lab, { collection_interval: '1s' })
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
  })

  const connect = (script: string) =>
    lab.exec(['bash', '-c', `for i in $(seq ${kConnections}); do exec 3<>/dev/tcp/127.0.0.1/7777; ${script}; done`])
  const value = (name: string, attributes: object = {}): unknown => {
    const found = watched.exporter.metrics.filter(
      (one) => one.name === name && one.resource.attributes['service.name'] === 'conn@*.service',
    )
    const points = found.at(-1)?.points ?? []
    const wanted = JSON.stringify(attributes)
    const point = points.find((one) => JSON.stringify(one.attributes) === wanted)
    return point !== undefined && 'value' in point ? point.value : undefined
  }

  it('each fails on its own, with its own event; the metrics are those of one unit, and count all', async () => {
    await watched.take()
    await connect('echo 3 >&3')
    const failed = new Set<unknown>()
    await waitFor('all to have failed', async () => {
      for (const one of await watched.take()) if (one.name === event.failed) failed.add(one.attributes[attr.unit])
      return failed.size === kConnections
    })
    await waitFor('the count', () => value(metric.failures, { [attr.result]: 'exit-code' }) === kConnections)
    await waitFor('them to be gone', () => value(metric.instances) === 0)
    const units = new Set(watched.exporter.metrics.map((one) => String(one.resource.attributes['service.name'])))
    expect([...units].filter((name) => name.startsWith('conn@'))).toEqual(['conn@*.service'])
  })

  it('says how many there are now', async () => {
    const script =
      'for i in 1 2 3; do exec {fd}<>/dev/tcp/127.0.0.1/7777; done; until [ -e /run/seen ]; do sleep 0.1; done'
    const held = lab.exec(['bash', '-c', script], { allowFailure: true })
    await waitFor('three', () => value(metric.instances) === 3)
    await waitFor('active ones', () => value(metric.unitState, { [attr.activeState]: 'active' }) === 3)
    expect(watched.telemetry.gauges.get('units_folded')?.()).toBe(3)
    await lab.systemctl('stop', 'conn@*.service')
    lab.writeFile('/run/seen', '')
    await waitFor('none', () => value(metric.instances) === 0)
    await held
  })
})
