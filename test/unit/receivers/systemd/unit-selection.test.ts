import { expect, test } from 'vitest'
import { schema } from '../../../../src/receivers/systemd/config.js'
import { selectUnits } from '../../../../src/receivers/systemd/unit-selection.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'

const id = 'c0ffee'.padEnd(64, '0')
const units = [
  'nginx.service',
  'nginx.socket',
  'nginx-debug.service',
  'php8.2-fpm.service',
  'backup.timer',
  'docker.service',
  'containerd.service',
  `docker-${id}.scope`,
  'user.slice',
  'sda.device',
]

/** Which of the units above are watched. */
function check(written: Record<string, unknown>, watched: readonly string[]): void {
  const selection = selectUnits(createTestConfig(schema, written))
  expect(units.filter((unit) => selection.accepts(unit))).toEqual(watched)
}

const byDefault = units.filter((unit) => !/\.(scope|slice|device)$/.test(unit))
const scopes = ['service', 'scope']

test.each<readonly [story: string, written: Record<string, unknown>, watched: readonly string[]]>([
  ['by default: what people ask about', {}, byDefault],
  ['a name without a type means the service', { service_whitelist: ['nginx'] }, ['nginx.service']],
  ['a name with a type', { service_whitelist: ['nginx.socket'] }, ['nginx.socket']],
  [
    'a prefix is of any type',
    { service_whitelist: ['nginx*'] },
    ['nginx.service', 'nginx.socket', 'nginx-debug.service'],
  ],
  ['a glob without a type means services', { service_whitelist: ['php*-fpm'] }, ['php8.2-fpm.service']],
  [
    'the blacklist wins',
    { service_whitelist: ['nginx*'], service_blacklist: ['nginx-debug', '*.socket'] },
    ['nginx.service'],
  ],
  ['types', { unit_types: ['slice', 'device'] }, ['user.slice', 'sda.device']],
  [
    'a type that is not wanted is not made so by a name',
    { service_whitelist: ['*'], unit_types: ['timer'] },
    ['backup.timer'],
  ],
  [
    'without units of container runtimes',
    { unit_types: scopes, container_runtime_filter: { mode: 'exclude' } },
    ['nginx.service', 'nginx-debug.service', 'php8.2-fpm.service'],
  ],
  [
    'only units of container runtimes',
    { unit_types: scopes, container_runtime_filter: { mode: 'only' } },
    ['docker.service', 'containerd.service', `docker-${id}.scope`],
  ],
  [
    'only those of one runtime',
    { unit_types: scopes, container_runtime_filter: { mode: 'only', runtimes: ['docker'] } },
    ['docker.service', `docker-${id}.scope`],
  ],
])('%s', (_story, written, watched) => check(written, watched))

test.each<readonly [filter: unknown, unit: string, runtime: string | undefined]>([
  [true, 'docker.service', 'docker'],
  [true, `docker-${id}.scope`, 'docker'],
  [true, 'nginx.service', undefined],
  [false, 'docker.service', undefined],
  [{ runtimes: ['containerd'] }, 'docker.service', undefined],
])('with container_runtime_filter %j, %s is marked %s', (filter, unit, runtime) => {
  const selection = selectUnits(createTestConfig(schema, { container_runtime_filter: filter }))
  const marks = selection.containerAttributes(unit)
  expect(marks['systemd.unit.container_runtime']).toBe(runtime)
  expect(selection.containerAttributes(unit)).toBe(marks) // asked with every signal: found once
})
