import { describe, expect, test } from 'vitest'
import { type ClusterSearch, densestCluster } from '../../../../src/lib/statistics/cluster.js'
import { binomialAtLeast } from '../../../../src/lib/statistics/counts.js'
import { near, randomOf } from './near.js'

const search: ClusterSearch = { circular: true, least: () => 0, most: 0.34, minPart: 0.5, minLift: 2 }
const list = (values: readonly number[]) => Float64Array.from(values).sort()

describe('a cluster', () => {
  const shares = [0.1, 0.31, 0.32, 0.33, 0.335, 0.34, 0.6, 0.85]

  test('is told by its ends, and how improbable it is', () => {
    const found = densestCluster(list(shares), search)!
    expect(found).toMatchObject({ first: 1, last: 5, count: 5 })
    near(found.share, 0.03)
    near(found.pValue, binomialAtLeast(3, 6, 0.03) * 56, 1e-9)
  })

  test('goes over the cut of a circle, not over the end of a line', () => {
    const turned = shares.map((share) => (share + 0.675) % 1)
    const found = densestCluster(list(turned), search)!
    expect(found.count).toBe(5)
    expect(found.last).toBeLessThan(found.first)
    near(found.share, 0.03, 1e-9)
    expect(densestCluster(list(turned), { ...search, circular: false })).toBeUndefined()
  })

  test('of one day is one event, however many there are', () => {
    const days = [0, 1, 1, 1, 1, 1, 2, 3]
    expect(densestCluster(list(shares), { ...search, group: (event) => days[event]! })).toBeUndefined()
  })

  test('covers no less than is known of the exposure', () => {
    const found = densestCluster(list([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]), { ...search, least: () => 0.04 })!
    expect(found.share).toBe(0.04)
    near(found.pValue, 0.04 ** 4 * 30, 1e-9)
  })

  test('counts those that could not be in it, too', () => {
    const inside = list([0.3, 0.31, 0.32, 0.33])
    expect(densestCluster(inside, { ...search, circular: false, events: 9 })).toBeUndefined()
    expect(densestCluster(inside, { ...search, circular: false, events: 7 })!.count).toBe(4)
  })
})

test('none in none, and in one', () => {
  for (const shares of [[], [0.5]]) expect(densestCluster(list(shares), search)).toBeUndefined()
})

test.each([true, false])('chance is found no more often than its p-value says (circular: %s)', (circular) => {
  const random = randomOf(21)
  for (const n of [5, 10, 30]) {
    const rounds = 3000
    let found = 0
    for (let round = 0; round < rounds; round++) {
      const cluster = densestCluster(Float64Array.from({ length: n }, random).sort(), {
        ...search,
        circular,
        minPart: 0,
        minLift: 1,
      })
      if ((cluster?.pValue ?? 1) <= 0.05) found++
    }
    expect(found / rounds).toBeLessThan(0.05 + 4 * Math.sqrt(0.05 / rounds))
  }
})
