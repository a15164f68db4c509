import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../../src/util/clock.js'

// Node turns a timeout above 2^31-1 ms into 1 ms. Its own timers are driven here; performance.now() is left alone.

const kDayMs = 86_400_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test.each([1, 24, 25, 60, 366])('a timer of %i days fires after that long, once', (days) => {
  let fired = 0
  systemClock.after(days * kDayMs, () => fired++)
  vi.advanceTimersByTime(days * kDayMs - 1)
  expect(fired).toBe(0)
  vi.advanceTimersByTime(1)
  expect(fired).toBe(1)
  vi.advanceTimersByTime(400 * kDayMs)
  expect(fired).toBe(1)
})

test.each([1, 25, 60])('something due every %i days is', (days) => {
  let fired = 0
  const timer = systemClock.every(days * kDayMs, () => fired++)
  vi.advanceTimersByTime(3 * days * kDayMs)
  expect(fired).toBe(3)
  timer.cancel()
  vi.advanceTimersByTime(3 * days * kDayMs)
  expect(fired).toBe(3)
})

test('a long timer can be cancelled half-way', () => {
  let fired = 0
  const timer = systemClock.after(60 * kDayMs, () => fired++)
  vi.advanceTimersByTime(30 * kDayMs)
  timer.cancel()
  vi.advanceTimersByTime(60 * kDayMs)
  expect(fired).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
})
