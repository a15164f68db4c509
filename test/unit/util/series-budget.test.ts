import fc from 'fast-check'
import { expect, test } from 'vitest'
import { leftOut } from '../../../src/util/series-budget.js'

const names = (list: readonly string[], max: number): string[] =>
  [
    ...leftOut(
      list.map((name) => ({ name, series: 10 })),
      max,
      10,
    ),
  ]
    .map(({ name }) => name)
    .sort()

const units = ['sshd@1.service', 'a.service', 'c.service', 'd.socket', 'b.timer', 'getty@tty1.service']

test.each<[max: number, out: string[]]>([
  [60, []],
  [59, ['sshd@1.service']],
  [40, ['getty@tty1.service', 'sshd@1.service']],
  [30, ['d.socket', 'getty@tty1.service', 'sshd@1.service']],
  [0, [...units].sort()],
])('of 60 series %i may be: %j stay out', (max, out) => {
  expect(names(units, max)).toEqual(out)
})

test('what had no series yet counts as the usual', () => {
  const fresh = [
    { name: 'a.service', series: 0 },
    { name: 'b.service', series: 0 },
  ]
  expect([...leftOut(fresh, 20, 10)]).toEqual([])
  expect([...leftOut(fresh, 20, 11)].map(({ name }) => name)).toEqual(['b.service'])
  // Even where the guess is more than all: what it really takes is known the next time, and then of the others, too.
  expect([...leftOut(fresh, 4, 11)].map(({ name }) => name)).toEqual(['b.service'])
  expect([...leftOut([{ name: 'a.service', series: 2 }, fresh[1]!], 4, 11)]).toEqual([])
})

test('whatever the order, the same stay out; no more than may be are in, and nobody gives way to one behind him', () => {
  const claim = fc.record({
    name: fc.stringMatching(/^[a-c]{1,3}@?[0-9]\.service$/),
    series: fc.integer({ min: 1, max: 20 }),
  })
  const claims = fc.uniqueArray(claim, { selector: ({ name }) => name, maxLength: 30 })
  fc.assert(
    fc.property(claims, fc.integer({ min: 0, max: 300 }), (list, max) => {
      const out = leftOut(list, max, 10)
      const again = leftOut([...list].reverse(), max, 10)
      expect(new Set(again)).toEqual(new Set(out))
      const kept = list.filter((one) => !out.has(one))
      expect(kept.reduce((sum, { series }) => sum + series, 0)).toBeLessThanOrEqual(max)
      const plain = ({ name }: { name: string }): boolean => !name.includes('@')
      if ([...out].some(plain)) expect(kept.every(plain)).toBe(true)
    }),
  )
})
