import { expect, test } from 'vitest'
import type { Schema } from '../../../src/component/schema.js'
import { finish } from '../../../src/config/plain.js'
import { toJsonSchema, Validator } from '../../../src/config/validator.js'
import { registrations } from '../../../src/registry.js'

test('our schema language becomes strict JSON Schema', () => {
  const schema: Schema = {
    type: 'object',
    description: 'A component.',
    required: ['endpoint', 'timeout'],
    properties: {
      endpoint: { type: 'string', format: 'endpoint', description: 'Where to.' },
      timeout: { type: 'string', format: 'duration', default: '5s', description: 'How long.' },
      headers: {
        type: 'object',
        additionalProperties: { type: 'string', description: 'One.' },
        maxProperties: 2,
        description: 'All.',
      },
      size: {
        anyOf: [
          { type: 'integer', minimum: 1, description: 'A number.' },
          { type: 'array', items: { type: 'boolean', description: 'One.' }, maxItems: 2, description: 'A list.' },
        ],
        default: 1,
        description: 'Either.',
      },
    },
  }
  expect(toJsonSchema(schema)).toEqual({
    type: 'object',
    additionalProperties: false,
    // A key with a default may be left out.
    required: ['endpoint'],
    properties: {
      endpoint: { type: 'string', format: 'endpoint' },
      timeout: { type: 'string', format: 'duration' },
      headers: { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 2 },
      size: {
        anyOf: [
          { type: 'integer', minimum: 1 },
          { type: 'array', items: { type: 'boolean' }, maxItems: 2 },
        ],
      },
    },
  })
})

test.each(registrations)(
  'the schema of $kind $type compiles, and its defaults keep its own rules',
  async ({ load }) => {
    const { configSchema } = await load()
    const validator = new Validator()
    expect(validator.errors(configSchema, {}).filter((error) => error.keyword !== 'required')).toEqual([])
    for (const [key, schema] of eachSchema('', configSchema)) {
      if (schema.default === undefined) continue
      expect(validator.errors(schema, schema.default), key).toEqual([])
      expect(() => finish(schema.default, schema, validator), key).not.toThrow()
    }
  },
)

/** A schema and all below it, by key. */
function eachSchema(key: string, schema: Schema): readonly (readonly [string, Schema])[] {
  const below = (name: string, child: Schema) => eachSchema(`${key}.${name}`, child)
  let children: readonly (readonly [string, Schema])[] = []
  if ('anyOf' in schema) children = schema.anyOf.flatMap((branch, index) => below(`anyOf${index}`, branch))
  else if (schema.type === 'array') children = below('items', schema.items)
  else if ('additionalProperties' in schema) children = below('*', schema.additionalProperties)
  else if ('properties' in schema)
    children = Object.entries(schema.properties).flatMap(([name, child]) => below(name, child))
  return [[key, schema], ...children]
}
