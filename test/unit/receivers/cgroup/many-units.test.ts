import { expect, test } from 'vitest'
import { createCgroupReceiver } from '../../../../src/receivers/cgroup/cgroup.js'
import { schema } from '../../../../src/receivers/cgroup/config.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { FakeReader, fakeWorld } from './fake-reader.js'

/** The receiver on a tree of these cgroups, with the units it tells of in each interval. */
async function started(paths: readonly string[], written: Record<string, unknown>) {
  const reader = new FakeReader()
  paths.forEach((path, n) => void reader.put(path, { pidsCurrent: 1, pidsMax: 9 }, n + 1))
  const clock = new FakeClock()
  const telemetry = new RecordingTelemetry()
  const settings = testSettings('receiver', 'cgroup', { clock, telemetry })
  const next = new MemoryExporter()
  const host = new TestHost()
  const receiver = createCgroupReceiver(settings, createTestConfig(schema, written), next, fakeWorld([reader]))
  await receiver.start(host)
  await settle()
  const told = async (): Promise<unknown[]> => {
    next.batches.length = 0
    await clock.advance(10_000)
    return [...new Set(next.metrics.map(({ resource }) => resource.attributes['service.name']))]
  }
  const gauge = (name: string): number | undefined => telemetry.gauges.get(name)?.()
  return { receiver, host, told, gauge, reader }
}

test('connections have no series of their own: their slice has the sum', async () => {
  const slice = '/system.slice/system-sshd.slice'
  const connection = `${slice}/sshd@7-10.0.0.1:22-10.0.0.9:51514.service`
  const { receiver, told, gauge } = await started([slice, connection, `${slice}/sshd@x.service`], {})
  expect(await told()).toEqual(['system-sshd.slice', 'sshd@x.service'])
  expect(gauge('units_folded')).toBe(1)
  await receiver.shutdown()
})

test('more series than may be: whole units are left out, the receiver says so, and it is over when they are gone', async () => {
  const paths = ['c.service', 'a.service', 'w@1.service', 'b.service'].map((name) => `/system.slice/${name}`)
  const { receiver, host, told, gauge, reader } = await started(paths, { max_series: 4 })
  await told() // how many series each has is known after the first
  expect(await told()).toEqual(['a.service', 'b.service'])
  expect(gauge('units_left_out')).toBe(2)
  expect(host.last).toMatchObject({ state: 'degraded', reason: expect.stringMatching(/^more series than max_series/) })
  for (const path of [paths[0]!, paths[2]!]) reader.cgroups.delete(path)
  await told()
  expect(await told()).toEqual(['a.service', 'b.service'])
  expect(gauge('units_left_out')).toBe(0)
  expect(host.last).toEqual({ state: 'ok' })
  await receiver.shutdown()
})
