import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Component } from '../../src/component/component.js'
import type { Span } from '../../src/data/span.js'
import { patternAttr } from '../../src/lib/patterns/detection-event.js'
import { runSpanId } from '../../src/lib/systemd/ids.js'
import { attr, event } from '../../src/lib/systemd/names.js'
import { schema as crashLoopSchema } from '../../src/processors/crash_loop/config.js'
import { crashLoop } from '../../src/processors/crash_loop/episode.js'
import { factory as crashLoopFactory } from '../../src/processors/crash_loop/factory.js'
import { schema as spansSchema } from '../../src/processors/lifecycle_spans/config.js'
import { createLifecycleSpans } from '../../src/processors/lifecycle_spans/lifecycle-spans.js'
import { schema as systemdSchema } from '../../src/receivers/systemd/config.js'
import { createSystemdReceiver } from '../../src/receivers/systemd/systemd-receiver.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'

// systemd receiver -> lifecycle_spans -> crash_loop -> memory, against a real systemd.

const units = {
  // Five starts are allowed; the last failure is final.
  'crasher.service':
    '[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=5\n' +
    '[Service]\nExecStart=/bin/sh -c "sleep 0.1; exit 3"\nRestart=on-failure\nRestartSec=100ms\n',
  // Takes its time to start and to stop.
  'steady.service':
    '[Service]\nType=notify\nNotifyAccess=all\n' +
    "ExecStart=/bin/bash -c 'sleep 0.3; systemd-notify --ready; exec sleep infinity'\n" +
    'ExecStop=/bin/sleep 0.2\n',
  // Keeps systemd from forgetting the timestamps of the one above when it is down.
  'pin.service': '[Unit]\nAfter=steady.service\n[Service]\nExecStart=/bin/sleep infinity\n',
  // Waits for `slow`, and can be reloaded once.
  'slow.service': '[Service]\nType=oneshot\nExecStart=/bin/sleep 0.3\n',
  'behind.service':
    '[Unit]\nWants=slow.service\nAfter=slow.service\n[Service]\nExecStart=/bin/sleep infinity\n' +
    "ExecReload=/bin/sh -c 'sleep 0.2; mkdir /run/reloaded-once'\n",
  'never-ready.service': '[Service]\nType=notify\nExecStart=/bin/sleep infinity\nTimeoutStartSec=300ms\n',
}

