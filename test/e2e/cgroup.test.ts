import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Metric, NumberPoint } from '../../src/data/metric.js'
import { createCgroupReceiver } from '../../src/receivers/cgroup/cgroup.js'
import { schema } from '../../src/receivers/cgroup/config.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { timedPoints } from '../support/timed-points.js'

// The receiver on a real systemd's cgroups: only the clock is ours, so that a reading is made when the test says so.

const kIntervalMs = 10_000

describeLab('the cgroup receiver beside a real systemd', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await bootLab()
    // A run that begins after it has burnt enough is at rest: whenever it is read, it has used less.
    const burn = 'until [ -e /run/burnt ]; do :; done; exec sleep infinity'
    lab.writeUnit('burn.service', `[Service]\nExecStart=/bin/sh -c "${burn}"\n`)
    lab.writeUnit('cpu.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    lab.writeUnit('tidy@.service', '[Service]\nSlice=app-tidy.slice\nExecStart=/bin/sleep infinity\n')
    await lab.daemonReload()
    await lab.systemctl('start', 'burn.service', 'cpu.service', 'tidy@a\\x2db.service')
  })
  afterAll(async () => {
    await lab?.close()
  })

  function rig(written: Record<string, unknown> = {}) {
    const clock = new FakeClock()
    const telemetry = new RecordingTelemetry()
    const next = new MemoryExporter()
    const host = new TestHost()
    const config = createTestConfig(schema, { root: lab.cgroupRoot, ...written })
    const receiver = createCgroupReceiver(testSettings('receiver', 'cgroup', { clock, telemetry }), config, next)
    /** Starts, and waits for the first pass. */
    const begin = async (): Promise<void> => {
      await receiver.start(host)
      while (host.reports.length < 2) await settle()
    }
    const pass = async (): Promise<readonly Metric[]> => {
      const from = next.batches.length
      const reports = host.reports.length
      await clock.advance(kIntervalMs)
      while (host.reports.length === reports) await settle()
      return next.batches.slice(from).flatMap((batch) => batch.metrics)
    }
    return { clock, telemetry, next, host, receiver, begin, pass }
  }

  const cpuTime = (metrics: readonly Metric[], unit: string): NumberPoint[] =>
    metrics.flatMap((metric) =>
      metric.name === 'systemd.unit.cpu.time' && metric.resource.attributes['service.name'] === unit
        ? timedPoints(metric)
        : [],
    )
  const total = (points: readonly NumberPoint[]): number => points.reduce((sum, { value }) => sum + Number(value), 0)

  test('finds the units systemd knows, under the names systemd gives them', async () => {
    const { receiver, next, begin } = rig({ unit_types: ['service'] })
    await begin()
    await receiver.shutdown()
    const found = new Set(next.metrics.map(({ resource }) => resource.attributes['service.name']))
    const shown = await lab.systemctl('list-units', '--type=service', '--state=running', '--plain', '--no-legend')
    const running = shown
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0])
    expect(running).toEqual(expect.arrayContaining(['burn.service', 'cpu.service', 'tidy@a\\x2db.service']))
    expect([...found].sort()).toEqual(running.sort())
  })

  test('the exemplar of the CPU time is the InvocationID, and a restart starts the sum anew', async () => {
    const { receiver, next, begin, pass } = rig({ include: ['burn.service'] })
    await begin()
    const first = cpuTime(next.metrics, 'burn.service')
    const { InvocationID: run1 } = await lab.show('burn.service', 'InvocationID')
    expect(first.map((point) => point.exemplars?.[0]?.traceId)).toEqual([run1, run1])

    await waitFor('a second of CPU time', async () => total(cpuTime(await pass(), 'burn.service')) > total(first) + 1)
    const later = cpuTime(next.metrics, 'burn.service').slice(-2)
    expect(later[0]!.startTimeUnixNano).toBe(first[0]!.startTimeUnixNano)

    lab.writeFile('/run/burnt', '')
    await lab.systemctl('restart', 'burn.service')
    const all = cpuTime(await pass(), 'burn.service')
    const again = all.slice(-2)
    // The old run once more, with all it used, if that was read in the millisecond which systemd leaves for it.
    const last = all.slice(0, -2)
    expect(last.map((point) => point.exemplars?.[0]?.traceId)).toEqual(last.map(() => run1))
    expect(last.length === 0 || total(last) >= total(later)).toBe(true)
    const { InvocationID: run2 } = await lab.show('burn.service', 'InvocationID')
    expect(run2).not.toBe(run1)
    expect(again.map((point) => point.exemplars?.[0]?.traceId)).toEqual([run2, run2])
    expect(again[0]!.startTimeUnixNano).toBeGreaterThan(later[0]!.startTimeUnixNano!)
    expect(total(again)).toBeLessThan(total(later))

    await lab.systemctl('stop', 'burn.service')
    const stopped = cpuTime(await pass(), 'burn.service')
    expect(stopped.map((point) => point.exemplars?.[0]?.traceId)).toEqual(stopped.map(() => run2))
    expect(cpuTime(await pass(), 'burn.service')).toEqual([])
    await receiver.shutdown()
  })

  test('a unit whose tasks wait for the CPU is told of by the kernel, as an event of its run', {
    timeout: 120_000,
  }, async () => {
    const loops = 2 * availableParallelism()
    lab.writeUnit(
      'crowd.service',
      `[Service]\nExecStart=/bin/sh -c "for i in $(seq ${loops}); do while :; do :; done & done; wait"\n`,
    )
    await lab.daemonReload()
    await lab.systemctl('start', 'crowd.service')
    const trigger = { resource: 'cpu', threshold: '20ms', window: '2s', units: ['crowd.service'] }
    const { receiver, next, begin } = rig({ pressure_triggers: [trigger] })
    await begin()
    await waitFor('the kernel to tell', async () => next.events.length > 0)
    const { InvocationID: run } = await lab.show('crowd.service', 'InvocationID')
    await lab.systemctl('stop', 'crowd.service')
    await receiver.shutdown()
    expect(next.events[0]).toMatchObject({
      name: 'cgroup.pressure.stalled',
      traceId: run,
      attributes: { 'systemd.unit.name': 'crowd.service', 'systemd.pressure.resource': 'cpu' },
    })
  })

  test('units that start and stop during readings are no error, and no descriptor is left', async () => {
    const before = readdirSync('/proc/self/fd').length
    const { receiver, host, telemetry, begin, pass } = rig()
    await begin()
    const churn = lab.exec([
      '/bin/bash',
      '-c',
      'for i in {1..20}; do systemd-run --quiet --wait --unit=churn-$i /bin/true & systemctl restart cpu.service; done; wait',
    ])
    let over = false
    const ended = churn.finally(() => {
      over = true
    })
    while (!over) await pass()
    await ended
    await receiver.shutdown()
    expect(Object.fromEntries(telemetry.errors)).toEqual({})
    expect(telemetry.counters.get('files_malformed') ?? 0).toBe(0)
    expect(telemetry.counters.get('files_failed') ?? 0).toBe(0)
    expect(host.last?.state).toMatch(/^(ok|degraded)$/)
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before)
  })
})
