import { expect, test } from 'vitest'
import type { MemoryKill, MemoryLoss } from '../../../../src/binding/cgroup-source.js'
import { type OomEvidence, type OomLoss, oomBoard } from '../../../../src/lib/systemd/oom-evidence.js'
import { createCgroupReceiver } from '../../../../src/receivers/cgroup/cgroup.js'
import { schema } from '../../../../src/receivers/cgroup/config.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { FakeReader, fakeWorld } from './fake-reader.js'

const run = '0123456789abcdef0123456789abcdef'
const web = '/system.slice/web.service'

async function start(written: Record<string, unknown> = {}, reader = new FakeReader()) {
  // Without a unit to read nothing else is said.
  const world = fakeWorld([reader.put(web, { pidsCurrent: 1 })])
  const log: string[] = []
  const note = (message: string): void => void log.push(message)
  const logger = { debug() {}, info: note, warn: note, error: note }
  const telemetry = new RecordingTelemetry()
  const clock = new FakeClock(1_000_000_000_000n)
  const settings = testSettings('receiver', 'cgroup', { clock, telemetry, logger })
  const receiver = createCgroupReceiver(settings, createTestConfig(schema, written), new MemoryExporter(), world)
  const board = settings.shared.get(oomBoard)
  const heard: OomEvidence[] = []
  const losses: OomLoss[] = []
  board.listen((evidence, lost) => {
    heard.push(...evidence)
    losses.push(...lost)
  })
  await receiver.start(new TestHost())
  await clock.advance(10_000)
  const kill = (part: Partial<MemoryKill>): void =>
    reader.onKills([{ path: web, id: 7, invocationId: run, before: 0, after: 0, ageMs: 250, ...part }], [])
  const lose = (part: Partial<MemoryLoss>): void =>
    reader.onKills([], [{ slice: '/system.slice', kills: 1, grouped: false, complete: true, suspects: [], ...part }])
  return { reader, world, board, heard, losses, lose, kill, log, telemetry, receiver }
}

test('a counter that grew is told as the unit’s, with its run and when it was read', async () => {
  const { board, heard, kill, telemetry, receiver } = await start()
  expect(board.watched).toBe(true)
  kill({ before: 2, after: 3, peak: 4096, limit: 8192 })
  expect(heard).toEqual([
    {
      unit: 'web.service',
      scope: 'system',
      invocationId: run,
      cgroup: web,
      below: false,
      atUsec: 1_009_750_000,
      counter: { id: 7, before: 2, after: 3 },
      peak: 4096,
      limit: 8192,
    },
  ])
  expect(telemetry.counters.get('oom_evidence')).toBe(1)
  await receiver.shutdown()
  expect(board.watched).toBe(false)
})

test('a line of the log is told with the process; one of a cgroup below the unit’s names that', async () => {
  const { heard, kill, receiver } = await start()
  kill({ path: `${web}/box/inner`, pid: 12, command: 'tail', limitedBy: '' })
  expect(heard).toMatchObject([
    {
      unit: 'web.service',
      below: true,
      cgroup: `${web}/box/inner`,
      victim: { pid: 12, command: 'tail', limitedBy: '' },
    },
  ])
  expect(heard[0]).not.toHaveProperty('counter')
  await receiver.shutdown()
})

test('units of a user’s manager are its own for a receiver of that scope, and one service for the system’s', async () => {
  const path = '/user.slice/user-1000.slice/user@1000.service/app.slice/web.service'
  const system = await start()
  system.kill({ path, after: 1 })
  expect(system.heard).toMatchObject([{ unit: 'user@1000.service', scope: 'system', below: true }])
  const user = await start({ scope: 'user' })
  user.kill({ path, after: 1 })
  user.kill({ path: web, after: 1 })
  expect(user.heard).toMatchObject([{ unit: 'web.service', scope: 'user', below: false }])
  await system.receiver.shutdown()
  await user.receiver.shutdown()
})

test('slices, of which the unit tells itself, and containers without a unit are nobody’s', async () => {
  const { heard, kill, telemetry, receiver } = await start()
  for (const path of ['/', '/system.slice', '/docker/0123', '/system.slice/x.slice']) kill({ path, after: 1 })
  expect(heard).toEqual([])
  expect(telemetry.counters.get('oom_evidence')).toBe(0)
  await receiver.shutdown()
})

test('what only a slice has counted is told with the units that it can have been', async () => {
  const { lose, losses, telemetry, receiver } = await start()
  const seen = { id: 7, invocationId: run, stirred: true, ageMs: 250 }
  const suspects = [web, '/system.slice/0123'].map((path) => ({ path, ...seen }))
  lose({ kills: 2, grouped: true, suspects })
  const told = { invocationId: run, id: 7, stirred: true, goneUsec: 1_009_750_000 }
  expect(losses).toEqual([
    {
      scope: 'system',
      slice: '/system.slice',
      kills: 2,
      grouped: true,
      complete: true,
      suspects: [
        { unit: 'web.service', cgroup: web, ...told },
        { unit: '', cgroup: '/system.slice/0123', ...told },
      ],
    },
  ])
  expect(telemetry.counters.get('oom_evidence')).toBe(1)
  await receiver.shutdown()
})

test('slices within a service are those of its own manager', async () => {
  const slice = '/user.slice/user-1000.slice/user@1000.service/app.slice'
  const suspects = [{ path: `${slice}/web.service`, id: 7, invocationId: run, stirred: true, ageMs: 250 }]
  const system = await start()
  system.lose({ slice, suspects })
  expect(system.losses).toEqual([])
  const user = await start({ scope: 'user' })
  user.lose({ slice, suspects })
  user.lose({})
  expect(user.losses.map((loss) => [loss.scope, loss.suspects[0]?.unit])).toEqual([['user', 'web.service']])
  await system.receiver.shutdown()
  await user.receiver.shutdown()
})

test('a log that may not be read is said once, and the configuration may leave it alone', async () => {
  const reader = new FakeReader()
  reader.stat = { logError: 'EPERM' }
  const { log, world, receiver } = await start({}, reader)
  expect(world.asked[0]?.kernelLog).toBe(true)
  expect(log.filter((line) => line.includes('/dev/kmsg'))).toEqual([
    '/dev/kmsg cannot be read (EPERM; it needs CAP_SYSLOG): kills for want of memory are told without the process that was killed',
  ])
  await receiver.shutdown()
  const without = await start({ kernel_log: false })
  expect(without.world.asked[0]?.kernelLog).toBe(false)
  await without.receiver.shutdown()
})

test('kills that came faster than they were taken are counted as dropped', async () => {
  const reader = new FakeReader()
  reader.stat = { killsDropped: 3 }
  const { telemetry, receiver } = await start({}, reader)
  expect(telemetry.drops.get('kills_overflowed')).toBe(3)
  await receiver.shutdown()
})
