import { describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { Chance } from '../../../../bench/patterns/random.mjs'
import { SeriesWeeks } from '../../../../src/lib/anomaly/series-weeks.js'

const kHour = 3600
const kDay = 24 * kHour
const kWeek = 7 * kDay
/** 5 and 6: the weekend. */
const dayOf = (seconds: number) => Math.floor((seconds % kWeek) / kDay)

/** A series in octaves, every 5 minutes for so many weeks. */
function weeks(count: number, value: (seconds: number) => number) {
  const block = new ArrayBuffer(SeriesWeeks.bytes(1))
  const one = new SeriesWeeks(1, block, 0)
  let proved = 0
  let provedAt = Number.NaN
  const live = (from: number, until: number) => {
    for (let seconds = from * kWeek; seconds < until * kWeek; seconds += 300)
      if (one.update(0, value(seconds), seconds)) {
        proved++
        provedAt = seconds / kWeek
      }
  }
  live(0, count)
  return { one, block, live, proved: () => proved, provedAt: () => provedAt }
}

const chance = new Chance(11)
const noise = () => chance.normal(0, 0.1)
const daily = (seconds: number) => 3 + 2 * Math.sin(((seconds % kDay) / kDay) * 2 * Math.PI)
const office = (seconds: number) => (dayOf(seconds) >= 5 ? 1 : daily(seconds)) + noise()

describe('a weekend that is unlike work days', () => {
  test('says nothing in its first two weeks, and is known from the third', () => {
    const story = weeks(1.9, office)
    const saturday = 5 * kDay + 7 * kHour
    expect(story.one.more(0, saturday)).toBe(0)
    story.live(1.9, 3)
    expect(story.provedAt()).toBeGreaterThanOrEqual(1.9)
    expect(story.provedAt()).toBeLessThan(2.2)
    expect(story.one.more(0, saturday)).toBeLessThan(-2.5)
    expect(story.one.more(0, 0 * kDay + 7 * kHour)).toBeCloseTo(0, 0)
  })

  test('is told of as new once, not each week', () => {
    expect(weeks(8, office).proved()).toBe(1)
  })

  test('is unlearned in some weeks when it ends', () => {
    const story = weeks(4, (seconds) => (seconds < 3 * kWeek ? office(seconds) : daily(seconds) + noise()))
    const before = story.one.more(0, 5 * kDay + 7 * kHour)
    story.live(4, 12)
    expect(Math.abs(story.one.more(0, 5 * kDay + 7 * kHour))).toBeLessThan(Math.abs(before) / 4)
  })
})

test('days that are alike have nothing of their own, however much the hours differ', () => {
  const { one, proved } = weeks(5, (seconds) => daily(seconds) + noise())
  for (let seconds = 0; seconds < kWeek; seconds += kHour) expect(Math.abs(one.more(0, seconds))).toBeLessThan(0.1)
  expect(proved()).toBe(0)
})

test('one odd Monday is no rule for the next ones', () => {
  const { one } = weeks(4, (seconds) => (Math.floor(seconds / kDay) === 14 ? 9 : daily(seconds) + noise()))
  for (let seconds = 0; seconds < kDay; seconds += kHour) expect(Math.abs(one.more(0, seconds))).toBeLessThan(0.4)
})

test('a series that is read now and then says nothing of hours it was hardly read in', () => {
  const { one } = weeks(5, (seconds) => (dayOf(seconds) === 3 ? 9 : 1))
  expect(one.more(0, 3 * kDay)).toBeGreaterThan(6)
  const block = new ArrayBuffer(SeriesWeeks.bytes(1))
  const seldom = new SeriesWeeks(1, block, 0)
  for (let seconds = 0; seconds < 5 * kWeek; seconds += kHour) seldom.update(0, dayOf(seconds) === 3 ? 9 : 1, seconds)
  expect(seldom.more(0, 3 * kDay)).toBe(0)
})

test('what is known is the block: another one on it goes on; what cannot be is seen', () => {
  const { block } = weeks(3, office)
  const copy = new SeriesWeeks(1, block.slice(0), 0)
  expect(copy.more(0, 5 * kDay)).toBe(new SeriesWeeks(1, block, 0).more(0, 5 * kDay))
  expect(copy.isSound).toBe(true)
  for (const [word, value] of [
    [0, -1],
    [1, Number.NaN],
    [3, 56],
    [3, 0.5],
    [4, Number.POSITIVE_INFINITY],
  ] as const) {
    const broken = block.slice(0)
    new Float32Array(broken)[word] = value
    expect(new SeriesWeeks(1, broken, 0).isSound).toBe(false)
  }
})
