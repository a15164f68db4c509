import { expect, it } from 'vitest'
import { withTally } from '../../../src/cli/demo-tally.js'
import type { Exporter, ExporterFactory } from '../../../src/component/component.js'
import type { AgentConfig } from '../../../src/config/agent-config.js'
import { batchOf } from '../../../src/data/batch.js'
import type { Metric } from '../../../src/data/metric.js'
import { TestHost, testSettings } from '../../../src/testkit/test-settings.js'

const resource = (unit: string) => ({ key: unit, attributes: { 'systemd.unit.name': unit } })
const metric = (name: string, unit: string, values: readonly number[]): Metric => ({
  name,
  unit: '1',
  description: '',
  resource: resource(unit),
  type: 'sum',
  valueType: 'int',
  monotonic: true,
  points: values.map((value) => ({ attributes: {}, timeUnixNano: 1n, value })),
})

const config: AgentConfig = {
  receivers: new Map(),
  processors: new Map(),
  exporters: new Map(),
  extensions: new Map(),
  pipelines: ['logs', 'metrics'].map((id) => ({
    id,
    signals: new Set(['logs']),
    receivers: ['systemd'],
    processors: [],
    exporters: ['debug'],
  })),
  extensionIds: [],
  telemetry: { log_level: 'info', log_format: 'auto' },
  maintenance: [],
  warnings: [],
}

it('adds one counting exporter to every pipeline and leaves the rest as it was', async () => {
  const { config: counted, tally } = withTally(config)
  expect(counted.pipelines.map(({ exporters }) => exporters)).toEqual([
    ['debug', 'demo_tally'],
    ['debug', 'demo_tally'],
  ])
  expect(config.pipelines[0]?.exporters).toEqual(['debug'])

  const selfMetrics = async () => [
    metric('unitscope_receiver_systemd_signal_messages_total', '', [40]),
    metric('unitscope_receiver_systemd_two_signal_messages_total', '', [2]),
    metric('unitscope_receiver_cgroup_scans_total', '', [9]),
  ]
  const factory = counted.exporters.get('demo_tally')?.factory as ExporterFactory
  const exporter: Exporter = factory.create(testSettings('exporter', 'demo_tally', { selfMetrics }), {} as never)
  await exporter.start(new TestHost())
  const outcome = await exporter.consume(
    batchOf({ metrics: [metric('cpu', 'a.service', [1, 2]), metric('cpu', 'b.service', [3])] }),
  )
  await exporter.shutdown()
  expect(outcome.kind).toBe('ok')
  expect(tally).toMatchObject({ metricPoints: 3, spans: 0, signals: 42 })
  expect([...tally.units]).toEqual(['a.service', 'b.service'])
})
