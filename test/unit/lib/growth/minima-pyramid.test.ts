import fc from 'fast-check'
import { expect, test } from 'vitest'
import { kLevels, kWindows, MinimaPyramid } from '../../../../src/lib/growth/minima-pyramid.js'

const kWidthMs = 1000
/** Steady time that is the time of the clock. */
const times = { usec: (ms: number) => Math.round(ms * 1000), ms: (usec: number) => usec / 1000 }
const perLevel = [1, 5, 15, 60, 240, 1440]

/** Values at ascending times: [ms since the one before, value]. */
const values = fc.array(
  fc.tuple(fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 400_000 })), fc.integer({ max: 1e6 })),
  { minLength: 1, maxLength: 400 },
)

function fill(steps: readonly (readonly [number, number])[]) {
  const pyramid = new MinimaPyramid(kWidthMs)
  const told: (readonly [number, number])[] = []
  let atMs = 1_700_000_000_000
  for (const [passed, value] of steps) {
    atMs += passed
    pyramid.add(atMs, value)
    told.push([atMs, value])
  }
  return { pyramid, told, atMs }
}

function read(pyramid: MinimaPyramid, level: number, most = kWindows): readonly (readonly [number, number])[] {
  const x = new Float64Array(kWindows)
  const y = new Float64Array(kWindows)
  const n = pyramid.read(level, most, x, y)
  return Array.from({ length: n }, (_, i) => [x[i]!, y[i]!])
}

test('every window of every width has the least of its values, the newest 32 are known', () => {
  fc.assert(
    fc.property(values, (steps) => {
      const { pyramid, told, atMs } = fill(steps)
      for (let level = 0; level < kLevels; level++) {
        const width = kWidthMs * perLevel[level]!
        const current = Math.floor(atMs / width)
        const first = Math.floor(told[0]![0] / width)
        const count = Math.min(current - first, kWindows)
        const expected: [number, number][] = []
        for (let n = 0; n < count; n++) {
          const number = current - count + n
          const inside = told.filter(([ms]) => Math.floor(ms / width) === number).map(([, value]) => value)
          if (inside.length > 0) expected.push([n, Math.fround(Math.min(...inside))])
        }
        expect(read(pyramid, level)).toEqual(expected)
        expect(pyramid.endMs(level)).toBe(current * width)
      }
    }),
  )
})

test('the highest of what ended before a time is found at its width and the wider ones', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 500_000 }), (steps, level, back) => {
      const { pyramid, atMs } = fill(steps)
      let highest = Number.NEGATIVE_INFINITY
      for (let at = level; at < kLevels; at++) {
        const width = kWidthMs * perLevel[at]!
        const count = pyramid.count(at)
        for (const [x, y] of read(pyramid, at))
          if (pyramid.endMs(at) - (count - 1 - x) * width <= atMs - back) highest = Math.max(highest, y)
      }
      expect(pyramid.highest(level, atMs - back)).toBe(highest)
    }),
  )
})

test('what is kept comes back, and goes on as if nothing had been', () => {
  fc.assert(
    fc.property(values, values, (before, after) => {
      const { pyramid, atMs } = fill(before)
      const again = new MinimaPyramid(kWidthMs)
      expect(again.restore(JSON.parse(JSON.stringify(pyramid.save(times))), times)).toBe(true)
      let ms = atMs
      for (const [passed, value] of after) {
        ms += passed
        expect(again.add(ms, value)).toBe(pyramid.add(ms, value))
      }
      for (let level = 0; level < kLevels; level++) expect(read(again, level)).toEqual(read(pyramid, level))
    }),
  )
})

test('a value that comes late changes nothing; one of a clock that was set back far begins anew', () => {
  const pyramid = new MinimaPyramid(kWidthMs)
  for (let n = 0; n < 50; n++) pyramid.add(1e9 + n * kWidthMs, n)
  const before = read(pyramid, 0)
  expect(pyramid.add(1e9, -1)).toBe(0)
  expect(read(pyramid, 0)).not.toEqual(before)
  const other = new MinimaPyramid(kWidthMs)
  for (let n = 0; n < 50; n++) other.add(1e9 + n * kWidthMs, n)
  expect(other.add(1e9 + 40 * kWidthMs, -1)).toBe(0)
  expect(read(other, 0)).toEqual(before)
})

test('the peak of a width is that of its newest window and of all since', () => {
  fc.assert(
    fc.property(values, (steps) => {
      const { pyramid, told, atMs } = fill(steps)
      for (let level = 0; level < kLevels; level++) {
        const width = kWidthMs * perLevel[level]!
        const current = Math.floor(atMs / width)
        const newest = told
          .filter(([ms]) => Math.floor(ms / width) < current)
          .map(([ms]) => Math.floor(ms / width))
          .at(-1)
        const since = told.filter(([ms]) => Math.floor(ms / width) >= (newest ?? current)).map(([, value]) => value)
        expect(pyramid.peak(level)).toBe(Math.fround(Math.max(...since)))
      }
    }),
  )
})

test.each([
  ['of another length', { values: 'AAAA' }],
  ['with a first one behind the last', { numbers: [2, 1] }],
  ['with a number that is none', { numbers: ['x', 1] }],
  ['with a first one before all time', { numbers: [-1, 1] }],
  ['in a far future', { numbers: [1, 2 ** 50] }],
  ['with one number', { numbers: [1] }],
  ['of no time', { currentUsec: null }],
  [
    'with a minimum that cannot be',
    { values: Buffer.from(new Float32Array(210).fill(Number.POSITIVE_INFINITY).buffer).toString('base64') },
  ],
])('windows %s are refused', (_, part) => {
  const { pyramid } = fill([[1, 1]])
  const saved = pyramid.save(times)
  expect(new MinimaPyramid(kWidthMs).restore(saved, times)).toBe(true)
  expect(() => new MinimaPyramid(kWidthMs).restore({ ...saved, ...part } as unknown as typeof saved, times)).toThrow()
})

test('windows of another width are left out', () => {
  const { pyramid } = fill([[1, 1]])
  const other = new MinimaPyramid(2 * kWidthMs)
  expect(other.restore(pyramid.save(times), times)).toBe(false)
  expect(other.count(0)).toBe(0)
})

test('read back by a clock that shows another time, they are as far apart as they were', () => {
  const { pyramid, atMs } = fill(Array.from({ length: 200 }, (_, n) => [1000, n]))
  const byMs = 3_723_456
  const again = new MinimaPyramid(kWidthMs)
  again.restore(pyramid.save(times), { ms: (usec) => usec / 1000 + byMs })
  for (let level = 0; level < kLevels; level++) {
    expect(read(again, level)).toEqual(read(pyramid, level))
    expect(again.endMs(level)).toBe(pyramid.endMs(level) + byMs)
  }
  for (const value of [5, 3, 4])
    expect(again.add(atMs + byMs + 1000 * value, 7)).toBe(pyramid.add(atMs + 1000 * value, 7))
})
