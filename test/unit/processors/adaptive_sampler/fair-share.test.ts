import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fairShare } from '../../../../src/processors/adaptive_sampler/fair-share.js'

test.each<[demands: number[], total: number, share: number]>([
  [[30, 1, 9, 2], 20, 8.5],
  [[10, 10], 10, 5],
  [[1, 1000], 11, 10],
  [[1, 2, 3], 6, Number.POSITIVE_INFINITY],
  [[], 6, Number.POSITIVE_INFINITY],
])('%j of %i', (demands, total, share) => {
  expect(fairShare(demands, total)).toBe(share)
})

test('all is given out, or everybody has what he wants', () => {
  const demands = fc.array(fc.nat(10_000), { maxLength: 50 })
  fc.assert(
    fc.property(demands, fc.integer({ min: 1, max: 100_000 }), (wanted, total) => {
      const share = fairShare([...wanted], total)
      const given = wanted.reduce((sum, demand) => sum + Math.min(demand, share), 0)
      if (share === Number.POSITIVE_INFINITY) expect(given).toBeLessThanOrEqual(total)
      else expect(given).toBeCloseTo(total, 6)
    }),
    { seed: 1 },
  )
})
