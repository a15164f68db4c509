import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  circularDeviation,
  circularMean,
  meanOfSums,
  rayleighTest,
  vTest,
} from '../../../../src/lib/statistics/circular.js'
import { exposureShare, kuiperStatistic, kuiperTest } from '../../../../src/lib/statistics/kuiper.js'
import { near, randomOf } from './near.js'

const degrees = (values: readonly number[]) => Float64Array.from(values, (value) => (value * Math.PI) / 180)
const turn = 2 * Math.PI

/** Share of `rounds` in which `p` is at most `level`. */
function rate(level: number, rounds: number, p: () => number): number {
  let below = 0
  for (let round = 0; round < rounds; round++) if (p() <= level) below++
  return below / rounds
}

describe('mean direction', () => {
  test('of eight trees that lean (Zar 2010, example 26.4): 99 degrees, r = 0.82522', () => {
    const mean = circularMean(degrees([45, 55, 81, 96, 110, 117, 132, 154]))
    expect((mean.direction * 360) / turn).toBeCloseTo(98.988, 2)
    expect(mean.length).toBeCloseTo(0.82522, 5)
    // The same example tested in 27.1: R = 6.60, n = 8, P < 0.001.
    expect(rayleighTest(mean)).toBeLessThan(0.002)
  })

  test('midnight is the mean of 23:00 and 01:00', () => {
    const mean = circularMean(degrees([345, 15]))
    expect(Math.min(mean.direction, turn - mean.direction)).toBeLessThan(1e-12)
    near(mean.length, Math.cos(Math.PI / 12))
  })

  test('turning all turns the mean, and its length stays', () => {
    const angle = fc.double({ min: 0, max: turn, noNaN: true })
    fc.assert(
      fc.property(fc.array(angle, { minLength: 1, maxLength: 20 }), angle, (angles, by) => {
        const mean = circularMean(Float64Array.from(angles))
        const turned = circularMean(Float64Array.from(angles, (a) => a + by))
        expect(turned.length).toBeCloseTo(mean.length, 9)
        if (mean.length > 1e-3) expect(Math.cos(turned.direction - mean.direction - by)).toBeCloseTo(1, 6)
        expect(mean.direction).toBeGreaterThanOrEqual(0)
        expect(mean.direction).toBeLessThan(turn)
      }),
    )
  })

  test('of nothing there is none', () => {
    expect(circularMean(new Float64Array())).toEqual({ n: 0, direction: Number.NaN, length: Number.NaN })
    expect(rayleighTest({ n: 0, direction: Number.NaN, length: Number.NaN })).toBe(1)
    expect(circularMean(degrees([Number.NaN])).length).toBeNaN()
    expect(meanOfSums(4, -1e-17, 4).direction).toBeLessThan(turn)
  })

  test('for small spreads the circular deviation is the linear one', () => {
    const random = randomOf(2)
    const angles = Float64Array.from({ length: 5000 }, () => (random() + random() + random() - 1.5) * 0.2)
    expect(circularDeviation(circularMean(angles).length)).toBeCloseTo(0.1, 2)
  })
})

describe('tests of direction', () => {
  // Zar 2010, table B.34: critical values of Rayleigh's z = R²/n.
  test.each([
    [6, 2.865, 0.05],
    [10, 2.919, 0.05],
    [20, 2.959, 0.05],
    [100, 2.989, 0.05],
    [10, 4.29, 0.01],
    [30, 4.5, 0.01],
    [50, 6.78, 0.001],
  ])('of %d, z = %d has p = %d', (n, z, p) =>
    expect(Math.abs(rayleighTest({ n, direction: 0, length: Math.sqrt(z / n) }) / p - 1)).toBeLessThan(0.06),
  )

  test('pigeons fly home (Zar 2010, example 27.5): V = 9.498, u = 4.248', () => {
    const mean = circularMean(degrees([66, 75, 86, 88, 88, 93, 97, 101, 118, 130]))
    const home = Math.PI / 2
    expect(mean.n * mean.length * Math.cos(mean.direction - home)).toBeCloseTo(9.498, 3)
    expect(vTest(mean, home)).toBeLessThan(0.0005)
    expect(vTest(mean, home + Math.PI)).toBeGreaterThan(0.9995)
  })

  test('under chance p is uniform', () => {
    const random = randomOf(7)
    const uniform = (n: number) => circularMean(Float64Array.from({ length: n }, () => random() * turn))
    for (const n of [5, 12, 40]) {
      expect(Math.abs(rate(0.05, 8000, () => rayleighTest(uniform(n))) - 0.05)).toBeLessThan(0.01)
      expect(Math.abs(rate(0.05, 8000, () => vTest(uniform(n), 1)) - 0.05)).toBeLessThan(0.012)
    }
  })
})

