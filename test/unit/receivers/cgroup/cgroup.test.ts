import { describe, expect, test } from 'vitest'
import { ok, permanent, retryable } from '../../../../src/component/outcome.js'
import { countItems } from '../../../../src/data/batch.js'
import type { Metric } from '../../../../src/data/metric.js'
import { UnavailableError } from '../../../../src/errors.js'
import { runSpanId } from '../../../../src/lib/systemd/ids.js'
import { createCgroupReceiver } from '../../../../src/receivers/cgroup/cgroup.js'
import { schema } from '../../../../src/receivers/cgroup/config.js'
import { factory } from '../../../../src/receivers/cgroup/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { timedPoints } from '../../../support/timed-points.js'
import { FakeReader, fakeWorld } from './fake-reader.js'

const nginx = '/system.slice/nginx.service'
const run1 = '0123456789abcdef0123456789abcdef'
const run2 = 'fedcba9876543210fedcba9876543210'
const containerId = 'ab12'.repeat(16)

/** Each look at it takes so long. */
class BusyClock extends FakeClock {
  readonly #stepMs: number
  #looks = 0

  constructor(unixNano: bigint, stepMs: number) {
    super(unixNano)
    this.#stepMs = stepMs
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#stepMs * ++this.#looks
  }
}

/** @param workMs - how long the work between two looks at the clock takes */
function rig(world: ReturnType<typeof fakeWorld>, written: unknown = {}, workMs = 0) {
  const clock = new BusyClock(1_000_000_000_000n, workMs)
  const telemetry = new RecordingTelemetry()
  const log: string[] = []
  const note = (message: string): void => void log.push(message)
  const logger = { debug() {}, info: note, warn: note, error: note }
  const settings = testSettings('receiver', 'cgroup', { clock, telemetry, logger })
  const next = new MemoryExporter()
  const host = new TestHost()
  const receiver = createCgroupReceiver(settings, createTestConfig(schema, written), next, world)
  return { clock, telemetry, log, next, host, receiver }
}

/** Metrics of the last pass, as `unit name{attributes}=value` lines. */
function lines(metrics: readonly Metric[]): string[] {
  return metrics.flatMap((metric) =>
    metric.type === 'histogram'
      ? []
      : metric.points.map(({ attributes, value }) => {
          const labels = Object.values(attributes).join(',')
          return `${metric.resource.attributes['service.name']} ${metric.name}{${labels}}=${value}`
        }),
  )
}

