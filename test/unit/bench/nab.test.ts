import { expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { makeCorpus } from '../../../bench/nab/made.mjs'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { judge, probation, profiles, score } from '../../../bench/nab/score.mjs'

const series = { values: new Float64Array(1000), windows: [[400, 499]] }
const judged = (...rows: number[]) => judge(series, (row: number) => rows.includes(row))
const standard = (...rows: number[]): number => score([judged(...rows)], profiles.standard)

// 100 rows wide: s(p) = 2 / (1 + e^5p) - 1, worked out by hand.
test.each<[string, number[], number]>([
  ['nothing is 0', [], 0],
  ['the left edge is 100', [400], 100],
  ['the middle is worth 0.86 of it', [450], (100 * (0.84828 / 0.98661 + 1)) / 2],
  ['only the first in a window counts', [400, 410, 420], 100],
  ['far before any window a false alarm costs all of its 0.11', [200, 400], 100 - 100 * 0.055],
  ['just behind one it costs almost nothing', [400, 500], 100 - (100 * 0.11 * 0.02524) / 2],
  ['in probation nothing counts', [100, 400], 100],
  ['one that is missed, with a false alarm', [200], -5.5],
])('%s', (_what, rows, expected) => {
  expect(standard(...rows)).toBeCloseTo(expected, 2)
})

test('who minds false alarms doubles their price, who minds misses that of these', () => {
  expect(score([judged(200, 400)], profiles.lowFp)).toBeCloseTo(100 - 11, 6)
  expect(score([judged(200, 400)], profiles.lowFn)).toBeCloseTo(100 - (100 * 0.11) / 3, 6)
})

test('15 % of the rows are probation, at most 750', () => {
  expect([probation(4032), probation(22_695)]).toEqual([604, 750])
})

test('series made by chance are the same each time, and healthy ones have no window', () => {
  const [first, second] = [makeCorpus(1), makeCorpus(1)]
  expect(first.map(({ values }: { values: Float64Array }) => values.at(-1))).toEqual(
    second.map(({ values }: { values: Float64Array }) => values.at(-1)),
  )
  const healthy = first.filter(({ windows }: { windows: unknown[] }) => windows.length === 0)
  expect(healthy.map(({ name }: { name: string }) => name)).toContain('noise')
})
