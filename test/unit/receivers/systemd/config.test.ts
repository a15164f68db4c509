import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../../src/config/config.js'
import { registrations } from '../../../../src/registry.js'

const sources = { env: {}, readFile: () => Promise.reject(new Error('no file is read here')) }

function load(line: string): Promise<unknown> {
  const text = [
    'receivers:',
    '  systemd:',
    `    ${line}`,
    'exporters: { debug: {} }',
    'service: { pipelines: { units: { receivers: [systemd], exporters: [debug] } } }',
    '',
  ].join('\n')
  return parseConfig(text, 'test.yaml', registrations, sources)
}

describe('a receiver that cannot work is refused before anything starts', () => {
  test.each<readonly [line: string, problem: RegExp]>([
    ['address: unixexec:path=/bin/sh', /3:\d+ receivers\.systemd\.address: .*would run a program/],
    ['address: "tcp:host=127.0.0.1,port=55556"', /3:\d+ receivers\.systemd\.address: .*only unix sockets/],
    ['address: unix:path=/run/a%zz', /3:\d+ receivers\.systemd\.address: .*wrong %xx/],
    ['address: /run/dbus/system_bus_socket', /3:\d+ receivers\.systemd\.address: .*no transport/],
    ['address: ""', /3:\d+ receivers\.systemd\.address: must be `unix:path=/],
    ['monitor_all_services: false', /receivers\.systemd\.service_whitelist: .*nothing would be watched/],
    ['service_whitelist: ["a[.service"]', /3:\d+ receivers\.systemd\.service_whitelist\[0\]: /],
    ['poll_interval: 1s', /3:\d+ receivers\.systemd\.poll_interval: must be from 5s to 1h/],
    ['collection_interval: 2h', /3:\d+ receivers\.systemd\.collection_interval: must be from 1s to 1h/],
    ['batch_timeout: 11s', /3:\d+ receivers\.systemd\.batch_timeout: must be at most 10s/],
    ['max_batch_size: 0', /3:\d+ receivers\.systemd\.max_batch_size/],
    ['backpressure_threshold: 80', /3:\d+ receivers\.systemd\.backpressure_threshold/],
    ['overflow_policy: block\n    private_socket: true', /4:\d+ receivers\.systemd\.private_socket: not with overflow/],
    ['unit_types: []', /3:\d+ receivers\.systemd\.unit_types/],
    ['unit_types: [servce]', /3:\d+ receivers\.systemd\.unit_types\[0\].*did you mean "service"/],
    ['signal_buffer_size: 10', /3:\d+ receivers\.systemd\.signal_buffer_size/],
    ['max_events_per_second: 0', /3:\d+ receivers\.systemd\.max_events_per_second/],
    ['overflow_policy: drop', /3:\d+ receivers\.systemd\.overflow_policy/],
    ['container_runtime_filter: { mode: solo }', /3:\d+ receivers\.systemd\.container_runtime_filter/],
    ['scope: session', /3:\d+ receivers\.systemd\.scope/],
  ])('%s', async (line, problem) => expect(load(line)).rejects.toThrow(problem))

  test.each([
    'address: unix:path=/host/run/dbus/system_bus_socket',
    'address: unix:abstract=/tmp/dbus-x,guid=0123456789abcdef0123456789abcdef',
    'poll_interval: 0s',
    'container_runtime_filter: false',
    'container_runtime_filter: { mode: only, runtimes: [docker] }',
  ])('%s is accepted', async (line) => expect(await load(line)).toBeDefined())
})