describe('what comes out', () => {
  test('a unit with all controllers gives every metric, with values in OTel units', async () => {
    const reader = new FakeReader().put(nginx, {
      cpuUsageUsec: 9_000_000,
      cpuUserUsec: 6_000_000,
      cpuSystemUsec: 3_000_001,
      cpuPeriods: 10,
      cpuThrottledPeriods: 2,
      cpuThrottledUsec: 500_000,
      memoryCurrent: 4096,
      memoryPeak: 8192,
      memoryMax: 65536,
      memoryMaxUnlimited: false,
      memoryHigh: 49152,
      memoryHighUnlimited: false,
      memorySwapCurrent: 0,
      memoryStat: { anon: 1024, file: 3072 },
      memoryEvents: { low: 0, oom_kill: 1 },
      memoryEventsLocal: { oom_kill: 0 },
      populated: true,
      frozen: false,
      io: [{ device: '8:0', readBytes: 1, writeBytes: 2, readOps: 3, writeOps: 4 }],
      pidsCurrent: 5,
      pidsMax: 100,
      pidsEvents: { max: 3 },
      cpuPressure: { someTotalUsec: 1_500_000, someAvg10: 12.5 },
      ioPressure: { someTotalUsec: 0, someAvg10: 0, fullTotalUsec: 250_000, fullAvg10: 1 },
    })
    const { receiver, host, next } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await settle()
    await receiver.shutdown()
    expect(lines(next.metrics).map((line) => line.replace('nginx.service systemd.unit.', ''))).toEqual([
      'cpu.time{user}=6',
      'cpu.time{system}=3.000001',
      'cpu.throttled.time{}=0.5',
      'cpu.throttled.periods{}=2',
      'memory.usage{}=4096',
      'memory.peak{}=8192',
      'memory.limit{}=65536',
      'memory.high{}=49152',
      'memory.swap{}=0',
      'memory.stat{anon}=1024',
      'memory.stat{file}=3072',
      'memory.events{low}=0',
      'memory.events{oom_kill}=1',
      'memory.events.local{oom_kill}=0',
      'io.bytes{8:0,read}=1',
      'io.bytes{8:0,write}=2',
      'io.operations{8:0,read}=3',
      'io.operations{8:0,write}=4',
      'pids{}=5',
      'pids.limit{}=100',
      'pids.events{max}=3',
      'pressure.time{cpu,some}=1.5',
      'pressure.time{io,some}=0',
      'pressure.time{io,full}=0.25',
      'pressure.avg10{cpu,some}=0.125',
      'pressure.avg10{io,some}=0',
      'pressure.avg10{io,full}=0.01',
      'cgroup.populated{}=1',
      'cgroup.frozen{}=0',
    ])
    expect(host.last).toEqual({ state: 'ok' })
  })

  test('a limit of a slice above is told of what will meet it before its own', async () => {
    const unlimited = { memoryMaxUnlimited: true, memoryHighUnlimited: true, pidsMaxUnlimited: true }
    const used = { memoryCurrent: 1, pidsCurrent: 1 }
    const box = '/box.slice/box-in.slice'
    const reader = new FakeReader()
      .put(`${box}/deep.service`, { ...used, ...unlimited })
      .put(`${box}/strict.service`, { ...used, memoryMax: 1000, pidsMax: 5 })
      .put('/box.slice', { ...used, memoryMax: 4096, memoryHigh: 3000, pidsMax: 20 })
      .put(box, { ...used, memoryMax: 8192, pidsMax: 10 })
      .put(nginx, { ...used, ...unlimited })
      .put('/box.slice/off.service', { pidsCurrent: 1, pidsMax: 100 })
    const { receiver, host, next, clock } = rig(fakeWorld([reader]))
    let seen = 0
    const news = (): string[] => {
      const told = lines(next.metrics).filter((line) => line.includes('slice.limit'))
      const from = seen
      seen = told.length
      return told.slice(from)
    }
    const ofSlicesBefore = [
      'box-in.slice systemd.unit.memory.slice.limit{}=3000',
      'off.service systemd.unit.pids.slice.limit{}=20',
    ]
    const all = [
      'deep.service systemd.unit.memory.slice.limit{}=3000',
      'deep.service systemd.unit.pids.slice.limit{}=10',
      ...ofSlicesBefore,
    ]
    await receiver.start(host)
    await settle()
    expect(news()).toEqual(ofSlicesBefore)
    await clock.advance(10_000)
    expect(news()).toEqual(all)
    reader.put('/box.slice', { ...used, ...unlimited }).put(box, { ...used, ...unlimited })
    await clock.advance(10_000)
    expect(news()).toEqual(all.slice(0, 2)) // read before their slices
    await clock.advance(10_000)
    expect(news()).toEqual([])
    await receiver.shutdown()
  })

  test('what the kernel does not give is absent, never zero', async () => {
    const reader = new FakeReader().put(nginx, { memoryMaxUnlimited: true, pidsMaxUnlimited: true, io: [] })
    const { receiver, host, next } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await settle()
    await receiver.shutdown()
    expect(next.calls).toBe(0)
  })

  test('exemplars lead from CPU time and memory to the trace of the run', async () => {
    const sample = { cpuUserUsec: 1, cpuSystemUsec: 1, memoryCurrent: 7, memoryEvents: { oom_kill: 1 } }
    const reader = new FakeReader().put(nginx, sample, 1, run1).put('/system.slice', sample, 2)
    const { receiver, host, next } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await settle()
    await receiver.shutdown()
    const withExemplar = next.metrics.flatMap((metric) =>
      metric.type === 'histogram'
        ? []
        : metric.points.flatMap((point) => point.exemplars ?? []).map((e) => [metric, e] as const),
    )
    expect(withExemplar.map(([metric]) => `${metric.resource.attributes['service.name']} ${metric.name}`)).toEqual([
      'nginx.service systemd.unit.cpu.time',
      'nginx.service systemd.unit.cpu.time',
      'nginx.service systemd.unit.memory.usage',
      'nginx.service systemd.unit.memory.events',
    ])
    expect(withExemplar[2]![1]).toMatchObject({ traceId: run1, spanId: runSpanId(run1), value: 7 })
  })

  test('units, containers with and without a unit, and nothing that lies inside them', async () => {
    const one = { pidsCurrent: 1 }
    const reader = new FakeReader()
    const paths = [
      '/',
      '/init.scope',
      '/system.slice',
      nginx,
      `${nginx}/worker`,
      `/system.slice/docker-${containerId}.scope`,
      `/docker/${containerId}`,
      `/docker/${containerId}/inner`,
      '/kubepods/burstable/pod11-22',
      '/system.slice/home.mount',
      '/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.service',
    ]
    for (const path of paths) reader.put(path, one)
    const { receiver, host, next } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await settle()
    await receiver.shutdown()
    expect(next.metrics.map(({ resource }) => resource.attributes['service.name'])).toEqual([
      '-.slice',
      'init.scope',
      'system.slice',
      'nginx.service',
      `docker-${containerId}.scope`,
      `docker-${containerId.slice(0, 12)}`,
      'pod-11-22',
    ])
    const [scope, bare, pod] = next.metrics.slice(4).map(({ resource }) => resource.attributes)
    expect(scope).toMatchObject({ 'container.id': containerId, 'systemd.unit.container_runtime': 'docker' })
    expect(bare).toMatchObject({ 'container.id': containerId, 'container.runtime.name': 'docker' })
    expect(pod).toMatchObject({ 'k8s.pod.uid': '11-22' })
  })

  test('the scope of a user reads the units of that user’s manager only', async () => {
    const base = '/user.slice/user-1000.slice/user@1000.service'
    const reader = new FakeReader()
    for (const path of [base, `${base}/app.slice/dbus.service`, '/system.slice/dbus.service'])
      reader.put(path, { pidsCurrent: 1 })
    const { receiver, host, next } = rig(fakeWorld([reader]), { scope: 'user' })
    await receiver.start(host)
    await settle()
    await receiver.shutdown()
    expect(next.metrics.map(({ resource }) => resource.key)).toEqual(['unit:user:dbus.service'])
  })

  test.each([
    [{ include: ['nginx.service'] }, ['nginx.service', 'docker-ab12ab12ab12']],
    [{ include: ['n*'], exclude: ['nginx.*'], containers: false }, []],
    [{ exclude: ['*.slice'], containers: false }, ['nginx.service']],
    [{ unit_types: ['slice'], containers: false }, ['system.slice']],
  ])('the selection %j', async (written, expected) => {
    const reader = new FakeReader()
    for (const path of [nginx, '/system.slice', `/docker/${containerId}`]) reader.put(path, { pidsCurrent: 1 })
    const { receiver, host, next } = rig(fakeWorld([reader]), written)
    await receiver.start(host)
    await settle()
    await receiver.shutdown()
    expect(next.metrics.map(({ resource }) => resource.attributes['service.name'])).toEqual(expected)
    expect(host.last?.state).toBe(expected.length === 0 ? 'degraded' : 'ok')
  })

  test('groups that are off are not asked for', async () => {
    const world = fakeWorld([new FakeReader()])
    const { receiver, host } = rig(world, { metrics: { memory_stat: false, io: false, pressure: false } })
    await receiver.start(host)
    await receiver.shutdown()
    expect(world.asked[0]).toMatchObject({ root: '/sys/fs/cgroup', groups: ['cpu', 'memory', 'pids'] })
  })
})