describe('Kuiper', () => {
  // Stephens 1970, table 1: upper percentage points of V* = V (√n + 0.155 + 0.24/√n).
  test.each([
    [1.62, 0.1],
    [1.747, 0.05],
    [1.862, 0.025],
    [2.001, 0.01],
  ])('V* = %d has p = %d', (star, p) => {
    for (const n of [5, 50, 5000]) {
      const root = Math.sqrt(n)
      near(kuiperTest(star / (root + 0.155 + 0.24 / root), n), p, 0.02)
    }
  })

  test('is the largest excess plus the largest lack, wherever the circle is cut', () => {
    const share = fc.double({ min: 0, max: 0.999, noNaN: true })
    fc.assert(
      fc.property(fc.array(share, { minLength: 1, maxLength: 30 }), share, (shares, by) => {
        const turned = shares.map((value) => (value + by) % 1)
        const statistic = kuiperStatistic(Float64Array.from(shares).sort())
        expect(kuiperStatistic(Float64Array.from(turned).sort())).toBeCloseTo(statistic, 9)
        expect(statistic).toBeGreaterThan(0)
        expect(statistic).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('under chance p is uniform, two clusters are seen', () => {
    const random = randomOf(9)
    const shares = (n: number, draw: () => number) => Float64Array.from({ length: n }, draw).sort()
    for (const n of [5, 30])
      expect(Math.abs(rate(0.05, 6000, () => kuiperTest(kuiperStatistic(shares(n, random)), n)) - 0.05)).toBeLessThan(
        0.012,
      )
    const twoClusters = shares(40, () => (random() < 0.5 ? 0.2 : 0.7) + random() * 0.05)
    expect(kuiperTest(kuiperStatistic(twoClusters), 40)).toBeLessThan(1e-6)
  })

  test('of nothing, and of nothing unusual', () => {
    expect(kuiperStatistic(new Float64Array())).toBe(0)
    expect(kuiperTest(0, 0)).toBe(1)
    expect(kuiperTest(0.01, 100)).toBe(1)
    expect(kuiperTest(1, 1000)).toBeGreaterThanOrEqual(0)
  })
})

describe('exposure', () => {
  test('hours in which nobody looked count for nothing', () => {
    const officeHours = Float64Array.from({ length: 24 }, (_, hour) => (hour >= 9 && hour < 17 ? 3600 : 0))
    expect(exposureShare(officeHours, 3)).toBe(0)
    expect(exposureShare(officeHours, 13)).toBe(0.5)
    expect(exposureShare(officeHours, 9.5)).toBeCloseTo(1 / 16, 12)
    expect(exposureShare(officeHours, 23.9)).toBe(1)
    expect(exposureShare(new Float64Array(24), 3)).toBeNaN()
  })

  test('failures at a constant rate while it was up are uniform', () => {
    const random = randomOf(13)
    const up = Float64Array.from({ length: 24 }, (_, hour) => (hour < 6 ? 3600 : hour < 12 ? 600 : 0))
    const hours = () => {
      for (;;) {
        const hour = random() * 24
        if (random() * 3600 < up[Math.floor(hour)]!) return hour
      }
    }
    const p = () => {
      const shares = Float64Array.from({ length: 20 }, () => exposureShare(up, hours())).sort()
      return kuiperTest(kuiperStatistic(shares), 20)
    }
    expect(Math.abs(rate(0.05, 3000, p) - 0.05)).toBeLessThan(0.015)
  })
})
