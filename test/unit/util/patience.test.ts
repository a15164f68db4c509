import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { patience } from '../../../src/util/patience.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('it is over once, after its time, and not when it was cancelled', () => {
  let over = 0
  patience(1000, () => over++)
  patience(1000, () => over++).cancel()
  vi.advanceTimersByTime(999)
  expect(over).toBe(0)
  vi.advanceTimersByTime(1)
  expect(over).toBe(1)
  expect(vi.getTimerCount()).toBe(0)
})
