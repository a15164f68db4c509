import { expect, test } from 'vitest'
import { EncodedValue } from '../../../../src/data/attributes.js'
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

const origin = {
  scope: '\n\u0004http',
  resource: '',
  resourceRecords: '\u001a\u0005\xff\x00\x80/1',
  scopeRecords: '',
  metadata: { 'x-scope-orgid': 'a' },
}

/** A unit of another agent, as it is after a restart of this one. */
const restarted = (part: object, attributes = {}) =>
  readUnitName('k', JSON.parse(JSON.stringify(savedUnitName({ ...unit, resource: { key: 'r', attributes, ...part } }))))

test("whose a unit is, and who told of it, is kept: what is found out after a restart is the same tenant's", () => {
  expect(restarted({ origin }).resource.origin).toEqual(origin)
})

test('of an origin that is too large for the file the tenant stays', () => {
  const large = { ...origin, scope: 'x'.repeat(4097) }
  expect(restarted({ origin: large }).resource.origin?.metadata).toEqual(origin.metadata)
})

test('values that have no form here are left out, and do not cost the others', () => {
  const nothing = new EncodedValue('', () => 'null')
  expect(restarted({}, { nothing, a: 1 }).resource.attributes).toEqual({ a: 1 })
})

test.each<readonly [string, unknown]>([
  ['no object', 7],
  ['without a scope', { ...origin, scope: undefined }],
  ['with a part that is no bytes', { ...origin, resource: '\u0100' }],
  ['with a part that is too long', { ...origin, resource: 'x'.repeat(4097) }],
  ['of a tenant that is no text', { ...origin, metadata: { 'x-scope-orgid': 7 } }],
  ['of a tenant that is no header', { ...origin, metadata: { 'x-scope-orgid': 'a\r\nb: c' } }],
  ['of a tenant with a long name', { ...origin, metadata: { 'x-scope-orgid': 'a'.repeat(257) } }],
  ['of a list of tenants', { ...origin, metadata: ['a'] }],
  [
    'with more headers than are kept',
    { ...origin, metadata: Object.fromEntries([...'abcdefghi'].map((one) => [one, 'a'])) },
  ],
])('an origin %s is refused', (_what, wrong) => {
  const saved = { name: 'n', resource: { key: 'r', attributes: {}, origin: wrong } }
  expect(() => readUnitName('k', saved as never)).toThrow()
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
