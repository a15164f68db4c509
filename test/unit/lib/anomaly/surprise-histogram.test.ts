import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kHistogramHead, surpriseOf } from '../../../../src/lib/anomaly/surprise-histogram.js'

const kBins = 96

function histogram(deviations: readonly number[] = []) {
  const words = new Uint16Array(kHistogramHead + kBins)
  const ask = (deviation: number) => surpriseOf(words, 0, kBins, deviation)
  for (const deviation of deviations) ask(deviation)
  return { words, ask }
}

/** Uniform, the same each time. */
function chance(seed: number) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 0.5) / 2 ** 32
  }
}

describe('how rare a deviation is', () => {
  test('the first says nothing, and the same again is ordinary', () => {
    const { ask } = histogram()
    expect(ask(3)).toBe(0)
    for (let n = 0; n < 100; n++) ask(3)
    expect(ask(3)).toBeLessThan(1)
  })

  test('within what was seen it is the share of those at least as large, to the width of a bin', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 200, maxLength: 600 }), (exponents) => {
        // Whole octaves: each has a bin of its own.
        const { ask } = histogram(exponents.map((exponent) => 2 ** exponent))
        const asked = 4
        const above = exponents.filter((exponent) => exponent > asked).length
        const same = exponents.filter((exponent) => exponent === asked).length
        const surprise = ask(2 ** asked)
        const exact = -Math.log10((above + same / 2 + 1) / (exponents.length + 1))
        expect(surprise).toBeCloseTo(exact, 6)
      }),
    )
  })

  test('beyond what was seen a power law goes on as it began', () => {
    const next = chance(7)
    // P(X > x) = x^-2
    const { ask } = histogram(Array.from({ length: 4000 }, () => next() ** -0.5))
    // The most surprising of 4,000 is told by extrapolation: x = 1000 has a share of 1e-6.
    expect(ask(1000)).toBeGreaterThan(4.5)
    expect(ask(1000)).toBeLessThan(7.5)
  })

  test('a larger deviation is never less surprising', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (seen, a, b) => {
          const small = histogram(seen).ask(Math.min(a, b))
          const large = histogram(seen).ask(Math.max(a, b))
          expect(large).toBeGreaterThanOrEqual(small - 1e-9)
        },
      ),
    )
  })

  test('is between 0 and 30, and what is kept stays in its words, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, noNaN: true }), { maxLength: 400 }), (seen) => {
        const { words, ask } = histogram()
        for (const deviation of seen) {
          const surprise = ask(deviation)
          expect(surprise).toBeGreaterThanOrEqual(0)
          expect(surprise).toBeLessThanOrEqual(30)
        }
        expect(words.subarray(kHistogramHead).reduce((sum, count) => sum + count, 0)).toBe(words[1])
      }),
    )
  })

  test('the unit does not matter: bytes or gibibytes', () => {
    const next = chance(3)
    const values = Array.from({ length: 500 }, () => next())
    const bytes = histogram(values)
    const gibibytes = histogram(values.map((value) => value / 2 ** 30))
    for (const asked of [0.5, 0.999, 3, 40]) expect(gibibytes.ask(asked / 2 ** 30)).toBeCloseTo(bytes.ask(asked), 9)
  })
})

test('what is long past is forgotten by halves, and the rare goes last', () => {
  const { ask } = histogram([1000])
  for (let n = 0; n < 5000; n++) ask(1)
  const rare = ask(1000)
  for (let n = 0; n < 40_000; n++) ask(1)
  expect(rare).toBeGreaterThan(3)
  // It is as surprising as what never was.
  expect(ask(1000)).toBeGreaterThan(rare)
})
