import { expect, test } from 'vitest'
import type { MemoryKill } from '../../../../src/binding/cgroup-source.js'
import { createCgroupReceiver } from '../../../../src/receivers/cgroup/cgroup.js'
import { schema } from '../../../../src/receivers/cgroup/config.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { FakeReader, fakeWorld } from './fake-reader.js'

const id = '0123456789abcdef'.repeat(4)
const docker = `/docker/${id}`
const victim = { pid: 12, command: 'tail', limitedBy: docker }

async function start(written: Record<string, unknown> = {}) {
  const reader = new FakeReader()
  const exporter = new MemoryExporter()
  const telemetry = new RecordingTelemetry()
  const clock = new FakeClock(1_000_000_000_000n)
  const settings = testSettings('receiver', 'cgroup', { clock, telemetry })
  const world = fakeWorld([reader.put('/system.slice/web.service', { pidsCurrent: 1 })])
  const receiver = createCgroupReceiver(settings, createTestConfig(schema, written), exporter, world)
  await receiver.start(new TestHost())
  await clock.advance(10_000)
  const kill = (part: Partial<MemoryKill>): void =>
    reader.onKills([{ path: docker, id: 7, invocationId: '', before: 0, after: 0, ageMs: 250, ...part }], [])
  return { exporter, telemetry, clock, kill, receiver }
}

test('a kill is told once, with all that the counter and the log say of it, a second later', async () => {
  const { exporter, clock, kill, telemetry, receiver } = await start()
  kill({ before: 2, after: 3, peak: 4096, limit: 8192 })
  kill({ path: `${docker}/worker`, ...victim })
  await clock.advance(999)
  expect(exporter.events).toEqual([])
  await clock.advance(1)
  expect(exporter.events).toMatchObject([
    {
      name: 'container.oom_killed',
      timeUnixNano: 1_009_750_000_000n,
      body: 'docker-0123456789ab lost a process because memory ran out, first tail (PID 12)',
      resource: { attributes: { 'container.id': id, 'container.runtime.name': 'docker' } },
    },
  ])
  expect(exporter.events[0]?.attributes).toEqual({
    'systemd.event.evidence': ['memory.events', 'kernel_log'],
    'container.oom.kills': 1,
    'container.oom.counter.previous': 2,
    'container.oom.counter': 3,
    'container.oom.victim.pid': 12,
    'container.oom.victim.command': 'tail',
    'container.oom.constraint': 'memcg',
    'container.oom.limited_by': docker,
    'container.oom.cgroup': `${docker}/worker`,
    'container.oom.memory.peak': 4096,
    'container.oom.memory.limit': 8192,
  })
  // The log was slow: the same process.
  kill({ ...victim })
  await clock.advance(5000)
  expect(exporter.events).toHaveLength(1)
  kill({ before: 3, after: 5 })
  await clock.advance(1000)
  expect(exporter.events[1]?.attributes).toMatchObject({
    'container.oom.kills': 2,
    'container.oom.counter.previous': 3,
  })
  await receiver.shutdown()
  expect(telemetry.processedItems).toBe(exporter.items)
})

test('what waits when the agent stops is told, and no timer is left', async () => {
  const { exporter, clock, kill, receiver } = await start()
  kill({ after: 1 })
  await receiver.shutdown()
  expect(exporter.events.map(({ name }) => name)).toEqual(['container.oom_killed'])
  expect(clock.pending).toBe(0)
})

test.each<[what: string, path: string, config?: object]>([
  ['a unit, which tells itself', `/system.slice/docker-${id}.scope`],
  ['a pod, whose counter tells what those of its containers do', '/kubepods/pod0123'],
  ['a folder of containers', '/docker'],
  ['a slice', '/system.slice'],
  ['the root', '/'],
  ['containers that are not wanted', docker, { containers: false }],
  ['a container of the machine, to the receiver of one user', docker, { scope: 'user' }],
])('nothing is told here of %s', async (_, path, config = {}) => {
  const { exporter, clock, kill, receiver } = await start({ ...config })
  kill({ path, after: 1 })
  await clock.advance(2000)
  await receiver.shutdown()
  expect(exporter.events).toEqual([])
})

test('more containers than are told apart: each kill is told', async () => {
  const { exporter, clock, kill, receiver } = await start()
  for (let n = 0; n < 600; n++) kill({ path: `/docker/${n.toString(16).padStart(64, '0')}`, id: n + 1, after: 1 })
  await clock.advance(1000)
  expect(new Set(exporter.events.map(({ resource }) => resource.attributes['container.id'])).size).toBe(600)
  expect(exporter.events).toHaveLength(600)
  await receiver.shutdown()
})
