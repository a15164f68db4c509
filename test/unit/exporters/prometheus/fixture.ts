import type { Batch } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import type { Gauge, Metric, NumberPoint } from '../../../../src/data/metric.js'
import type { Resource } from '../../../../src/data/resource.js'

export const traceId = '9f2c1ab74dd84ac1b7b1d3b0c1f7a001'
export const spanId = '00f067aa0ba902b7'
export const host: Resource = { key: 'host', attributes: { 'service.name': 'unitscope', 'host.name': 'node1' } }

export function unitOf(name: string, extra: Readonly<Record<string, string>> = {}): Resource {
  const attributes = {
    'service.name': name,
    'host.name': 'node1',
    'systemd.unit.name': name,
    'systemd.unit.type': name.slice(name.lastIndexOf('.') + 1),
    ...extra,
  }
  return { key: `unit:${extra['systemd.scope'] ?? 'system'}:${name}`, attributes }
}

const states = ['active', 'reloading', 'inactive', 'failed', 'activating', 'deactivating', 'maintenance'] as const

/** What the systemd and cgroup receivers send of a small machine, at `unixNano`. */
export function smallMachine(unixNano: bigint): Batch {
  const crashy = unitOf('crashy.service')
  const timer = unitOf('backup.timer')
  const point = (value: number | bigint, attributes = {}, part: Partial<NumberPoint> = {}): NumberPoint => ({
    attributes,
    timeUnixNano: unixNano,
    value,
    ...part,
  })
  const exemplars = [{ timeUnixNano: unixNano, value: 1, traceId, spanId }]
  const metrics: Metric[] = [
    ...[crashy, timer].map(
      (resource): Metric => ({
        type: 'sum',
        valueType: 'int',
        monotonic: false,
        name: 'systemd.unit.state',
        unit: '1',
        description: 'State of the unit',
        resource,
        points: states.map((state) =>
          point(state === (resource === crashy ? 'failed' : 'active') ? 1 : 0, { 'systemd.unit.active_state': state }),
        ),
      }),
    ),
    {
      type: 'sum',
      valueType: 'int',
      monotonic: true,
      name: 'systemd.service.restarts',
      unit: '{restart}',
      description: 'Restarts since the agent started',
      resource: crashy,
      points: [point(5, { 'systemd.unit.restart.cause': 'auto' }, { exemplars })],
    },
    gauge('systemd.service.n_restarts', '{restart}', crashy, [point(5)]),
    gauge('systemd.unit.start_time', 's', crashy, [point(1_795_176_271.5)], 'double'),
    gauge('systemd.unit.pids', '{process}', crashy, [point(3)]),
    gauge('systemd.unit.pids.limit', '{process}', crashy, [point(4915)]),
    gauge('systemd.timer.last_trigger', 's', timer, [point(1_795_176_000)], 'double'),
    gauge('systemd.units', '{unit}', host, [
      point(120, { 'systemd.unit.active_state': 'active' }),
      point(1, { 'systemd.unit.active_state': 'failed' }),
    ]),
    gauge('systemd.unit.info', '{unit}', crashy, [
      point(1, { 'systemd.service.type': 'notify', 'systemd.unit.slice': 'system.slice' }),
    ]),
    gauge('systemd.unit.active_enter_time', 's', crashy, [point(1_795_176_271.5)], 'double'),
    {
      type: 'sum',
      valueType: 'int',
      monotonic: false,
      name: 'systemd.system.state',
      unit: '1',
      description: 'State of systemd',
      resource: host,
      points: [point(0, { 'systemd.system.state': 'running' }), point(1, { 'systemd.system.state': 'degraded' })],
    },
    gauge('systemd.version', '{version}', host, [point(252.39, { 'systemd.version': '252.39-1' })], 'double'),
    gauge('systemd.virtualization', '{host}', host, [point(1, { 'systemd.virtualization': 'kvm' })]),
    gauge('systemd.boot.monotonic', 's', host, [point(9.5, { 'systemd.boot.stage': 'Firmware' })], 'double'),
    gauge('systemd.watchdog.enabled', '{device}', host, [point(1)]),
    gauge(
      'systemd.watchdog.runtime',
      's',
      host,
      [point(30, { 'systemd.watchdog.device': '/dev/watchdog0' })],
      'double',
    ),
    {
      type: 'sum',
      valueType: 'int',
      monotonic: true,
      name: 'systemd.socket.connections.accepted',
      unit: '{connection}',
      description: 'Connections accepted',
      resource: unitOf('shell.socket'),
      points: [point(7)],
    },
    gauge('systemd.socket.connections.current', '{connection}', unitOf('shell.socket'), [point(2)]),
    gauge(
      'systemd.unit.pressure.avg10',
      '1',
      crashy,
      [point(0.25, { 'systemd.pressure.resource': 'cpu', 'systemd.pressure.kind': 'some' })],
      'double',
    ),
    {
      type: 'sum',
      valueType: 'int',
      monotonic: true,
      name: 'systemd.unit.io.bytes',
      unit: 'By',
      description: 'Bytes moved',
      resource: crashy,
      points: [point(9_007_199_254_740_993n, { 'disk.io.direction': 'read', 'system.device': '8:0' })],
    },
    {
      type: 'histogram',
      name: 'unitscope_otlp_processing_duration_ms',
      unit: 'ms',
      description: 'Time to deliver',
      resource: host,
      points: [
        {
          attributes: {},
          startTimeUnixNano: 1n,
          timeUnixNano: unixNano,
          count: 6,
          sum: 1234.5,
          bounds: [5, 100, 1000],
          bucketCounts: [1, 2, 3, 0],
          exemplars: [{ timeUnixNano: unixNano, value: 640, traceId, attributes: { 'thread.name': 'main' } }],
        },
      ],
    },
  ]
  return { metrics, events: [failure(crashy, unixNano), failure(crashy, unixNano)], spans: [] }
}

export function gauge(
  name: string,
  unit: string,
  resource: Resource,
  points: readonly NumberPoint[],
  valueType: 'int' | 'double' = 'int',
): Gauge {
  return { type: 'gauge', valueType, name, unit, description: `About ${name}`, resource, points }
}

export function failure(resource: Resource, unixNano: bigint): RawEvent {
  return {
    timeUnixNano: unixNano,
    observedTimeUnixNano: unixNano,
    name: 'systemd.unit.failed',
    severity: 17,
    body: 'failed',
    attributes: {},
    traceId,
    resource,
  }
}
