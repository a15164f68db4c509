import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isScalar, parseDocument } from 'yaml'
import { readPlainScalar } from '../../../src/config/plain-scalar.js'

// A value that a reference brings reads like the same text in the file: the YAML library is the judge of that.

test.each([
  ['9464', 9464],
  ['-5', -5],
  ['+5', 5],
  ['0123', 123],
  ['0x1F', 31],
  ['0o17', 15],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1e3', 1000],
  ['.inf', Infinity],
  ['-.Inf', -Infinity],
  ['.nan', Number.NaN],
  ['true', true],
  ['FALSE', false],
  ['null', null],
  ['~', null],
  ['', null],
  [' 9464 ', 9464],
  ['yes', 'yes'],
  ['1:2:3', '1:2:3'],
  ['0b1', '0b1'],
  ['1_000', '1_000'],
  ['nUll', 'nUll'],
  ['-0x1F', '-0x1F'],
  [' a ', ' a '],
])('%j is %j', (text, value) => {
  expect(readPlainScalar(text)).toBe(value)
})

test('any plain scalar is what the YAML library makes of it', () => {
  const scalar = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.stringMatching(/^[-+]?[0-9.eExXoO_]{1,10}$/),
    fc.stringMatching(/^[-+.]?(true|True|tRUE|null|NULL|inf|nan|NaN|Inf|INF|~|yes|off)$/),
  )
  fc.assert(
    fc.property(scalar, (text) => {
      const document = parseDocument(`k: ${text}`, { logLevel: 'silent' })
      const node = document.get('k', true)
      fc.pre(document.errors.length === 0 && isScalar(node) && node.type === 'PLAIN' && node.source === text)
      expect(readPlainScalar(text)).toEqual((node as { value: unknown }).value)
    }),
    { numRuns: 2000 },
  )
})
