import type { ErrorObject } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Schema } from '../../../src/component/schema.js'
import { finish } from '../../../src/config/plain.js'
import { serviceSchema } from '../../../src/config/service-schema.js'
import { type Violation, violations } from '../../../src/config/violations.js'
import { registrations } from '../../../src/registry.js'
import { compileWithAjv, toJsonSchema } from '../../support/ajv.js'

/** All that the schema language has, with limits that random values meet. */
const everything: Schema = {
  type: 'object',
  description: 'A component.',
  required: ['endpoint', 'timeout'],
  properties: {
    endpoint: { type: 'string', format: 'endpoint', description: 'Where to.' },
    timeout: { type: 'string', format: 'duration', default: '5s', description: 'How long.' },
    word: { type: 'string', enum: ['x', '/p'], pattern: '^/', minLength: 2, maxLength: 3, description: 'One.' },
    share: { type: 'number', minimum: -1, maximum: 2, description: 'How much.' },
    headers: {
      type: 'object',
      additionalProperties: { type: 'string', minLength: 1, description: 'One.' },
      maxProperties: 2,
      description: 'All.',
    },
    sizes: {
      type: 'array',
      items: {
        anyOf: [
          { type: 'integer', minimum: 1, description: 'A number.' },
          {
            anyOf: [
              { type: 'string', format: 'size', description: 'A size.' },
              { type: 'boolean', description: 'All of it.' },
            ],
            description: 'Something else.',
          },
          { type: 'array', items: { type: 'boolean', description: 'One.' }, maxItems: 2, description: 'A list.' },
        ],
        description: 'Either.',
      },
      minItems: 1,
      maxItems: 3,
      description: 'Some.',
    },
  },
}

test('our schema language as strict JSON Schema', () => {
  expect(toJsonSchema(everything)).toMatchObject({
    type: 'object',
    additionalProperties: false,
    // A key with a default may be left out.
    required: ['endpoint'],
    properties: {
      endpoint: { type: 'string', format: 'endpoint' },
      headers: { type: 'object', additionalProperties: { type: 'string', minLength: 1 }, maxProperties: 2 },
      share: { type: 'number', minimum: -1, maximum: 2 },
    },
  })
})

const schemas: (readonly [string, () => Promise<Schema>])[] = [
  ['everything', async () => everything],
  ['service', async () => serviceSchema],
  ...registrations.map(
    ({ kind, type, load }) => [`${kind} ${type}`, async () => (await load()).configSchema as Schema] as const,
  ),
]

describe.each(schemas)('%s', (_name, load) => {
  test('a value that is nearly right breaks the same rules for us as for ajv', async () => {
    const schema = await load()
    const ajv = compileWithAjv(schema)
    let broken = 0
    fc.assert(
      fc.property(near(schema), (value) => {
        const found = violations(schema, value).flatMap(said)
        broken += found.length
        expect(found).toEqual(withoutEchoes(ajv(value)).map(saidByAjv))
      }),
      { numRuns: 500 },
    )
    expect(broken).toBeGreaterThan(100)
  })

  test('defaults keep the rules of their own schema', async () => {
    const schema = await load()
    expect(violations(schema, {}).filter(({ rule }) => rule !== 'required')).toEqual([])
    for (const [key, below] of eachSchema('', schema)) {
      if (below.default === undefined) continue
      expect(violations(below, below.default), key).toEqual([])
      expect(() => finish(below.default, below), key).not.toThrow()
    }
  })
})

const anything = fc.constantFrom(
  ...[null, true, false, 0, 1, -1, 1.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 1n],
  ...['', 'x', '10s', '-1', [], ['x'], {}, { x: 1 }],
)

/** A value that a person may have written for a schema: mostly of its shape, and often on or beside a limit. */
function near(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 6, arbitrary: shaped(schema) }, { weight: 1, arbitrary: anything })
}

function shaped(schema: Schema): fc.Arbitrary<unknown> {
  if ('anyOf' in schema) return fc.oneof(...schema.anyOf.map(near))
  switch (schema.type) {
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number': {
      const limits = [schema.minimum ?? 0, schema.maximum ?? 100]
      return fc.constantFrom(...limits.flatMap((limit) => [limit - 1, limit, limit + 1, limit + 0.5]))
    }
    case 'string': {
      const lengths = [schema.minLength ?? 0, schema.maxLength ?? 8].filter((length) => length < 1000)
      const words = ['', 'x', '/p', '10s', '64MiB', '127.0.0.1:4317', 'http://h:1', 'a*', ...(schema.enum ?? [])]
      // A character may be two units.
      return fc.constantFrom(
        ...words,
        ...lengths.flatMap((length) => ['\u{1F600}'.repeat(length), 'b'.repeat(length + 1)]),
      )
    }
    case 'array':
      return fc.array(near(schema.items), { maxLength: Math.min((schema.maxItems ?? 3) + 1, 4) })
    case 'object':
      if ('additionalProperties' in schema)
        return fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd/e~f'), near(schema.additionalProperties), {
          noNullPrototype: false,
        })
      return fc
        .tuple(
          fc.record(Object.fromEntries(Object.entries(schema.properties).map(([key, value]) => [key, near(value)])), {
            requiredKeys: [],
          }),
          fc.constantFrom({}, {}, {}, { strange: 1 }, { toString: 1 }),
        )
        .map(([known, strange]) => Object.assign(Object.create(null), known, strange))
  }
}

interface Said {
  readonly rule: string
  readonly at: string
  readonly key?: string
}

function said(violation: Violation): readonly Said[] {
  const pointer = violation.path.map((part) => `/${String(part).replace(/~/g, '~0').replace(/\//g, '~1')}`).join('')
  const own = { rule: violation.rule, at: pointer, ...('key' in violation ? { key: violation.key } : {}) }
  // ajv tells of the branches first.
  return violation.rule === 'anyOf' ? [...violation.branches.flat().flatMap(said), own] : [own]
}

function saidByAjv({ keyword, instancePath, params }: ErrorObject): Said {
  const key: unknown = params['missingProperty'] ?? params['additionalProperty']
  return { rule: keyword, at: instancePath, ...(typeof key === 'string' ? { key } : {}) }
}

/** Without what else ajv finds wrong with a value of the wrong type. */
function withoutEchoes(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const wrong = errors.filter(({ keyword }) => keyword === 'type')
  return errors.filter(
    (error) =>
      error.keyword === 'type' ||
      !wrong.some((one) => one.instancePath === error.instancePath && one.parentSchema === error.parentSchema),
  )
}

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
