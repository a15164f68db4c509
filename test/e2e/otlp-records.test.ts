import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Consumer } from '../../src/component/component.js'
import { concatBatches, signals } from '../../src/data/batch.js'
import { schema as otlpSchema } from '../../src/exporters/otlp/config.js'
import { createOtlpExporter } from '../../src/exporters/otlp/otlp.js'
import { fanOut } from '../../src/graph/fan-out.js'
import { runSpanId } from '../../src/lib/systemd/ids.js'
import { schema as crashLoopSchema } from '../../src/processors/crash_loop/config.js'
import { factory as crashLoopFactory } from '../../src/processors/crash_loop/factory.js'
import { schema as spansSchema } from '../../src/processors/lifecycle_spans/config.js'
import { createLifecycleSpans } from '../../src/processors/lifecycle_spans/lifecycle-spans.js'
import { createCgroupReceiver } from '../../src/receivers/cgroup/cgroup.js'
import { schema as cgroupSchema } from '../../src/receivers/cgroup/config.js'
import { schema as systemdSchema } from '../../src/receivers/systemd/config.js'
import { createSystemdReceiver } from '../../src/receivers/systemd/systemd-receiver.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { sortedRecords } from '../support/otlp-sink/complete.js'
import { expectedRecords } from '../support/otlp-sink/expected.js'
import { type OtlpSink, startOtlpSink } from '../support/otlp-sink/otlp-sink.js'

// systemd and cgroup receiver -> lifecycle_spans -> crash_loop -> OTLP over gRPC, and the same batches kept in memory:
// what the server got must be what was sent, in every field.

const units = {
  'crasher.service':
    '[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=4\n' +
    '[Service]\nExecStart=/bin/sh -c "sleep 0.1; exit 3"\nRestart=on-failure\nRestartSec=100ms\n',
  'steady.service': '[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 0.1\n',
  'odd@.service': '[Service]\nExecStart=/bin/sleep infinity\n',
}
const oddUnit = 'odd@a\\x2db:c\\xe4.service'

