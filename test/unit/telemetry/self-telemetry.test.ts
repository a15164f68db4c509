import { describe, expect, test } from 'vitest'
import { parseComponentId } from '../../../src/component/id.js'
import type { Metric } from '../../../src/data/metric.js'
import { ResourcePool } from '../../../src/data/resource.js'
import { metricPrefix } from '../../../src/telemetry/metric-name.js'
import { createSelfTelemetry } from '../../../src/telemetry/self-telemetry.js'
import { FakeClock } from '../../../src/testkit/fake-clock.js'

const systemd = parseComponentId('receiver', 'systemd')!
const batch = parseComponentId('processor', 'batch/small')!

const startedUnixNano = 1_700_000_000_123_000_000n

const setUp = () =>
  createSelfTelemetry({
    random: () => 0.5,
    resources: new ResourcePool(),
    clock: new FakeClock(startedUnixNano),
    version: '1.2.3',
    lostLogLines: () => 4,
  })

/** `name{attributes} value` of every number point. */
function numbers(metrics: readonly Metric[]): string[] {
  return metrics.flatMap((metric) =>
    metric.type === 'histogram'
      ? []
      : metric.points.map((point) => {
          const labels = Object.entries(point.attributes).map(([key, value]) => `${key}=${value}`)
          return `${metric.name}{${labels.join(',')}} ${point.value}`
        }),
  )
}

test('names follow the component id', () => {
  const check = (kind: 'receiver' | 'exporter', id: string, expected: string) =>
    expect(metricPrefix(parseComponentId(kind, id)!)).toBe(expected)
  check('receiver', 'systemd', 'unitscope_receiver_systemd')
  check('exporter', 'otlp/eu-west.1', 'unitscope_exporter_otlp_eu_west_1')
})