describe('as time goes on', () => {
  const cpu = (usec: number) => ({ cpuUserUsec: usec })
  const starts = (metrics: readonly Metric[]) =>
    metrics.flatMap(timedPoints).map((p) => `${p.value}@${p.startTimeUnixNano}`)

  test('a restarted unit starts a new sum; one that keeps its cgroup goes on with a new run', async () => {
    const reader = new FakeReader().put(nginx, cpu(5_000_000), 1, run1)
    const { receiver, host, next, clock } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await clock.advance(10_000)
    reader.put(nginx, cpu(1_000_000), 2, run2) // directory made again, three seconds before the next pass
    await clock.advance(10_000)
    reader.put(nginx, cpu(3_000_000), 2, run1) // same directory, new run
    await clock.advance(10_000)
    await receiver.shutdown()
    const start = 1_000_000_000_000n
    const again = start + 17_000_000_000n
    expect(starts(next.metrics)).toEqual([`5@${start}`, `5@${start}`, `1@${again}`, `3@${again}`])
    const traces = next.metrics.map((m) => (m.type === 'histogram' ? '' : m.points[0]?.exemplars?.[0]?.traceId))
    expect(traces).toEqual([run1, run1, run2, run1])
  })

  const kSecondNs = 1_000_000_000n
  /** Start and time of each point, in seconds since the receiver started. */
  const spans = (metrics: readonly Metric[], unit: string) =>
    metrics
      .filter((m) => m.resource.attributes['service.name'] === unit)
      .flatMap(timedPoints)
      .map(({ startTimeUnixNano = 0n, timeUnixNano }) =>
        [startTimeUnixNano, timeUnixNano].map((at) => Number((at - 1000n * kSecondNs) / kSecondNs)),
      )

  test('what ran before the agent has a start nobody knows, what came later the time it was made', async () => {
    const reader = new FakeReader().put(nginx, cpu(9_000_000_000))
    const { receiver, host, next, clock } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await clock.advance(10_000)
    reader.put('/system.slice/late.service', cpu(5_000_000), 2)
    await clock.advance(20_000)
    await receiver.shutdown()
    const all = [0, 10, 20, 30]
    // OTLP: a first point whose two times are equal adds nothing to a rate; the others count from it.
    expect(spans(next.metrics, 'nginx.service')).toEqual(all.map((at) => [0, at]))
    expect(spans(next.metrics, 'late.service')).toEqual([20, 30].map((at) => [17, at]))
  })

  test('the first point of an unknown start is given again until somebody takes it', async () => {
    const reader = new FakeReader().put(nginx, cpu(9_000_000_000))
    const { receiver, host, next, clock } = rig(fakeWorld([reader]))
    next.respond = (_, call) => (call < 2 ? retryable('full') : ok)
    await receiver.start(host)
    await clock.advance(30_000)
    await receiver.shutdown()
    expect(spans(next.metrics, 'nginx.service')).toEqual([
      [20, 20],
      [20, 30],
    ])
  })

  test('a start is never after its own time, though the clock was set back', async () => {
    const reader = new FakeReader().put(nginx, cpu(1))
    const { receiver, host, next, clock } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await settle()
    clock.stepWallClock(-3600n * kSecondNs)
    reader.put('/system.slice/back.service', cpu(1), 3)
    await clock.advance(10_000)
    expect(spans(next.metrics, 'back.service')).toEqual([[-3593, -3590]])
    expect(spans(next.metrics, 'nginx.service').at(-1)).toEqual([-3590, -3590])
    await receiver.shutdown()
  })

  test('a unit that stopped is told of once more, with what it had used when its last process left', async () => {
    const reader = new FakeReader().put(nginx, cpu(1_000_000), 1, run1)
    const { receiver, host, next, clock } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await settle()
    reader.cgroups.delete(nginx)
    reader.finals.set(nginx, cpu(2_500_000))
    await clock.advance(20_000)
    await receiver.shutdown()
    expect(
      next.metrics.map((m) =>
        m.type === 'histogram' || m.type === 'encoded' ? [] : m.points.map(({ value }) => value),
      ),
    ).toEqual([[1], [2.5]])
    // Read a second before the pass that tells it.
    expect(spans(next.metrics, 'nginx.service')).toEqual([
      [0, 0],
      [0, 9],
    ])
  })

  test('what stopped unread has no more numbers, and nobody asks for it again', async () => {
    const reader = new FakeReader().put(nginx, cpu(1_000_000), 1, run1)
    const { receiver, host, next, clock } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await settle()
    reader.cgroups.delete(nginx)
    await clock.advance(20_000)
    expect(next.items).toBe(1)
    expect(host.last).toEqual({
      state: 'degraded',
      reason: 'none of 0 cgroups is one to read: check scope and include',
    })
    await receiver.shutdown()
  })

  test('a unit that vanished is not repeated, before the next scan nor after', async () => {
    const reader = new FakeReader().put(nginx, cpu(1)).put('/system.slice', cpu(2), 2)
    const { receiver, host, next, clock } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await settle()
    reader.vanishing.add(nginx)
    await clock.advance(10_000)
    reader.cgroups.delete(nginx)
    await clock.advance(10_000)
    await receiver.shutdown()
    expect(next.batches.map((batch) => batch.metrics.map((m) => m.resource.attributes['service.name']))).toEqual([
      ['nginx.service', 'system.slice'],
      ['system.slice'],
      ['system.slice'],
    ])
  })

  test('refused samples are dropped and counted, for the next ones replace them', async () => {
    const reader = new FakeReader().put(nginx, { pidsCurrent: 1, memoryCurrent: 1 })
    const { receiver, host, next, clock, telemetry } = rig(fakeWorld([reader]))
    const answers = [retryable('queue full'), permanent('no'), ok]
    next.respond = (_, call) => answers[call]!
    await receiver.start(host)
    await clock.advance(20_000)
    await receiver.shutdown()
    expect(telemetry.processedItems).toBe(6)
    expect(Object.fromEntries(telemetry.drops)).toEqual({ backpressure: 2 }) // `permanent` is counted by who said it
    expect(next.items).toBe(2)
  })

  test('last numbers that were refused are offered again, before the next pass, and given up at shutdown', async () => {
    const reader = new FakeReader().put(nginx, cpu(1_000_000), 1, run1).put('/system.slice', cpu(2_000_000), 2)
    const { receiver, host, next, clock, telemetry } = rig(fakeWorld([reader]))
    const full = [1, 2, 3, 6, 7, 8]
    next.respond = (_, call) => (full.includes(call) ? retryable('queue full') : ok)
    const end = (path: string, usec: number): void => {
      reader.cgroups.delete(path)
      reader.finals.set(path, cpu(usec))
    }
    await receiver.start(host)
    await settle()
    end(nginx, 2_500_000)
    await clock.advance(10_000) // call 1: its end and system.slice are refused
    await clock.advance(10_000) // calls 2, 3: its end again, system.slice
    await clock.advance(10_000) // calls 4, 5
    expect(spans(next.metrics, 'nginx.service')).toEqual([
      [0, 0],
      [0, 9],
    ])
    expect(Object.fromEntries(telemetry.drops)).toEqual({ backpressure: 2 })
    end('/system.slice', 3_000_000)
    await clock.advance(20_000) // calls 6, 7
    await receiver.shutdown()
    expect(Object.fromEntries(telemetry.drops)).toEqual({ backpressure: 3 })
    expect(telemetry.processedItems).toBe(next.items + 3)
  })

  test('what ended is forgotten even when its numbers cannot be handed on', async () => {
    const reader = new FakeReader().put(nginx, cpu(1_000_000), 1, run1)
    const { receiver, host, next, clock } = rig(fakeWorld([reader]))
    next.respond = (_, call) => {
      if (call === 1) throw new Error('broken')
      return ok
    }
    await receiver.start(host)
    await settle()
    for (let i = 0; i < 20; i++) reader.put(`/system.slice/u${i}.service`, cpu(1), 10 + i)
    await clock.advance(10_000)
    expect(host.last?.state).toBe('degraded')
    for (const path of [...reader.cgroups.keys()]) {
      reader.cgroups.delete(path)
      reader.finals.set(path, cpu(2))
    }
    next.respond = () => {
      throw new Error('broken')
    }
    await clock.advance(10_000)
    next.respond = () => ok
    await clock.advance(10_000)
    // Nothing is measured any more: no subject is left.
    expect(host.last).toEqual({
      state: 'degraded',
      reason: 'none of 0 cgroups is one to read: check scope and include',
    })
    await receiver.shutdown()
  })

  test('a reader that ended by itself is replaced; when that one ends too, the status says so', async () => {
    const [first, second, third] = [new FakeReader(), new FakeReader(), new FakeReader()]
    for (const reader of [first, second, third]) reader.put(nginx, cpu(1))
    const { receiver, host, next, clock, log } = rig(fakeWorld([first, second, third]))
    await receiver.start(host)
    await settle()
    first.close()
    second.close()
    await clock.advance(10_000)
    expect(host.last).toEqual({ state: 'degraded', reason: 'the reader of cgroups ended by itself' })
    await clock.advance(10_000)
    expect(host.last).toEqual({ state: 'ok' })
    expect(next.calls).toBe(2)
    expect(log).toContain('the reader of cgroups ended by itself: a new one is started')
    await receiver.shutdown()
  })

  test('an interval passes over while the pipeline still holds the last pass', async () => {
    const reader = new FakeReader().put(nginx, { pidsCurrent: 1 })
    const { receiver, host, next, clock, telemetry } = rig(fakeWorld([reader]))
    let release = (): void => {}
    next.respond = () => new Promise((resolve) => (release = () => resolve(ok)))
    await receiver.start(host)
    await clock.advance(30_000)
    expect(next.calls).toBe(1)
    expect(telemetry.errors.get('interval_skipped')).toBe(3)
    release()
    await clock.advance(10_000)
    expect(next.calls).toBe(2)
    const stopped = receiver.shutdown()
    release()
    await stopped
    expect(reader.closed).toBe(true)
    expect(clock.pending).toBe(0)
  })

  test('a slice of cgroups is handed on after a quarter of a millisecond of work, and shutdown does not wait for all of them', async () => {
    const reader = new FakeReader()
    for (let i = 0; i < 250; i++) reader.put(`/system.slice/u${i}.service`, { pidsCurrent: 1 }, i)
    const { receiver, host, next } = rig(fakeWorld([reader]), {}, 0.125)
    await receiver.start(host)
    while (next.items < 250) await settle()
    expect(Math.max(...next.batches.map((batch) => batch.metrics.length))).toBe(2)
    await receiver.shutdown()

    const again = new FakeReader()
    for (const [path, { sample, id }] of reader.cgroups) again.put(path, sample, id)
    const stopping = rig(fakeWorld([again]), {}, 0.125)
    stopping.next.respond = () => {
      void stopping.receiver.shutdown()
      return ok
    }
    await stopping.receiver.start(stopping.host)
    while (!again.closed) await settle()
    await stopping.receiver.shutdown()
    expect(stopping.next.items).toBe(2)
  })

  test('a slice is not waited for before the next is made, so that what joins batches behind gets more than one', async () => {
    const reader = new FakeReader()
    for (let i = 0; i < 20; i++) reader.put(`/system.slice/u${i}.service`, { pidsCurrent: 1 }, i)
    const { receiver, host, next } = rig(fakeWorld([reader]), {}, 0.125)
    const held: (() => void)[] = []
    next.respond = () => new Promise((resolve) => held.push(() => resolve(ok)))
    await receiver.start(host)
    while (held.length < 10) await settle()
    expect(host.last).toEqual({ state: 'starting' })
    for (const answer of held) answer()
    while (host.last?.state === 'starting') await settle()
    expect(host.last).toEqual({ state: 'ok' })
    await receiver.shutdown()
  })

  test('however quickly it is made, a slice has no more points than an exporter takes in one go', async () => {
    const kinds = Object.fromEntries(['anon', 'file', 'kernel', 'sock', 'shmem', 'slab'].map((kind) => [kind, 1]))
    const reader = new FakeReader()
    for (let i = 0; i < 400; i++) reader.put(`/system.slice/u${i}.service`, { memoryStat: kinds }, i)
    const { receiver, host, next } = rig(fakeWorld([reader]))
    await receiver.start(host)
    while (next.items < 2400) await settle()
    expect(next.batches.map(countItems)).toEqual([1026, 1026, 348])
    await receiver.shutdown()
  })

  test('shutdown ends a pass that is being read', async () => {
    const reader = new FakeReader().put(nginx, { pidsCurrent: 1 })
    let open = (): void => {}
    reader.gate = new Promise((resolve) => (open = resolve))
    const { receiver, host, next } = rig(fakeWorld([reader]))
    await receiver.start(host)
    const stopped = receiver.shutdown()
    open()
    await stopped
    expect(reader.closed).toBe(true)
    expect(next.calls).toBe(0)
    expect(host.last).toEqual({ state: 'starting' })
  })
})