describeLab('what an OTLP server gets of a real systemd', () => {
  let lab: Lab
  let sink: OtlpSink
  const kept = new MemoryExporter()
  const telemetry = new RecordingTelemetry()

  beforeAll(async () => {
    lab = await bootLab()
    for (const [name, text] of Object.entries(units)) lab.writeUnit(name, text)
    await lab.daemonReload()
    sink = await startOtlpSink()

    const settings = (kind: 'receiver' | 'processor' | 'exporter', type: string) =>
      testSettings(kind, type, { clock: systemClock, random: Math.random })
    const exporter = createOtlpExporter(
      { ...settings('exporter', 'otlp'), telemetry },
      createTestConfig(otlpSchema, {
        endpoint: sink.address,
        // The server is in this process: while that stands still, nobody answers.
        timeout: '60s',
        sending_queue: { shutdown_timeout: '60s' },
      }),
    )
    const out = fanOut([kept, exporter].map(routeOfAll), () => {})
    const loops = crashLoopFactory.create(
      settings('processor', 'crash_loop'),
      createTestConfig(crashLoopSchema, {}),
      out,
    )
    const spans = createLifecycleSpans(
      settings('processor', 'lifecycle_spans'),
      createTestConfig(spansSchema, {}),
      loops,
    )
    const systemd = createSystemdReceiver(
      settings('receiver', 'systemd'),
      createTestConfig(systemdSchema, { address: lab.busAddress, collection_interval: '1s' }),
      spans,
    )
    const cgroup = createCgroupReceiver(
      settings('receiver', 'cgroup'),
      createTestConfig(cgroupSchema, { root: lab.cgroupRoot, collection_interval: '1s' }),
      spans,
    )
    const host = new TestHost()
    try {
      await exporter.start(new TestHost())
      await systemd.start(host)
      await waitFor('the systemd receiver to be ready', () => host.last?.state === 'ok')
      await cgroup.start(new TestHost())
      await live()
    } finally {
      for (const component of [systemd, cgroup, spans, loops, exporter]) await component.shutdown()
    }
  })
  afterAll(async () => {
    sink?.close()
    await lab?.close()
  })

  /** The units' lives, until all that is to be said of them has been said. */
  async function live(): Promise<void> {
    await lab.systemctl('start', 'steady.service', oddUnit)
    await lab.exec(['systemctl', 'start', 'crasher.service'], { allowFailure: true })
    await waitFor('the end of the crash loop', () =>
      kept.events.some(({ name }) => name === 'systemd.unit.start_limit_hit'),
    )
    await lab.systemctl('stop', 'steady.service', oddUnit)
    await waitFor('the traces of all runs', () => kept.spans.filter((span) => !span.parentSpanId).length >= 6)
    await waitFor('the failures in the metrics', () =>
      kept.metrics.some(
        (metric) => metric.name === 'systemd.unit.failures' && metric.type === 'sum' && metric.points[0]?.value === 4,
      ),
    )
    await waitFor('the resources of the units', () => kept.metrics.some(({ name }) => name === 'systemd.unit.cpu.time'))
  }

  for (const signal of signals)
    it(`${signal}: every record, every field, once`, () => {
      const sent = sortedRecords(expectedRecords(signal, concatBatches(kept.batches)))
      expect(sink.complete(signal)).toEqual(sent)
    })

  it('was sent something worth comparing', () => {
    const names = new Set(kept.events.map(({ name }) => name))
    expect([...names]).toEqual(
      expect.arrayContaining([
        'systemd.unit.started',
        'systemd.unit.stopped',
        'systemd.unit.failed',
        'systemd.unit.restarted',
        'systemd.unit.start_limit_hit',
        'systemd.job.finished',
        'pattern.crash_loop.detected',
      ]),
    )
    expect(new Set(kept.events.map(({ severity }) => severity)).size).toBeGreaterThanOrEqual(3)
    expect(kept.events.some(({ attributes }) => attributes['systemd.unit.name'] === oddUnit)).toBe(true)
    expect(new Set(kept.metrics.map(({ type }) => type))).toEqual(new Set(['gauge', 'sum']))
    expect(kept.spans.some(({ events }) => events.length > 0)).toBe(true)
    expect(kept.spans.some(({ links }) => links.length > 0)).toBe(true)
    expect(kept.spans.some(({ parentSpanId }) => parentSpanId !== undefined)).toBe(true)
  })

  it('the server can follow one crash from log record to exemplar to span, by what systemd calls the run', async () => {
    const journal = await lab.journal('MESSAGE_ID=39f53479d3a045ac8e11786248231fbf', 'UNIT=crasher.service')
    const runs = journal.map((entry) => entry['INVOCATION_ID'])
    expect(runs).toHaveLength(4)
    const ofCrasher = ({ resource }: { resource: { attributes: Record<string, unknown> } }): boolean =>
      resource.attributes['service.name'] === 'crasher.service'

    const failures = sink
      .complete('logs')
      .filter(ofCrasher)
      .filter(({ record }) => record.event_name === 'systemd.unit.failed')
    expect(failures.map(({ record }) => record.trace_id)).toEqual(expect.arrayContaining(runs))
    for (const { record } of failures) expect(record).toMatchObject({ severity_number: 17, severity_text: 'ERROR' })

    const roots = sink
      .complete('traces')
      .filter(ofCrasher)
      .filter(({ record }) => record.parent_span_id === '')
    expect(roots.map(({ record }) => [record.trace_id, record.span_id])).toEqual(
      expect.arrayContaining(runs.map((run) => [run, runSpanId(run!)])),
    )
    for (const { record } of roots) expect(record.status).toEqual({ code: 2, message: 'exit-code 3' })

    const exemplars = sink
      .complete('metrics')
      .filter(ofCrasher)
      .filter(({ record }) => record.name === 'systemd.unit.failures')
      .flatMap(({ record }) => record.sum.data_points)
      .flatMap((point) => point.exemplars)
    expect(exemplars).toContainEqual(
      expect.objectContaining({ trace_id: runs[3], span_id: runSpanId(runs[3]!), as_int: '1' }),
    )
  })

  it('the account balances: all was delivered, nothing dropped', () => {
    expect([...telemetry.drops]).toEqual([])
    expect(telemetry.processedItems).toBe(kept.items)
  })
})

function routeOfAll(consumer: Consumer) {
  return { signals: new Set(signals), consumer }
}