describe('collect', () => {
  test('gives every number of every component, cumulative, on the resource of the agent', () => {
    const telemetry = setUp()
    const counters = telemetry.component(systemd)
    counters.processed({ logs: 4, metrics: 3 })
    counters.dropped({ logs: 2 }, 'ring_full')
    counters.dropped({ unknown: 1 }, 'filtered')
    counters.crossing('items_out', 'Items passed on.').add({ logs: 2 })
    counters.gauge('queue_items', 'Queued.', '{item}', () => ({ traces: 5 }))
    counters.error('bus_lost')
    counters.healthy = true
    counters.counter('signals_suppressed', 'Repeats.')(40)
    counters.gauge('units', 'Units seen.', '{unit}', () => 12)
    telemetry.component(batch, 'metrics').processed({ metrics: 3 })
    const metrics = telemetry.collect()
    expect(numbers(metrics).sort()).toEqual(
      [
        'unitscope_log_lines_lost_total{} 4',
        'unitscope_receiver_systemd_events_processed_total{unitscope.component=systemd,signal=logs} 4',
        'unitscope_receiver_systemd_events_processed_total{unitscope.component=systemd,signal=metrics} 3',
        'unitscope_receiver_systemd_items_out_total{unitscope.component=systemd,signal=logs} 2',
        'unitscope_receiver_systemd_queue_items{unitscope.component=systemd,signal=logs} 0',
        'unitscope_receiver_systemd_queue_items{unitscope.component=systemd,signal=metrics} 0',
        'unitscope_receiver_systemd_queue_items{unitscope.component=systemd,signal=traces} 5',
        'unitscope_receiver_systemd_events_produced_total{unitscope.component=systemd} 0',
        'unitscope_receiver_systemd_events_dropped_total{unitscope.component=systemd,reason=ring_full,signal=logs} 2',
        'unitscope_receiver_systemd_events_dropped_total{unitscope.component=systemd,reason=filtered,signal=unknown} 1',
        'unitscope_receiver_systemd_errors_total{unitscope.component=systemd,reason=bus_lost} 1',
        'unitscope_receiver_systemd_collector_healthy{unitscope.component=systemd} 1',
        'unitscope_receiver_systemd_signals_suppressed_total{unitscope.component=systemd} 40',
        'unitscope_receiver_systemd_units{unitscope.component=systemd} 12',
        'unitscope_processor_batch_small_events_processed_total{unitscope.component=batch/small,unitscope.pipeline=metrics,signal=metrics} 3',
        'unitscope_processor_batch_small_events_produced_total{unitscope.component=batch/small,unitscope.pipeline=metrics} 0',
        'unitscope_processor_batch_small_collector_healthy{unitscope.component=batch/small,unitscope.pipeline=metrics} 0',
      ].sort(),
    )
    const processed = metrics.find((metric) => metric.name === 'unitscope_receiver_systemd_events_processed_total')!
    expect(processed).toMatchObject({ type: 'sum', monotonic: true, valueType: 'int' })
    expect(processed.points[0]!.startTimeUnixNano).toBe(startedUnixNano)
    expect(processed.resource.attributes).toMatchObject({ 'service.name': 'unitscope', 'service.version': '1.2.3' })
    expect(new Set(metrics.map((metric) => metric.resource)).size).toBe(1)
  })

  test('what appears later is collected too: a new drop reason, a counter, a component', () => {
    const telemetry = setUp()
    const counters = telemetry.component(systemd)
    telemetry.collect()
    counters.dropped({ logs: 1 }, 'queue_full')
    counters.counter('late', 'Late.')(5)
    telemetry.component(batch, 'logs').processed({ logs: 9 })
    const after = numbers(telemetry.collect())
    expect(after).toContain(
      'unitscope_receiver_systemd_events_dropped_total{unitscope.component=systemd,reason=queue_full,signal=logs} 1',
    )
    expect(after).toContain('unitscope_receiver_systemd_late_total{unitscope.component=systemd} 5')
    expect(after).toContain(
      'unitscope_processor_batch_small_events_processed_total{unitscope.component=batch/small,unitscope.pipeline=logs,signal=logs} 9',
    )
  })

  test('durations become a histogram; one on a bound belongs to the bucket below it', () => {
    const telemetry = setUp()
    const counters = telemetry.component(systemd)
    expect(telemetry.collect().filter((metric) => metric.type === 'histogram')).toEqual([])
    for (const ms of [0.2, 5, 700]) counters.durationMs(ms)
    const histogram = telemetry.collect().find((metric) => metric.type === 'histogram')!
    expect(histogram).toMatchObject({ name: 'unitscope_receiver_systemd_processing_duration_ms', unit: 'ms' })
    const point = histogram.type === 'histogram' ? histogram.points[0]! : undefined!
    expect(point).toMatchObject({ count: 3, sum: 705.2 })
    expect(point.bucketCounts).toHaveLength(point.bounds.length + 1)
    expect(point.bucketCounts[point.bounds.indexOf(0.5)]).toBe(1)
    expect(point.bucketCounts[point.bounds.indexOf(5)]).toBe(1)
    expect(point.bucketCounts[point.bounds.indexOf(1000)]).toBe(1)
  })

  test('a gauge that throws is left out, the others are there', () => {
    const telemetry = setUp()
    const counters = telemetry.component(systemd)
    counters.gauge('broken', 'Throws.', '1', () => {
      throw new Error('closed')
    })
    counters.gauge('nan', 'Not a number.', '1', () => Number.NaN)
    counters.gauge('fine', 'Works.', '1', () => 1)
    const names = telemetry.collect().map((metric) => metric.name)
    expect(names).toContain('unitscope_receiver_systemd_fine')
    expect(names).not.toContain('unitscope_receiver_systemd_broken')
    expect(names).not.toContain('unitscope_receiver_systemd_nan')
  })

  test('reasons are bounded: a bug that puts data into a reason is not a leak', () => {
    const counters = setUp().component(systemd)
    for (let n = 0; n < 1000; n++) counters.dropped({ logs: 1 }, `unit-${n}.service`)
    expect(counters.dropsByReason.size).toBeLessThanOrEqual(65)
    expect([...counters.dropsByReason.values()].reduce((a, b) => a.add(b)).logs).toBe(1000)
  })
})
