import { expect, test } from 'vitest'
import { parse, verdict, withSource } from './fakes.js'

// What a file may hold, at the limit and one past it: a limit that nobody tests is a limit by accident.

const past = (reason: string) => [expect.stringMatching(new RegExp(`^CFG_LIMIT agent.yaml:\\d+:\\d+ .*${reason}`))]

/** `match` wants a list of texts; a list as deep as this is not one, but is read. */
const nested = (levels: number) => withSource(`    match: ${'['.repeat(levels)}${']'.repeat(levels)}`)

test('64 levels are read, 65 are refused', async () => {
  // The file, `receivers` and `source` are three levels.
  expect(await verdict(nested(64 - 3))).toEqual([expect.stringContaining('expected text, got a list')])
  expect(await verdict(nested(65 - 3))).toEqual(past('nested deeper than 64 levels'))
})

test.each([
  ['flow lists', '['.repeat(200_000)],
  ['flow lists that are closed', `${'['.repeat(3000)}${']'.repeat(3000)}`],
  ['flow maps', '{a: '.repeat(50_000)],
  ['block lists', '- '.repeat(100_000)],
  ['keys of keys', '? '.repeat(50_000)],
  ['indented maps', Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
])('any depth of %s is refused, not survived by luck', async (_what, text) => {
  expect(await verdict(text)).toEqual(past('nested deeper than 64 levels'))
})

const aliased = (uses: number) =>
  withSource(
    `    match: &all [a]\n  source/more:\n    match: [${Array.from({ length: uses }, () => '*all').join(', ')}]`,
  )

test('100 aliases are read, 101 are refused', async () => {
  expect(await verdict(aliased(100))).not.toEqual(past('aliases'))
  expect(await verdict(aliased(101))).toEqual(past('more than 100 aliases'))
})

test('a billion laughs within 100 aliases are not expanded', async () => {
  const levels = Array.from({ length: 11 }, (_, i) => {
    const items = Array.from({ length: 9 }, () => (i === 0 ? 'ha' : `*l${i - 1}`))
    return `    k${i}: &l${i} [${items.join(', ')}]`
  })
  expect(await verdict(withSource(levels.join('\n')))).toEqual(past('more than 50000 values, aliases expanded'))
})

test('depth counts through aliases', async () => {
  const lines = Array.from({ length: 9 }, (_, i) => {
    const inner = i === 0 ? 'a' : `*l${i - 1}`
    return `    k${i}: &l${i} ${'['.repeat(10)}${inner}${']'.repeat(10)}`
  })
  expect(await verdict(withSource(lines.join('\n')))).toEqual(past('nested deeper than 64 levels by the alias'))
})

const references = (count: number) =>
  withSource(`    match: [${Array.from({ length: count }, () => '"${env:A}"').join(', ')}]`)

test('100 references are replaced, 101 are refused', async () => {
  expect(await verdict(references(100), { A: 'a' })).toEqual(['OK'])
  expect(await verdict(references(101), { A: 'a' })).toEqual(past('more than 100 references'))
})

const fallbacks = (depth: number) => withSource(`    pattern: ${'${env:GONE:-'.repeat(depth)}x${'}'.repeat(depth)}`)

test('10 references in each other are read, 11 are refused', async () => {
  expect(await verdict(fallbacks(10))).toEqual(['OK'])
  expect(await verdict(fallbacks(11))).toEqual(past('nested deeper than 10'))
})

test('a secret file of 64 KiB is read, a larger one is refused', async () => {
  const text = withSource('    match: ${file:token}')
  expect(await verdict(text, {}, { token: 'x'.repeat(65_536) })).toEqual(['OK'])
  expect(await verdict(text, {}, { token: 'x'.repeat(65_537) })).toEqual([
    expect.stringContaining('is larger than 64 KiB'),
  ])
})

test('of many problems the first hundred are listed and the rest counted', async () => {
  const lines = Array.from({ length: 150 }, (_, i) => `    wrong${i}: 1`)
  const problems = await verdict(withSource(lines.join('\n')))
  expect(problems).toHaveLength(101)
  expect(problems.at(-1)).toContain('50 more problems are not listed')
})

test.each([
  ['stray braces', '}'.repeat(60_000)],
  ['one stray brace per line', 'a: }\n'.repeat(12_000)],
  ['anchors', '&a '.repeat(20_000)],
  ['documents', '---\n'.repeat(15_000)],
  ['empty lines', '\n'.repeat(60_000)],
  ['keys', Array.from({ length: 8000 }, (_, i) => `k${i}: 1`).join('\n')],
  ['equal keys', 'k: 1\n'.repeat(10_000)],
  ['one long key', `${'k'.repeat(60_000)}: 1`],
  ['quotes', "'".repeat(60_001)],
])('64 KiB of %s are refused with a few lines', async (_what, text) => {
  const problems = await verdict(text)
  expect(problems[0]).toMatch(/^CFG_/)
  expect(problems.join('\n').length).toBeLessThan(60_000)
})

test('control characters are refused, and none of a value reaches a message', async () => {
  expect(await verdict('receivers:\n  a: "\u0000"\n')).toEqual([
    'CFG_SYNTAX agent.yaml:2:7 a control character stands here; is this file text?',
  ])
  const [problem] = await verdict(withSource('    interval: "5\\n\\e[31m"'))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the point
  expect(problem).not.toMatch(/[\u0000-\u001f]/)
})

test('a byte order mark is no part of the first key', async () => {
  expect((await parse(`\uFEFF${withSource('    burst: 5')}`)).pipelines).toHaveLength(1)
  expect(await verdict('\uFEFFreceiver: 1')).toContain(
    'CFG_UNKNOWN_KEY agent.yaml:1:1 receiver: is not a key here: did you mean "receivers"?',
  )
})
