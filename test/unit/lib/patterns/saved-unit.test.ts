import { expect, test } from 'vitest'
import { readUnitName, savedUnitName } from '../../../../src/lib/patterns/saved-unit.js'

const unit = {
  key: 'k',
  name: 'web.service',
  resource: {
    key: 'r',
    attributes: { 'systemd.unit': 'web.service', big: 2n ** 60n, labels: ['a', 'b'], n: 1, is: true },
  },
}

test('a unit is read back as it was, but for what JSON has no word for', () => {
  const saved = JSON.parse(JSON.stringify(savedUnitName(unit)))
  const { big: _, ...rest } = unit.resource.attributes
  expect(readUnitName('k', saved)).toEqual({ ...unit, resource: { key: 'r', attributes: rest } })
})

test.each<readonly [string, unknown, unknown]>([
  ['a key that is no text', 7, { name: 'n', resource: { key: 'r', attributes: {} } }],
  ['a name that is too long', 'k', { name: 'n'.repeat(4097), resource: { key: 'r', attributes: {} } }],
  ['no resource', 'k', { name: 'n' }],
  ['attributes that are a list', 'k', { name: 'n', resource: { key: 'r', attributes: [] } }],
  ['an attribute that is nothing', 'k', { name: 'n', resource: { key: 'r', attributes: { a: null } } }],
  ['a list of numbers', 'k', { name: 'n', resource: { key: 'r', attributes: { a: [1] } } }],
])('%s is refused', (_what, key, saved) => {
  expect(() => readUnitName(key, saved as never)).toThrow()
})