describe('pressure triggers', () => {
  const memory = { resource: 'memory', threshold: '200ms', units: ['nginx.*'] }
  const rigged = async (reader: FakeReader, triggers: readonly unknown[]) => {
    const rigs = rig(fakeWorld([reader]), { pressure_triggers: triggers })
    await rigs.receiver.start(rigs.host)
    await settle()
    return rigs
  }
  const units = (): FakeReader => new FakeReader().put(nginx, {}, 1, run1).put('/system.slice/b.service', {}, 2)

  test('are set on the units they are for, and once for each incarnation', async () => {
    const reader = units()
    const { receiver, clock } = await rigged(reader, [
      memory,
      { resource: 'io', kind: 'full', threshold: '1s', window: '4s' },
    ])
    const fourSeconds = { resource: 'io', kind: 'full', thresholdMs: 1000, windowMs: 4000 }
    expect(reader.armed).toEqual([
      { path: nginx, trigger: { resource: 'memory', kind: 'some', thresholdMs: 200, windowMs: 2000 } },
      { path: nginx, trigger: fourSeconds },
      { path: '/system.slice/b.service', trigger: fourSeconds },
    ])
    await clock.advance(10_000)
    expect(reader.armed).toHaveLength(3)
    reader.put(nginx, {}, 3, run2)
    await clock.advance(10_000)
    expect(reader.armed.slice(3).map(({ path }) => path)).toEqual([nginx, nginx])
    await receiver.shutdown()
  })

  test('that fire are events of the run they happened in', async () => {
    const reader = units()
    const { receiver, next, telemetry } = await rigged(reader, [memory])
    reader.stall(0)
    await receiver.shutdown()
    expect(next.events).toEqual([
      expect.objectContaining({
        name: 'cgroup.pressure.stalled',
        timeUnixNano: 999_750_000_000n,
        observedTimeUnixNano: 1_000_000_000_000n,
        body: 'nginx.service: some tasks waited for memory more than 200 ms within 2000 ms',
        attributes: {
          'systemd.unit.name': 'nginx.service',
          'systemd.unit.cgroup_id': 1,
          'systemd.unit.invocation_id': run1,
          'systemd.pressure.resource': 'memory',
          'systemd.pressure.kind': 'some',
          'systemd.pressure.threshold_ms': 200,
          'systemd.pressure.window_ms': 2000,
        },
        traceId: run1,
        spanId: runSpanId(run1),
      }),
    ])
    expect(telemetry.processedItems).toBe(1)
  })

  test.each([
    ['EINVAL', /memory.pressure \(EINVAL\): without CAP_SYS_RESOURCE the window must be a multiple of 2s/],
    ['EACCES', /memory.pressure \(EACCES\): the agent must be allowed to write to it/],
  ])('that the kernel refuses with %s are counted, told once, and show in the status', async (error, reason) => {
    const reader = units()
    const { receiver, next, host, log, clock, telemetry } = await rigged(reader, [memory])
    reader.stall(0, { error })
    reader.stall(0, { error })
    await clock.advance(10_000)
    await receiver.shutdown()
    expect(next.calls).toBe(0)
    expect(telemetry.counters.get('triggers_refused')).toBe(2)
    expect(log).toEqual([expect.stringMatching(reason)])
    expect(host.last).toEqual({ state: 'degraded', reason: expect.stringMatching(reason) })
  })

  test('of a unit that ended meanwhile are no error, and too many are', async () => {
    const reader = units()
    reader.maxTriggers = 1
    const { receiver, host, telemetry, clock } = await rigged(reader, [{ resource: 'cpu', threshold: '1s' }])
    reader.stall(0, { error: 'ENOENT' })
    await clock.advance(10_000)
    await receiver.shutdown()
    expect(telemetry.counters.get('triggers_refused')).toBe(1)
    expect(host.last).toEqual({ state: 'degraded', reason: expect.stringMatching(/^more pressure triggers than/) })
  })

  test('that are refused or lost are tried again at each pass, until the unit ends, and then the status is good again', async () => {
    const reader = units()
    const { receiver, host, clock, telemetry } = await rigged(reader, [memory])
    reader.stall(0, { error: 'EACCES' })
    await clock.advance(10_000)
    reader.stall(1, { error: 'EACCES' })
    await clock.advance(10_000)
    expect(host.last?.state).toBe('degraded')
    expect(telemetry.counters.get('triggers_refused')).toBe(1)
    await clock.advance(10_000)
    expect(host.last).toEqual({ state: 'ok' })
    expect(reader.armed.map(({ path }) => path)).toEqual([nginx, nginx, nginx])

    reader.stall(2, { error: 'ENODEV' }) // its pressure was switched off and on
    await clock.advance(20_000)
    expect(host.last).toEqual({ state: 'ok' })
    expect(reader.armed).toHaveLength(4)

    reader.stall(3, { error: 'EACCES' })
    reader.cgroups.delete(nginx)
    await clock.advance(20_000)
    expect(host.last).toEqual({ state: 'ok' })
    await receiver.shutdown()
  })

  test('that found no room are set when others end', async () => {
    const reader = units()
    reader.maxTriggers = 1
    const { receiver, host, clock } = await rigged(reader, [{ resource: 'cpu', threshold: '1s' }])
    await clock.advance(10_000)
    expect(host.last?.state).toBe('degraded')
    reader.maxTriggers = 2
    await clock.advance(20_000)
    expect(reader.armed.map(({ path }) => path)).toEqual([nginx, '/system.slice/b.service'])
    expect(host.last).toEqual({ state: 'ok' })
    await receiver.shutdown()
  })

  test('of a pipeline that is full are dropped and counted', async () => {
    const reader = units()
    const { receiver, next, telemetry } = await rigged(reader, [memory])
    next.respond = () => retryable('full')
    reader.stall(0)
    await receiver.shutdown()
    expect(Object.fromEntries(telemetry.drops)).toEqual({ backpressure: 1 })
  })
})

