import { expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { Chance } from '../../../../bench/patterns/random.mjs'
import { SeriesTogether } from '../../../../src/lib/anomaly/series-together.js'

const kSeries = 3
const kBins = 24

/** Series that follow one load, by one, two thirds and minus a half of it; `change` is what goes wrong. */
function together(change: (values: Float64Array, row: number) => void = () => {}) {
  const one = new SeriesTogether(kSeries, kBins, new ArrayBuffer(SeriesTogether.bytes(kSeries, kBins)), 0)
  const chance = new Chance(7)
  let load = 0
  const surprises: number[] = []
  return {
    one,
    surprises,
    live(rows: number) {
      for (let n = 0; n < rows; n++) {
        load = 0.95 * load + 0.3 * chance.normal()
        const values = Float64Array.of(load, 0.67 * load, -0.5 * load).map((value) => value + chance.normal(0, 0.05))
        change(values, surprises.length)
        one.update(values)
        surprises.push(one.surprise)
      }
    },
  }
}

test('series that follow one load foretell each other', () => {
  const { one, live } = together()
  live(3000)
  one.update(Float64Array.of(1, 0.67, -0.5))
  expect(one.expected(0)).toBeCloseTo(1, 0)
  expect(one.expected(1)).toBeCloseTo(0.67, 1)
  expect(one.expected(2)).toBeCloseTo(-0.5, 1)
})

test('one that stands still where the others go on is seen within a quarter of an hour of doing so, whatever its value is', () => {
  let stuck = Number.NaN
  const story = together((values, row) => {
    if (row < 3000) return
    // Half a load away from what the others do: a value it has every day.
    if (Number.isNaN(stuck)) stuck = values[1]! > 0 ? -0.8 : 0.8
    values[1] = stuck
  })
  story.live(3000)
  const before = Math.max(...story.surprises.slice(2000))
  story.live(20)
  expect(Math.max(...story.surprises.slice(3000, 3004))).toBeGreaterThan(before)
  expect(story.one.isApart(1)).toBe(true)
})

test('a load that is larger than ever, in all of them, is none of its findings', () => {
  const story = together((values, row) => {
    if (row >= 3000) for (let n = 0; n < kSeries; n++) values[n]! *= 2
  })
  story.live(3200)
  expect(Math.max(...story.surprises.slice(3000))).toBeLessThan(4)
})

test('series that are not read say nothing of the others, and come back', () => {
  const story = together((values, row) => {
    if (row % 3 === 0) values[1] = Number.NaN
    if (row % 5 === 0) values[0] = Number.NaN
    if (row === 77) values.fill(Number.NaN)
  })
  story.live(2000)
  expect(story.one.isSound).toBe(true)
  expect(story.surprises.every((surprise) => surprise >= 0 && surprise <= 30)).toBe(true)
  story.one.update(Float64Array.of(1, Number.NaN, Number.NaN))
  expect(story.one.isApart(1)).toBe(false)
})

test('constant series, and those that are far from their level at once, leave it sound', () => {
  const one = new SeriesTogether(kSeries, kBins, new ArrayBuffer(SeriesTogether.bytes(kSeries, kBins)), 0)
  for (let row = 0; row < 500; row++) one.update(Float64Array.of(0, 0, row % 100 === 99 ? 1000 : 0))
  for (let row = 0; row < 5000; row++) one.update(Float64Array.of(1000, -1000, row % 2 === 0 ? 1000 : -1000))
  expect(one.isSound).toBe(true)
})

test('what is known is the block: another one on it goes on, and a broken one is seen', () => {
  const block = new ArrayBuffer(4 + SeriesTogether.bytes(kSeries, kBins))
  const first = new SeriesTogether(kSeries, kBins, block, 4)
  const chance = new Chance(3)
  const row = () => Float64Array.of(chance.normal(), chance.normal(), chance.normal())
  for (let n = 0; n < 100; n++) first.update(row())
  const copy = new SeriesTogether(kSeries, kBins, block.slice(0), 4)
  const next = row()
  first.update(next)
  copy.update(next)
  expect(copy.surprise).toBe(first.surprise)
  new Float32Array(block, 8)[0] = Number.NaN
  expect(first.isSound).toBe(false)
})
