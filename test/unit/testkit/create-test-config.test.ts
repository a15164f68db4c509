import { expect, test } from 'vitest'
import type { ObjectSchema } from '../../../src/component/schema.js'
import { createTestConfig } from '../../../src/testkit/create-test-config.js'

const schema = {
  type: 'object',
  description: 'All there is.',
  properties: {
    wait: { type: 'string', format: 'duration', default: '5s', description: 'd' },
    room: { type: 'string', format: 'size', description: 's' },
    mode: { type: 'string', enum: ['a', 'b'], default: 'a', description: 'm' },
    tries: { type: 'integer', minimum: 1, maximum: 9, default: 3, description: 't' },
    names: { type: 'array', items: { type: 'string', minLength: 1, description: 'n' }, default: [], description: 'n' },
    headers: {
      type: 'object',
      additionalProperties: { type: 'string', description: 'h' },
      default: {},
      description: 'h',
    },
    either: {
      anyOf: [
        { type: 'boolean', description: 'b' },
        { type: 'number', description: 'n' },
      ],
      default: true,
      description: 'e',
    },
    inner: {
      type: 'object',
      properties: { on: { type: 'boolean', default: false, description: 'o' } },
      default: {},
      description: 'i',
    },
  },
  required: ['room'],
} as const satisfies ObjectSchema

test('fills defaults and turns units into numbers', () => {
  const config = createTestConfig(schema, { room: '2KiB', headers: { a: 'b' } })
  expect(config).toEqual({
    wait: 5000,
    room: 2048,
    mode: 'a',
    tries: 3,
    names: [],
    headers: { a: 'b' },
    either: true,
    inner: { on: false },
  })
  expect(Object.isFrozen(config)).toBe(true)
})

test.each([
  [{}, /room: is required/],
  [{ room: '1B', rum: 1 }, /rum: unknown key/],
  [{ room: '1' }, /room: .*did you mean "1MiB"/],
  [{ room: '1B', mode: 'c' }, /mode: must be one of a, b/],
  [{ room: '1B', tries: 10 }, /tries: 10 is out of range/],
  [{ room: '1B', tries: 1.5 }, /tries: must be a number of type integer/],
  [{ room: '1B', names: ['a', ''] }, /names\[1\]: has 0 characters/],
  [{ room: '1B', inner: { off: true } }, /inner.off: unknown key/],
  [{ room: '1B', either: 'x' }, /either: .*; or either: /],
])('refuses %j', (written, reason) => {
  expect(() => createTestConfig(schema, written)).toThrow(reason)
})
