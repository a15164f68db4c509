import { expect, test } from 'vitest'
import { kHour, mebibyte, type Reading, story } from './story.js'

const swapped = (atS: number): Reading => ({
  held: 100 * mebibyte,
  swap: (atS / kHour) * 20 * mebibyte,
  limit: 110 * mebibyte,
})

test.each<[string, (atS: number) => Reading]>([
  ['what grows is swapped out, and more than may be in memory', swapped],
  ['it may have none', (atS) => ({ held: (100 + (atS / kHour) * 20) * mebibyte, limit: 0 })],
  [
    'it is slowed down at a limit that it has passed',
    (atS) => ({ held: (100 + (atS / kHour) * 20) * mebibyte, high: 110 * mebibyte }),
  ],
])('a limit that is behind is not to come: %s', async (_what, use) => {
  const { live, found } = await story()
  await live(0, 2 * kHour, use, 60)
  const beyond = found().filter(({ body }) => body.includes('lies behind it'))
  expect(beyond.length).toBeGreaterThan(0)
  for (const { body, attributes } of beyond) {
    expect(body).toMatch(/; (its limit|MemoryHigh=) of [\d.]+ M?i?B lies behind it$/)
    expect(Object.keys(attributes).filter((key) => /time_to_limit|next_expected/.test(key))).toEqual([])
  }
  for (const { body } of found()) expect(body).not.toMatch(/in about 0s/)
})
