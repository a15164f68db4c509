import { expect, test } from 'vitest'
import { CallError } from '../../../../src/lib/systemd/control-plane.js'
import { metric } from '../../../../src/lib/systemd/names.js'
import { start } from './start.js'

const each10s = { poll_interval: '0s', collection_interval: '10s' }

test('what no signal tells is read each interval, and told no longer when systemd stops answering', async () => {
  const { source, clock, exporter, receiver } = await start(each10s)
  const running = (): unknown => {
    const states = exporter.metrics.filter(({ name }) => name === metric.systemState)
    exporter.batches.length = 0
    return states.at(-1)?.points.map((point) => ('value' in point ? point.value : 0))
  }
  await clock.advance(10_000)
  expect(running()).toEqual([0, 0, 1, 0, 0, 0])
  source.manager = { ...source.manager, SystemState: 'degraded' }
  await clock.advance(20_000)
  expect(running()).toEqual([0, 0, 0, 1, 0, 0])
  source.trouble = 'Get: no answer within 5 s'
  await clock.advance(60_000)
  exporter.batches.length = 0
  await clock.advance(10_000)
  expect(running()).toBeUndefined()
  await receiver.shutdown()
})

test('a systemd, or a policy, that refuses to say is alive all the same', async () => {
  const { clock, exporter, host, receiver } = await start(each10s, (source) => {
    const refused = new CallError('GetAll: denied', 'org.freedesktop.DBus.Error.AccessDenied')
    Object.defineProperty(source, 'manager', {
      get() {
        throw refused
      },
    })
  })
  await clock.advance(30_000)
  expect(host.last).toEqual({ state: 'ok' })
  const names = new Set(exporter.metrics.map(({ name }) => name))
  expect(names).toContain(metric.sourceUp)
  expect(names).not.toContain(metric.systemState)
  await receiver.shutdown()
})

test('with its groups off nothing is asked', async () => {
  const { source, clock, receiver } = await start({ ...each10s, metrics: { manager: false, sockets: false } })
  source.asked.length = 0
  await clock.advance(25_000)
  expect(source.asked.filter((one) => one.startsWith('Get'))).toEqual([])
  await receiver.shutdown()
})
