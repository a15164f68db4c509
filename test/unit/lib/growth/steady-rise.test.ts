import { describe, expect, test } from 'vitest'
import { steadyRise } from '../../../../src/lib/growth/steady-rise.js'
import { randomOf } from '../statistics/near.js'

/** A series of `n` windows, of what `make` gives at each. */
function series(n: number, make: (i: number) => number) {
  const x = Float64Array.from({ length: n }, (_, i) => i)
  return { x, y: x.map(make), n }
}

const rise = ({ x, y, n }: ReturnType<typeof series>, least = 1) => steadyRise(x, y, n, least)

describe('what rises from the first quarter to the last', () => {
  test.each([
    ['a line', 32, (i: number) => 100 + 5 * i],
    ['eight values are enough', 8, (i: number) => 100 + 5 * i],
    ['steps, one in three windows', 32, (i: number) => 100 + 10 * Math.floor(i / 3)],
    ['a curve that gets steeper', 32, (i: number) => 100 + i ** 1.3],
    ['teeth above it', 32, (i: number) => 100 + 5 * i + 8 * (i % 3)],
    [
      'the load from night to noon, which only ends too soon',
      32,
      (i: number) => 100 - 50 * Math.cos((Math.PI * i) / 31),
    ],
    ['one value that is far off', 32, (i: number) => (i === 12 ? 5000 : 100 + 5 * i)],
  ])('%s', (_, n, make) => {
    expect(rise(series(n, make))!.pTrend).toBeLessThan(1e-3)
  })

  test.each([
    ['seven values', 7, (i: number) => 100 + 5 * i],
    ['less than is worth the name', 32, (i: number) => 100 + 0.03 * i],
    ['nothing that changes', 32, () => 100],
    ['a fall', 32, (i: number) => 500 - 5 * i],
    ['a plateau', 32, (i: number) => 100 + 5 * Math.min(i, 20)],
    ['a plateau before', 32, (i: number) => 100 + 5 * Math.max(i - 12, 0)],
    ['a curve that flattens', 32, (i: number) => 100 + 100 * (1 - Math.exp(-i / 12))],
    ['a logarithm', 32, (i: number) => 100 + 50 * Math.log1p(i)],
  ])('%s does not', (_, n, make) => {
    expect(rise(series(n, make))).toBeUndefined()
  })
})

test('slope and interval are those of the line, whatever lies above it', () => {
  const random = randomOf(7)
  const { slope, low, high, level } = rise(series(32, (i) => 100 + 5 * i + 4 * random()))!
  expect(low).toBeLessThan(5)
  expect(high).toBeGreaterThan(5)
  expect(slope).toBeCloseTo(5, 0)
  expect(level).toBeGreaterThan(100 + 5 * 31)
  expect(level).toBeLessThan(104 + 5 * 31)
})

test('windows without readings stretch nothing', () => {
  const x = Float64Array.from([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23])
  expect(
    steadyRise(
      x,
      x.map((at) => 7 * at),
      12,
      1,
    )!.slope,
  ).toBeCloseTo(7, 9)
})

test('of random walks, no more than the stated share passes for a leak', () => {
  const random = randomOf(42)
  const kWalks = 20_000
  const bounds = [0.05, 0.01, 0.001]
  const passed = bounds.map(() => 0)
  for (let walk = 0; walk < kWalks; walk++) {
    let at = 0
    // Minima of windows of twelve readings, as they are looked at.
    const found = rise(
      series(32, () => {
        let least = Number.POSITIVE_INFINITY
        for (let reading = 0; reading < 12; reading++) {
          at += random() - 0.5
          least = Math.min(least, at)
        }
        return least
      }),
      0.001,
    )
    for (const [k, bound] of bounds.entries()) if (found !== undefined && found.pWalk < bound) passed[k]!++
  }
  for (const [k, bound] of bounds.entries()) expect(passed[k]! / kWalks, `p < ${bound}`).toBeLessThanOrEqual(bound)
  // Mann-Kendall alone takes most of them that rise for trends: why it does not decide.
  expect(passed[0]).toBeGreaterThan(0)
})

test('noise around a line takes back what it gave, steps that come by chance do not', () => {
  const random = randomOf(3)
  const noisy = rise(series(32, (i) => 100 + 5 * i + 4 * random()))!
  let at = 100
  const jumps = rise(
    series(32, () => {
      if (random() < 0.7) at += 8
      return at
    }),
  )!
  expect(noisy.stray).toBeLessThan(1.5)
  expect(jumps.stray).toBeGreaterThan(2)
})
