import { expect, test } from 'vitest'
import type { StringSchema, UnionSchema } from '../../../src/component/schema.js'
import { explain } from '../../../src/config/explain.js'
import { Problems } from '../../../src/config/problems.js'
import type { Violation } from '../../../src/config/violations.js'

const position = { file: 'agent.yaml', line: 1, column: 1 }
const kItems = 5000

/** A list in which each value breaks the same rule; counts how often a violation was looked at. */
function explained(broken: Violation) {
  let reads = 0
  const found = Array.from({ length: kItems }, (_, n): Violation => {
    return Object.defineProperty({ ...broken, path: [n] }, 'rule', {
      get() {
        reads++
        return broken.rule
      },
    })
  })
  const item = { kind: 'scalar', position, value: 'x', text: 'x', quoted: false, range: [0, 1] } as const
  const items = Array.from({ length: kItems }, () => item)
  const problems = new Problems()
  explain(found, { keyPosition: position, node: { kind: 'list', position, items } }, ['words'], problems)
  return { problems, readsOfEach: reads / found.length }
}

const schema: StringSchema = { type: 'string', enum: ['service'], description: 'A word.' }
const wrongWord: Violation = { rule: 'enum', schema, path: [] }
const union: UnionSchema = { anyOf: [schema], description: 'A word.' }
const noBranch: Violation = { rule: 'anyOf', schema: union, path: [], value: 'x', branches: [[wrongWord]] }

test.each([
  ['wrong words', wrongWord, 30],
  ['values that fit no branch of a union', noBranch, 30],
])('a long list of %s is explained in a time that grows with it, not with its square', (_what, broken, limit) => {
  const { problems, readsOfEach } = explained(broken)
  expect(problems.any).toBe(true)
  expect(readsOfEach).toBeLessThan(limit) // squared, it is thousands
})
