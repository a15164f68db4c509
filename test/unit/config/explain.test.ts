import type { ErrorObject } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { explain } from '../../../src/config/explain.js'
import { Problems } from '../../../src/config/problems.js'

const position = { file: 'agent.yaml', line: 1, column: 1 }
const kItems = 5000

/** A list in which each value breaks the same rules; counts how often an error was looked at. */
function explained(broken: readonly Omit<ErrorObject, 'instancePath'>[]) {
  let reads = 0
  const errors = Array.from({ length: kItems }, (_, n) =>
    broken.map((error) => ({
      ...error,
      instancePath: `/${n}`,
      get keyword() {
        reads++
        return error.keyword
      },
    })),
  ).flat()
  const item = { kind: 'scalar', position, value: 'x', text: 'x', quoted: false, range: [0, 1] } as const
  const items = Array.from({ length: kItems }, () => item)
  const problems = new Problems()
  explain(errors, { keyPosition: position, node: { kind: 'list', position, items } }, ['words'], problems)
  return { problems, readsOfEach: reads / errors.length }
}

const schema = { type: 'string', enum: ['service'] }
const wrongWord = {
  keyword: 'enum',
  schemaPath: '#/items/enum',
  params: { allowedValues: ['service'] },
  parentSchema: schema,
} as const
const union = { ...wrongWord, keyword: 'anyOf', schemaPath: '#/items/anyOf', params: {}, schema: [schema], data: 'x' }

test.each([
  ['wrong words', [wrongWord], 30],
  ['values that fit no branch of a union', [union, { ...wrongWord, schemaPath: '#/items/anyOf/0/enum' }], 30],
])('a long list of %s is explained in a time that grows with it, not with its square', (_what, errors, limit) => {
  const { problems, readsOfEach } = explained(errors)
  expect(problems.any).toBe(true)
  expect(readsOfEach).toBeLessThan(limit) // squared, it is thousands
})