describeLab('traces and crash loops of a real systemd', () => {
  let lab: Lab
  let parts: readonly Component[]
  const seen = new MemoryExporter()
  const telemetry = new RecordingTelemetry()

  beforeAll(async () => {
    lab = await bootLab()
    for (const [name, text] of Object.entries(units)) lab.writeUnit(name, text)
    await lab.daemonReload()
    await lab.systemctl('start', 'dbus.service', 'pin.service')
    const settings = (kind: 'receiver' | 'processor', type: string) =>
      testSettings(kind, type, { clock: systemClock, random: Math.random, telemetry })
    const loops = crashLoopFactory.create(
      settings('processor', 'crash_loop'),
      createTestConfig(crashLoopSchema, { healthy_time: '4s' }),
      seen,
    )
    const spans = createLifecycleSpans(settings('processor', 'spans'), createTestConfig(spansSchema, {}), loops)
    const config = createTestConfig(systemdSchema, { address: lab.busAddress, batch_timeout: '0s' })
    const receiver = createSystemdReceiver(settings('receiver', 'systemd'), config, spans)
    parts = [receiver, spans, loops]
    const host = new TestHost()
    await receiver.start(host)
    await waitFor('the receiver to be ready', () => host.last?.state === 'ok')
  })
  afterAll(async () => {
    for (const part of parts ?? []) await part.shutdown()
    await lab?.close()
  })

  const spansOf = (unit: string): readonly Span[] => seen.spans.filter((span) => span.attributes[attr.unit] === unit)
  /** Without what is told of before the run is over. */
  const phasesOf = (unit: string): readonly Span[] => spansOf(unit).filter(({ name }) => !/ job$|^reload$/.test(name))
  const rootsOf = (unit: string): readonly Span[] => spansOf(unit).filter((span) => span.parentSpanId === undefined)
  const patternsOf = (unit: string) =>
    seen.events.filter((event) => event.name.startsWith('pattern.') && event.attributes[attr.unit] === unit)

  it('a crash loop until systemd gives up: one episode, five linked traces, as the journal has it', async () => {
    await lab.exec(['systemctl', 'start', 'crasher.service'], { allowFailure: true })
    await waitFor('the end of the loop', () =>
      patternsOf('crasher.service').some(({ name }) => name === crashLoop.cleared),
    )
    const roots = rootsOf('crasher.service')
    const runs = roots.map((root) => root.traceId)

    const journal = await lab.journal('MESSAGE_ID=39f53479d3a045ac8e11786248231fbf', 'UNIT=crasher.service')
    expect(runs).toEqual(journal.map((entry) => entry['INVOCATION_ID']))
    expect(runs).toHaveLength(5)
    for (const [index, root] of roots.entries()) {
      expect(root.status).toEqual({ code: 'error', message: 'exit-code 3' })
      const previous = runs[index - 1]
      expect(root.links.map((link) => [link.traceId, link.spanId])).toEqual(
        previous === undefined ? [] : [[previous, runSpanId(previous)]],
      )
      // By systemd's stamps; its process began before the first: PID 1 says so when it gets the CPU next.
      const ended = seen.events.find(({ name, traceId }) => name === event.failed && traceId === root.traceId)!
      const usec = (name: string): number => Number(ended.attributes[name])
      expect(Number(root.startTimeUnixNano / 1000n)).toBe(usec(attr.inactiveExitUsec))
      expect(Number(root.endTimeUnixNano / 1000n)).toBe(usec(attr.inactiveEnterUsec))
      expect(usec(attr.inactiveEnterUsec) - usec(attr.execMainStartUsec)).toBeGreaterThan(99_000)
    }
    expect(patternsOf('crasher.service').map(({ name, attributes }) => [name, attributes[crashLoop.count]])).toEqual([
      [crashLoop.detected, 3],
      [crashLoop.updated, 5],
      [crashLoop.cleared, 5],
    ])
    const [detected, updated, cleared] = patternsOf('crasher.service')
    expect(detected!.attributes[crashLoop.results]).toEqual(['exit-code/3: 3'])
    expect(detected!.attributes[patternAttr.kind]).toBe('rapid')
    expect(detected!.attributes[patternAttr.runs]).toEqual(runs.slice(0, 3))
    expect(updated!.attributes[patternAttr.kind]).toBe('start_limit')
    expect(updated!.traceId).toBe(runs[4])
    expect(cleared!.attributes[crashLoop.outcome]).toBe('gave_up')
  })

  it('start, running and stop are bounded by the timestamps systemd itself shows', async () => {
    await lab.systemctl('start', 'steady.service')
    await lab.systemctl('stop', 'steady.service')
    await waitFor('its trace', () => rootsOf('steady.service').length === 1)
    const path = '/org/freedesktop/systemd1/unit/steady_2eservice'
    const stamp = async (name: string): Promise<bigint> => {
      const property = ['org.freedesktop.systemd1', path, 'org.freedesktop.systemd1.Unit', `${name}Timestamp`]
      const { stdout } = await lab.exec(['busctl', 'get-property', ...property])
      return BigInt(stdout.trim().split(' ')[1]!) * 1000n
    }
    const [started, active, left, ended] = await Promise.all(
      ['InactiveExit', 'ActiveEnter', 'ActiveExit', 'InactiveEnter'].map(stamp),
    )
    const times = phasesOf('steady.service').map((s) => [s.name, s.startTimeUnixNano, s.endTimeUnixNano, s.status.code])
    expect(times).toEqual([
      ['steady.service run', started, ended, 'unset'],
      ['start', started, active, 'unset'],
      ['running', active, left, 'unset'],
      ['stop', left, ended, 'unset'],
    ])
    expect(active! - started!).toBeGreaterThan(300_000_000n)
    expect(ended! - left!).toBeGreaterThan(200_000_000n)
  })

  it('a start that times out is an error of its start, and there is no running', async () => {
    await lab.exec(['systemctl', 'start', 'never-ready.service'], { allowFailure: true })
    await waitFor('its trace', () => rootsOf('never-ready.service').length === 1)
    expect(phasesOf('never-ready.service').map(({ name, status }) => [name, status.code, status.message])).toEqual([
      ['never-ready.service run', 'error', expect.stringMatching(/^timeout/)],
      ['start', 'error', expect.stringMatching(/^timeout/)],
    ])
  })

  it("jobs and reloads are steps of the run: from the queue to the end, and from systemd's own timestamp", async () => {
    await lab.exec(['systemctl', 'start', 'behind.service'])
    await lab.systemctl('reload', 'behind.service')
    await lab.exec(['systemctl', 'reload', 'behind.service'], { allowFailure: true })
    await lab.systemctl('stop', 'behind.service')
    const steps = () => spansOf('behind.service').filter(({ name }) => / job$|^reload$/.test(name))
    await waitFor('its last job', () => steps().some(({ name }) => name === 'stop job'))
    const [root] = rootsOf('behind.service')
    expect(steps().map(({ name, status }) => [name, status.message])).toEqual([
      ['start job', undefined],
      ['reload', undefined],
      ['reload job', undefined],
      ['reload job', 'job failed'],
      ['stop job', undefined],
    ])
    for (const { parentSpanId, traceId } of steps())
      expect([parentSpanId, traceId]).toEqual([root!.spanId, root!.traceId])
    const [start, reload] = steps().map((span) => span.endTimeUnixNano - span.startTimeUnixNano)
    // It waited for what it is ordered behind, which takes 0.3 s; the run itself began after that.
    expect(start!).toBeGreaterThan(300_000_000n)
    expect(root!.startTimeUnixNano).toBeGreaterThan(steps()[0]!.startTimeUnixNano + 290_000_000n)
    expect(reload!).toBeGreaterThan(200_000_000n)
  })

  it('has dropped nothing on the way', () => {
    expect([...telemetry.drops]).toEqual([])
  })
})
