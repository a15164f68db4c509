import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostAttributes } from '../../../src/util/host.js'

const machine = '0123456789abcdef0123456789abcdef'
const boot = 'f47ac10b-58cc-4372-a567-0e02b2c3d479'

test.each<[what: string, files: Readonly<Record<string, string>>, expected: Readonly<Record<string, string>>]>([
  [
    'both',
    { '/etc/machine-id': `${machine}\n`, '/proc/sys/kernel/random/boot_id': `${boot}\n` },
    { 'host.id': machine, 'systemd.boot_id': 'f47ac10b58cc4372a5670e02b2c3d479' },
  ],
  ['a machine ID that only dbus has', { '/var/lib/dbus/machine-id': `${machine}\n` }, { 'host.id': machine }],
  ['an image without one', {}, {}],
  ['an image with an empty one', { '/etc/machine-id': '' }, {}],
  ['a first boot', { '/etc/machine-id': 'uninitialized\n' }, {}],
  ['zeroes', { '/etc/machine-id': '0'.repeat(32) }, {}],
  ['anything else', { '/etc/machine-id': 'root:x:0:0:root\n' }, {}],
])('%s', (_, files, expected) => {
  const read = (path: string): string => {
    const text = files[path]
    if (text === undefined) throw new Error(`no ${path}`)
    return text
  }
  expect(hostAttributes(read, 'node1')).toEqual({ 'host.name': 'node1', ...expected })
})

test('this boot has the ID that the journal writes', () => {
  const id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '')
  expect(hostAttributes()['systemd.boot_id']).toBe(id)
})