describe('when things are not as they should be', () => {
  test.each([
    [
      'no cgroup2 mounted',
      fakeWorld([new FakeReader()], { '/proc/self/mountinfo': '' }),
      /no cgroup2 file system is mounted/,
    ],
    ['the root is missing', fakeWorld(['/nope does not exist: give ...']), /\/nope does not exist/],
  ])('%s: unavailable, and says what to do', async (_, world, reason) => {
    const { receiver, host } = rig(world)
    const started = receiver.start(host)
    await expect(started).rejects.toThrow(UnavailableError)
    await expect(started).rejects.toThrow(reason)
    await receiver.shutdown()
  })

  test('a hybrid machine works, degraded, and its status alone says which controllers are missing', async () => {
    const reader = new FakeReader().put(nginx, { cpuUserUsec: 1 })
    const { receiver, host, log, clock } = rig(
      fakeWorld([reader], {
        '/proc/self/mountinfo': [
          '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
          '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
        ].join('\n'),
        '/sys/fs/cgroup/unified/cgroup.controllers': '\n',
      }),
    )
    await receiver.start(host)
    await clock.advance(30_000)
    await receiver.shutdown()
    expect(host.last).toEqual({
      state: 'degraded',
      reason:
        'no memory, io, pids controller here: cgroup v1 owns it (hybrid machine); boot with systemd.unified_cgroup_hierarchy=1, ' +
        'or write metrics: { memory: false, memory_local: false, memory_stat: false, io: false, pids: false }',
    })
    expect(log).toEqual([])
  })

  test('a pass that fails says so in the status, and the next one that works takes it back', async () => {
    const reader = new FakeReader().put(nginx, { pidsCurrent: 1 })
    const { receiver, host, clock, telemetry } = rig(fakeWorld([reader]))
    const sample = reader.sample.bind(reader)
    reader.sample = () => Promise.reject(new Error('the addon is at a loss'))
    await receiver.start(host)
    await settle()
    expect(host.last).toEqual({
      state: 'degraded',
      reason: 'the last pass over the cgroups failed: the addon is at a loss',
    })
    expect(telemetry.errors.get('collect_failed')).toBe(1)
    reader.sample = sample
    await clock.advance(10_000)
    expect(host.last).toEqual({ state: 'ok' })
    await receiver.shutdown()
  })

  test('controllers nobody asked for are not missed', async () => {
    const world = fakeWorld([new FakeReader().put(nginx, { cpuUserUsec: 1 })], {
      '/sys/fs/cgroup/cgroup.controllers': '',
    })
    const { receiver, host } = rig(world, { metrics: { memory: false, memory_stat: false, io: false, pids: false } })
    await receiver.start(host)
    await settle()
    await receiver.shutdown()
    expect(host.last).toEqual({ state: 'ok' })
  })

  test('a root that goes away is opened again when it is back', async () => {
    const first = new FakeReader().put(nginx, { pidsCurrent: 1 })
    const second = new FakeReader().put(nginx, { pidsCurrent: 2 })
    const { receiver, host, next, clock } = rig(fakeWorld([first, '/x does not exist', second]))
    await receiver.start(host)
    await settle()
    first.rootGone = true
    await clock.advance(10_000)
    expect(host.last).toEqual({ state: 'degraded', reason: '/x does not exist' })
    expect(first.closed).toBe(true)
    await clock.advance(10_000)
    expect(host.last).toEqual({ state: 'ok' })
    await receiver.shutdown()
    expect(lines(next.metrics)).toEqual(['nginx.service systemd.unit.pids{}=1', 'nginx.service systemd.unit.pids{}=2'])
  })

  test('malformed files and denied ones are counted each pass and told once', async () => {
    const reader = new FakeReader().put(nginx, { pidsCurrent: 1 })
    const { receiver, host, log, clock, telemetry } = rig(fakeWorld([reader]))
    await receiver.start(host)
    await settle()
    reader.stat = { parseErrors: { 'io.stat': 2 }, ioErrors: { EACCES: 1 }, vanished: 3, unwatched: 7 }
    await clock.advance(10_000)
    reader.stat = {
      parseErrors: { 'io.stat': 5 },
      ioErrors: { EACCES: 1 },
      vanished: 3,
      skipped: 4,
      overflows: 2,
      endsUnread: 1,
      endsLost: 1,
      endsBrief: 3,
    }
    await clock.advance(10_000)
    await receiver.shutdown()
    expect(log).toEqual([
      expect.stringMatching(/^7 cgroups cannot be watched \(raise fs.inotify.max_user_watches, or/),
      'io.stat of a cgroup could not be understood: its numbers are left out',
      'cgroup files could not be read (EACCES): their numbers are left out',
    ])
    expect(Object.fromEntries(telemetry.counters)).toMatchObject({ files_malformed: 5, files_failed: 1, vanished: 3 })
    expect(Object.fromEntries(telemetry.counters)).toMatchObject({
      changes_overflowed: 2,
      ends_unread: 2,
      ends_brief: 3,
    })
    expect(host.last).toEqual({ state: 'degraded', reason: '4 cgroups are beyond the limit and are not read' })
  })

  test('the configuration is checked before anything starts', () => {
    const complaints = factory.check(
      createTestConfig(schema, {
        collection_interval: '10ms',
        exclude: ['a', '[b'],
        pressure_triggers: [
          { resource: 'cpu', threshold: '1s', window: '11s', units: ['['] },
          { resource: 'cpu', threshold: '3s' },
        ],
      }),
    )
    expect(complaints).toEqual([
      { path: ['collection_interval'], reason: 'must be from 1s to 1h' },
      { path: ['exclude', 1], reason: '"[" at character 1 is not closed by "]"' },
      { path: ['pressure_triggers', 0, 'window'], reason: 'must be from 500ms to 10s' },
      { path: ['pressure_triggers', 0, 'units', 0], reason: '"[" at character 1 is not closed by "]"' },
      { path: ['pressure_triggers', 1, 'threshold'], reason: 'must be more than 0 and no more than the window' },
    ])
    expect(factory.check(createTestConfig(schema))).toEqual([])
  })
})
