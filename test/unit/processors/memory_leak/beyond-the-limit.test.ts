import { expect, test } from 'vitest'
import type { Growing } from '../../../../src/lib/growth/growing.js'
import { detectionOf } from '../../../../src/processors/memory_leak/finding.js'
import { standAlone } from '../../lib/patterns/alone.js'
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

test.each([
  [99, 'its limit of 100 tasks is reached in about 10m'],
  [100, 'its limit of 100 tasks is reached'],
  [101, 'its limit of 100 tasks lies behind it'],
])('of %d tasks where 100 may be: %s', (current, end) => {
  const growing = {
    ...{ phase: 'updated', atMs: 0, confidence: 0.9, reason: 'significant', earlier: [], durationMs: kHour * 1000 },
    ...{ slope: 1e-5, low: 1e-5, high: 1e-5, pValue: 1e-6, baseline: 20, current, limit: 100, ending: undefined },
    toLimit: { likelyMs: 600_000, earliestMs: 300_000, latestMs: 900_000 },
  } as unknown as Growing
  const unit = { key: 'a', name: 'a.service', resource: { key: 'a', attributes: {} } }
  const { body } = detectionOf({ unit, quantity: 'tasks', growing, limitKind: 'max', run: '' }, standAlone())
  expect(body.split('; ')[1]).toBe(end)
})
