import { expect, test } from 'vitest'
import { RecentKeys } from '../../../src/util/recent-keys.js'

test('the last so many keys are known, and no others, however often they come', () => {
  const keys = new RecentKeys(3)
  const news = ['a', 'b', 'a', 'c', 'd', 'a', 'c', 'e', 'd', 'b', 'f', 'f'].map((key) => keys.add(key))
  // `a` is forgotten with `d`, `b` when `a` comes again, `c` with `e`.
  expect(news).toEqual([true, true, false, true, true, true, false, true, false, true, true, false])
  expect(['a', 'b', 'c', 'd', 'e', 'f'].filter((key) => keys.has(key))).toEqual(['b', 'e', 'f'])
})
