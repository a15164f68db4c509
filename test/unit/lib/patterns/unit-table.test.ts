import { describe, expect, test } from 'vitest'
import { UnitTable } from '../../../../src/lib/patterns/unit-table.js'

describe('past its bound', () => {
  test.each([
    ['the unit heard of longest ago is forgotten', [], 'a'],
    ['one whose pattern is open is kept before one whose pattern is not', ['a'], 'b'],
    ['where all are open, the oldest goes', ['a', 'b', 'c', 'd'], 'a'],
  ])('%s', (_story, open, forgotten) => {
    const evicted: string[] = []
    const table = new UnitTable<string>(
      3,
      (value) => evicted.push(value),
      (value) => open.includes(value),
    )
    for (const name of ['a', 'b', 'c', 'd']) table.set(name, name)
    expect(evicted).toEqual([forgotten])
    expect(table.size).toBe(3)
    expect(table.peek(forgotten)).toBeUndefined()
  })

  test('being asked for is being heard of, a peek is not', () => {
    const evicted: string[] = []
    const table = new UnitTable<string>(2, (value) => evicted.push(value))
    table.set('a', 'a')
    table.set('b', 'b')
    expect(table.get('a')).toBe('a')
    expect(table.peek('b')).toBe('b')
    table.set('c', 'c')
    expect(evicted).toEqual(['b'])
  })
})
