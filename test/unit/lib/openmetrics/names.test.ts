import { describe, expect, test } from 'vitest'
import { negotiate } from '../../../../src/lib/openmetrics/exposition.js'
import { parseListenAddress } from '../../../../src/lib/openmetrics/listen-address.js'
import { prometheusName, sanitizeLabel } from '../../../../src/lib/openmetrics/names.js'

describe('a metric name', () => {
  const cases: readonly [string, string, 'gauge' | 'counter' | 'other', string][] = [
    ['systemd.unit.cpu.time', 's', 'counter', 'systemd_unit_cpu_time_seconds'],
    ['systemd.unit.memory.usage', 'By', 'gauge', 'systemd_unit_memory_usage_bytes'],
    ['systemd.unit.io.bytes', 'By', 'counter', 'systemd_unit_io_bytes'],
    ['systemd.service.restarts', '{restart}', 'counter', 'systemd_service_restarts'],
    ['systemd.unit.pressure.avg10', '1', 'gauge', 'systemd_unit_pressure_avg10_ratio'],
    ['systemd.unit.state', '1', 'other', 'systemd_unit_state'],
    ['requests_total', '{request}', 'counter', 'requests'],
    ['process.open_file_descriptor.count', '{file_descriptor}', 'gauge', 'process_open_file_descriptor'],
    ['cache.sum', 'By', 'gauge', 'cache_bytes'],
    ['leaky.bucket', '1', 'other', 'leaky'],
    ['disk.rate', 'By/s', 'gauge', 'disk_rate_bytes_per_second'],
    ['lookups', '{lookup}/s', 'gauge', 'lookups_per_second'],
    ['9lives--of.cats', '', 'gauge', '_9lives_of_cats'],
    ['weird', 'foo/bar/baz', 'gauge', 'weird'],
    ['odd', 'a b', 'gauge', 'odd_a_b'],
  ]
  for (const [name, unit, kind, wanted] of cases)
    test(`${name} in ${unit} becomes ${wanted}`, () => expect(prometheusName(name, unit, kind).name).toBe(wanted))
})

test('labels become valid, and never Prometheus-internal', () => {
  expect(['cpu.mode', '__name__', '0day', 'ünit', 'a-b'].map(sanitizeLabel)).toEqual([
    'cpu_mode',
    '_name_',
    'key_0day',
    '_nit',
    'a_b',
  ])
})

describe('Accept', () => {
  const cases: readonly [string | undefined, boolean][] = [
    [undefined, false],
    ['*/*', false],
    ['text/plain', false],
    ['application/openmetrics-text', true],
    ['application/openmetrics-text; version=1.0.0; charset=utf-8', true],
    ['application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', false],
    ['application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain', true],
    ['application/openmetrics-text;version=1.0.0;q=0,text/plain', false],
  ]
  for (const [accept, wanted] of cases) test(`${accept}`, () => expect(negotiate(accept).openMetrics).toBe(wanted))
})

test('addresses to listen on', () => {
  expect(parseListenAddress('[::1]:9464')).toEqual({ host: '::1', port: 9464, loopback: true })
  expect(parseListenAddress('0.0.0.0:80')).toEqual({ host: '0.0.0.0', port: 80, loopback: false })
  expect(parseListenAddress('LOCALHOST:80')).toEqual({ host: 'localhost', port: 80, loopback: true })
})
