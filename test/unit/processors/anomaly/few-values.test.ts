import { describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { Chance } from '../../../../bench/patterns/random.mjs'
import { FewValues, kFewBytes } from '../../../../src/processors/anomaly/few-values.js'

const kHourMs = 3_600_000
const kDayMs = 24 * kHourMs
const kWeekMs = 7 * kDayMs
/** Of a week. */
const kAllowed = 0.05

function fewValues() {
  const values = new FewValues(new ArrayBuffer(kFewBytes), 0)
  values.clear()
  let atMs = 0
  return {
    values,
    get weeks() {
      return atMs / kWeekMs
    },
    /** The next value, so long after the one before. */
    add(value: number, afterMs = kDayMs, raised = 0) {
      atMs += afterMs
      return values.add(value, atMs, kAllowed / kWeekMs, raised)
    },
  }
}

/** A value that comes once in a while, as an exponent of 2. */
const sorts: readonly (readonly [string, (chance: Chance) => () => number])[] = [
  ['nearly the same each time', (chance) => () => chance.normal(0, 0.1)],
  ['within a factor of three or so', (chance) => () => chance.normal(0, 0.8)],
  ['as long as there is work', (chance) => () => Math.log2(chance.exponential(1) + 0.01)],
  [
    'a level that wanders',
    (chance) => {
      let level = 0
      return () => {
        level = 0.95 * level + 0.3 * chance.normal()
        return level
      }
    },
  ],
  ['now and then a cold disk', (chance) => () => (chance.next() < 0.25 ? 4 : 0) + chance.normal(0, 0.2)],
]

describe('healthy units are told of no more often than is allowed, whether they start each hour or each week', () => {
  const often: readonly (readonly [string, number])[] = [
    ['hour', kHourMs],
    ['day', kDayMs],
    ['week', kWeekMs],
  ]
  for (const [what, make] of sorts)
    test.each(often)(`${what}, each %s`, (_, everyMs) => {
      let [told, weeks] = [0, 0]
      for (let unit = 0; unit < 200; unit++) {
        const chance = new Chance(unit * 7919 + 5)
        const next = make(chance)
        const one = fewValues()
        for (let n = 0; n < 200; n++) if (one.add(2 ** next(), everyMs * chance.between(0.7, 1.3)) !== undefined) told++
        weeks += one.weeks
      }
      expect(told / weeks).toBeLessThanOrEqual(1.5 * kAllowed)
    })
})

describe('one that is far from the rest', () => {
  const usual = (seed: number, count: number) => {
    const chance = new Chance(seed)
    const one = fewValues()
    for (let n = 0; n < count; n++) one.add(2 * Math.exp(chance.normal(0, 0.15)))
    return one
  }

  test('is told of after a dozen, with what is usual and how rare it is', () => {
    const unusual = usual(1, 12).add(20)!
    expect(unusual.usual).toBeGreaterThan(1.7)
    expect(unusual.usual).toBeLessThan(2.3)
    expect(unusual.samples).toBe(11)
    expect(unusual.surprise).toBeGreaterThan(unusual.needed)
  })

  test('is not told of while nobody knows what is usual', () => {
    for (let count = 0; count < 10; count++) expect(usual(2, count).add(200)).toBeUndefined()
  })

  test('must be further away the fewer there were, the sooner it comes after the last, and the more others have been told of', () => {
    const needed = (count: number, afterMs: number) => usual(3, count).add(200, afterMs)!.needed
    expect(needed(12, kDayMs)).toBeGreaterThan(needed(30, kDayMs))
    expect(needed(30, kHourMs)).toBeCloseTo(needed(30, kDayMs) + Math.log10(24))
    expect(usual(3, 30).add(20, kDayMs, 30)).toBeUndefined()
    expect(usual(3, 30).add(200, 0)).toBeUndefined()
  })

  test('saves up no more than a week, and nothing where the clock was set back', () => {
    const needed = (afterMs: number) => usual(4, 30).add(200, afterMs)!.needed
    expect(needed(52 * kWeekMs)).toBe(needed(kWeekMs))
    expect(usual(4, 30).add(200, -kWeekMs)).toBeUndefined()
  })

  test('is usual when it stays: a slower disk is told of once or twice', () => {
    const one = usual(5, 30)
    let told = 0
    for (let n = 0; n < 60; n++) if (one.add(20) !== undefined) told++
    expect(told).toBeGreaterThan(0)
    expect(told).toBeLessThanOrEqual(2)
  })
})
