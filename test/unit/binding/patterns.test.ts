import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { compilePattern } from '../../../src/lib/matching/pattern.js'
import { native, readerDefaults } from './listener.js'
import { unitNew } from './messages.js'

// The C++ tests read the same table (test/native/core/dbus/unit_filter_test.cc).
const golden = fileURLToPath(new URL('../../golden/patterns/patterns.tsv', import.meta.url))
const rows = readFileSync(golden, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t') as [string, string, string])

test('a pattern matches the same names in TypeScript, which filters snapshots, as in C++, which filters signals', () => {
  expect(rows.length).toBeGreaterThan(40)
  const compiled = rows.map(([pattern, name]) => {
    const matches = compilePattern(pattern)
    return [pattern, name, typeof matches !== 'function' ? matches.reason : matches(name) ? 'yes' : 'no']
  })
  expect(compiled).toEqual(rows)
})

test('a filter of the addon is one of these patterns', () => {
  for (const pattern of ['[^a]*.service', '[!a]*.service', 'a*', '*b.service']) {
    const matches = compilePattern(pattern)
    if (typeof matches !== 'function') throw new Error(matches.reason)
    const parser = native.createSignalParser({
      ...readerDefaults,
      filter: { include: [pattern], exclude: [], unitTypes: [] },
    })
    for (const unit of ['a.service', 'b.service', 'ab.service', 'bb.service']) {
      expect(parser.feed(unitNew(unit), 1n, 1n).length === 1, `${pattern} ${unit}`).toBe(matches(unit))
    }
  }
})
