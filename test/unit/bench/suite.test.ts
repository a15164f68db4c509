import { describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { amount } from '../../../bench/lib/amount.mjs'
import type { Case, Gate, Row, RunOptions } from '../../../bench/lib/case.d.mts'
import { measure } from '../../../bench/lib/measure.mjs'
import { describeGate, judge, quantile, slopeOf, spreadOf } from '../../../bench/lib/statistics.mjs'
import { loadCases, renderPage } from '../../../bench/lib/suite.mjs'

const cases = await loadCases()

test('the page of benchmarks shows the last run of each case, and nothing typed by hand', () => {
  const { page, fresh } = renderPage(cases)
  // `node bench/run.mjs --page` makes it so.
  expect(page).toBe(fresh)
})

describe.each(cases)('case $id', ({ figures, ways, points, gates }) => {
  test('has one figure whose ratio to the first way is shown', () => {
    expect(Object.values(figures).filter(({ ratio }) => ratio)).toHaveLength(1)
  })

  test('gates only what it measures, towards an aim beyond the floor', () => {
    const names = ways.map(({ name }) => name)
    const places = points?.map(({ name }) => name) ?? [undefined]
    for (const { figure, way, over, point, atMost, atLeast, aim } of gates) {
      expect(Object.keys(figures)).toContain(figure)
      expect(names).toContain(way)
      if (over !== undefined) expect(names).toContain(over)
      expect(places).toContain(point)
      expect([atMost, atLeast].filter((limit) => limit !== undefined)).toHaveLength(1)
      if (aim !== undefined) expect(atMost === undefined ? aim > atLeast! : aim < atMost).toBe(true)
    }
  })
})

test('all ways take turns, round after round, and warm-ups are not kept', async () => {
  const said: string[] = []
  let runs = 0
  const way = (name: string) => ({
    name,
    run: () => {
      said.push(name)
      return { us: ++runs }
    },
  })
  const benchmark: Case = {
    id: 'turns',
    question: 'Whose turn is it?',
    figures: { us: { title: 'us', ratio: true } },
    rounds: 3,
    ways: [way('a'), way('b'), { ...way('c'), skip: () => 'c is not installed' }],
    gates: [],
  }
  const { rows } = await measure(benchmark, { quick: false })
  expect(said.join('')).toBe('abababab')
  expect(rows).toEqual([
    { point: '', way: 'a', figures: { us: { median: 5, min: 3, max: 7 } } },
    { point: '', way: 'b', figures: { us: { median: 6, min: 4, max: 8 } } },
    { point: '', way: 'c', skipped: 'c is not installed', figures: {} },
  ])
})

test.each([
  ['whole', { quick: false }, 3, ['set-up 9', '9', '9', '9', '9']],
  ['quick', { quick: true }, 2, ['set-up 4', '4', '4', '4']],
  ['once', { quick: true, once: true }, 1, ['set-up 1', '1']],
])('a run that is %s does as much as is written for it', async (_, options, rounds, wanted) => {
  const said: string[] = []
  const of = { whole: 9, quick: 4, once: 1 }
  const run = (_context: unknown, given: RunOptions) => {
    said.push(String(amount(given, of)))
    return { us: 1 }
  }
  const setUp = async (_point: unknown, given: RunOptions) => void said.push(`set-up ${amount(given, of)}`)
  const benchmark: Case = {
    ...{ id: 'amounts', question: 'How much?', rounds: 3, gates: [], setUp },
    figures: { us: { title: 'us', ratio: true } },
    ways: [{ name: 'a', run }],
  }
  expect((await measure(benchmark, options)).rounds).toBe(rounds)
  // A warm-up is a quick one.
  expect(said).toEqual(wanted.map((one, n) => (n === 1 && rounds > 1 ? '4' : one)))
})

test('what is not written is that of the next larger run', () => {
  expect(amount({ quick: true, once: true }, { whole: 9, quick: 4 })).toBe(4)
  expect(amount({ quick: true }, { whole: 9, once: 1 })).toBe(9)
})

test('what was set up is taken down when a run fails, and the run is not a result', async () => {
  const said: string[] = []
  const benchmark: Case = {
    id: 'failing',
    question: 'What fails?',
    figures: { us: { title: 'us', ratio: true } },
    setUp: async () => said.push('up'),
    tearDown: async () => void said.push('down'),
    ways: [
      {
        name: 'a',
        run: () => {
          throw new Error('counted 9 of 10')
        },
      },
    ],
    gates: [],
  }
  await expect(measure(benchmark, { quick: true })).rejects.toThrow('counted 9 of 10')
  expect(said).toEqual(['up', 'down'])
})

describe('figures', () => {
  test.each([
    [[3], { median: 3, min: 3, max: 3 }],
    [[9, 1, 5], { median: 5, min: 1, max: 9 }],
    [[4, 1, 3, 2], { median: 2.5, min: 1, max: 4 }],
    [[123456.7], { median: 123500, min: 123500, max: 123500 }],
  ])('of %j', (values, spread) => expect(spreadOf(values)).toEqual(spread))

  test.each([
    [0.5, 50],
    [0.95, 95],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])('the value at %d of 1 to 100', (share, value) => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
    expect(quantile(hundred, share)).toBe(value)
  })

  test('a slope is that of most samples, not of some that lie elsewhere', () => {
    const line = Array.from({ length: 40 }, (_, x) => ({ x, y: 70 + 3 * x }))
    const withPeaks = line.map(({ x, y }) => ({ x, y: x % 5 === 1 ? y + 50 : y }))
    expect(slopeOf(line)).toBe(3)
    expect(slopeOf(withPeaks)).toBeCloseTo(3)
  })
})

describe('a gate', () => {
  const row = (way: string, median: number, point = ''): Row => ({
    point,
    way,
    figures: { us: { median, min: median, max: median } },
  })
  const rows = [row('ours', 2), row('theirs', 30)]
  test.each<[Gate, string, number?]>([
    [{ figure: 'us', way: 'ours', atMost: 3, aim: 1 }, 'met', 2],
    [{ figure: 'us', way: 'ours', atMost: 3, aim: 2 }, 'aim', 2],
    [{ figure: 'us', way: 'ours', atMost: 1.9 }, 'missed', 2],
    [{ figure: 'us', way: 'theirs', over: 'ours', atLeast: 12, aim: 20 }, 'met', 15],
    [{ figure: 'us', way: 'theirs', over: 'ours', atLeast: 16, aim: 20 }, 'missed', 15],
    [{ figure: 'us', way: 'absent', over: 'ours', atLeast: 16 }, 'not measured'],
  ])('%j is %s', (gate, outcome, value) => {
    expect(judge(gate, rows)).toEqual({ ...gate, outcome, ...(value === undefined ? {} : { value }) })
  })

  test('is about its own point', () => {
    const gate = { figure: 'us', way: 'ours', point: '10 k/s', atMost: 3 }
    expect(judge(gate, [row('ours', 9, '1 k/s'), row('ours', 2, '10 k/s')]).value).toBe(2)
  })

  test('is told in words', () => {
    const gate = { figure: 'us', way: 'theirs', over: 'ours', point: '10 k/s', atLeast: 12, aim: 20 }
    expect(describeGate(gate, { us: { title: 'CPU us per signal' } })).toBe(
      'CPU us per signal, theirs / ours, 10 k/s: at least 12 (aim 20)',
    )
  })
})
