import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { benjaminiHochberg, bonferroni, sidak, sidakLevel } from '../../../../src/lib/statistics/multiple.js'
import { near } from './near.js'

describe('many tests', () => {
  test('one in twenty finds something in twenty tests more often than not', () => {
    near(sidak(0.05, 20), 1 - 0.95 ** 20)
    near(bonferroni(0.01, 20), 0.2)
    expect(bonferroni(0.1, 20)).toBe(1)
  })

  test('tiny p-values keep their digits', () => near(sidak(1e-30, 1000), 1e-27))

  test('the level of one test is the inverse', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-12, max: 0.9, noNaN: true }),
        fc.integer({ min: 1, max: 1e6 }),
        (level, tests) => {
          near(sidak(sidakLevel(level, tests), tests), level, 1e-9)
          expect(sidak(level, tests)).toBeLessThanOrEqual(bonferroni(level, tests) * (1 + 1e-12))
        },
      ),
    )
  })

  test('no test finds nothing', () => {
    expect(sidak(0.01, 0)).toBe(0)
    expect(sidak(1, 3)).toBe(1)
    expect(sidak(Number.NaN, 3)).toBeNaN()
  })
})

describe('Benjamini-Hochberg', () => {
  // Benjamini and Hochberg 1995, section 4.1: 15 hypotheses on treatments of heart attacks; at 0.05 the first four are
  // rejected, by Bonferroni only three. Adjusted values: scipy.stats.false_discovery_control.
  const p = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
  ]

  test('finds the four of the example', () => {
    const adjusted = benjaminiHochberg(p)
    const expected = [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.06385714, 0.06385714, 0.0645, 0.0765, 0.486]
    for (const [i, value] of expected.entries()) near(adjusted[i]!, value, 1e-6)
    expect(adjusted.filter((value) => value <= 0.05)).toHaveLength(4)
    expect(p.filter((value) => bonferroni(value, p.length) <= 0.05)).toHaveLength(3)
  })

  test('whatever the order, by the definition', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (values) => {
        const order = [...values].sort((a, b) => a - b)
        const adjusted = benjaminiHochberg(values)
        values.forEach((value, i) => {
          const least = Math.min(
            ...order.map((other, j) => (other >= value ? (other * values.length) / (j + 1) : 1)),
            1,
          )
          near(adjusted[i]!, least, 1e-9)
        })
      }),
    )
  })

  test('NaN is no finding', () => expect(benjaminiHochberg([Number.NaN, 0.01])).toEqual([1, 0.02]))
})
