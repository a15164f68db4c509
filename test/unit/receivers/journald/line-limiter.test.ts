import { expect, test } from 'vitest'
import { LineLimiter } from '../../../../src/receivers/journald/line-limiter.js'

const kStart = 1_700_000_000_000_000
const admitted = (limiter: LineLimiter, unit: string, count: number, usec: number): number =>
  Array.from({ length: count }, () => limiter.admit(unit, usec)).filter(Boolean).length

test('a second’s worth passes at once, then as many as the time between the lines allows', () => {
  const limiter = new LineLimiter(100)
  expect(admitted(limiter, 'a', 500, kStart)).toBe(100)
  expect(admitted(limiter, 'a', 500, kStart + 100_000)).toBe(10)
  expect(admitted(limiter, 'a', 500, kStart + 60_000_000)).toBe(100)
  expect([...limiter.takeSuppressed()]).toEqual([['a', 1290]])
  expect([...limiter.takeSuppressed()]).toEqual([])
})

test('units do not share a limit', () => {
  const limiter = new LineLimiter(10)
  expect(admitted(limiter, 'loud', 1000, kStart)).toBe(10)
  expect(admitted(limiter, 'calm', 10, kStart)).toBe(10)
})

test('a clock that is set back neither gives nor takes', () => {
  const limiter = new LineLimiter(10)
  expect(admitted(limiter, 'a', 10, kStart)).toBe(10)
  expect(admitted(limiter, 'a', 10, kStart - 3_600_000_000)).toBe(0)
  expect(admitted(limiter, 'a', 10, kStart - 3_599_500_000)).toBe(5)
})

test('without a limit everything passes', () => {
  expect(admitted(new LineLimiter(0), 'a', 10_000, kStart)).toBe(10_000)
})

test('however many units there are, those that have lines to be summed up are not forgotten for them', () => {
  const limiter = new LineLimiter(1)
  admitted(limiter, 'loud', 3, kStart)
  for (let i = 0; i < 20_000; i++) limiter.admit(`unit${i}`, kStart)
  expect([...limiter.takeSuppressed()]).toEqual([['loud', 2]])
})
