import { expect, test } from 'vitest'
import { normalQuantile } from '../../../../src/lib/statistics/normal.js'
import { studentQuantile } from '../../../../src/lib/statistics/student.js'
import { near } from './near.js'

// NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2: critical values of Student's t.
test.each([
  [3, 0.975, 3.182],
  [5, 0.975, 2.571],
  [10, 0.975, 2.228],
  [30, 0.975, 2.042],
  [100, 0.975, 1.984],
  [4, 0.95, 2.132],
  [10, 0.99, 2.764],
])('%d degrees, p = %d: %d', (degrees, p, t) => near(studentQuantile(p, degrees), t, 0.01))

test('it is symmetric, and of many degrees it is normal', () => {
  near(studentQuantile(0.1, 7), -studentQuantile(0.9, 7), 1e-9)
  near(studentQuantile(0.9, 1e9), normalQuantile(0.9), 1e-6)
  expect(studentQuantile(1, 5)).toBe(Number.POSITIVE_INFINITY)
  expect(studentQuantile(0.5, 0)).toBeNaN()
  expect(studentQuantile(2, 5)).toBeNaN()
})
