import { describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { judgeScenario, rateInterval, Score, wilson } from '../../../bench/patterns/score.mjs'

const expected = { unit: 'a.service', kinds: ['rapid'], fromMs: 100, untilMs: 200 }
const found = (atMs: number, kind = 'rapid', unit = 'a.service') => ({ unit, kind, atMs })

describe('what is right', () => {
  const cases: readonly (readonly [string, readonly object[], number, number, number])[] = [
    ['in time, of the unit, of a kind that fits', [found(150)], 1, 0, 0],
    ['nothing is a miss', [], 0, 1, 0],
    ['before there was anything to see it is a false alarm, and the miss stands', [found(99)], 0, 1, 1],
    ['too late is both as well', [found(201)], 0, 1, 1],
    ['another unit', [found(150, 'rapid', 'b.service')], 0, 1, 1],
    ['another kind', [found(150, 'slow')], 0, 1, 1],
    ['said again it counts once', [found(150), found(160)], 1, 0, 0],
    ['what is false beside it counts', [found(150), found(160, 'slow')], 1, 0, 1],
  ]
  test.each(cases)('%s', (_story, detections, hits, missed, wrong) => {
    const verdict = judgeScenario(detections, [expected])
    expect([verdict.delaysMs.length, verdict.missed.length, verdict.wrong.length]).toEqual([hits, missed, wrong])
  })

  test('where nothing is to be found, all that is found is false', () => {
    expect(judgeScenario([found(1), found(2)], []).wrong).toHaveLength(2)
  })
})

// Wilson intervals of 0/10, 8/10, 200/200 as R's binom.confint(method = "wilson") has them.
test.each([
  [0, 10, 0, 0.2775],
  [8, 10, 0.4902, 0.9433],
  [200, 200, 0.9812, 1],
])('%i of %i lies between', (hits, of, low, high) => {
  const [from, to] = wilson(hits, of)
  expect(from).toBeCloseTo(low, 4)
  expect(to).toBeCloseTo(high, 4)
})

test('of what never happened in a week it is known that it is rarer than 4 a week', () => {
  const [low, high] = rateInterval(0, 1)
  expect(low).toBe(0)
  expect(high).toBeCloseTo(3.92, 2)
})

test('sums are over all scenarios, rates over the time of all units', () => {
  const score = new Score()
  const week = 7 * 86_400_000
  score.add('x', judgeScenario([found(150)], [expected]), 1, week)
  score.add('x', judgeScenario([found(1)], []), 0, week)
  expect(score.figures).toMatchObject({
    precision: 0.5,
    recall: 1,
    falseAlarms: 0.5,
    positives: 1,
    negatives: 1,
    delay: 0.05,
  })
})
