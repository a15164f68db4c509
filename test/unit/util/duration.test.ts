import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../../src/util/duration.js'

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['10s', 10_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['366d', 366 * 86_400_000],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each([
  '',
  '5',
  '-1s',
  '1.5s',
  '1e9h',
  '10 s',
  ' 10s',
  '10S',
  '10sec',
  '367d',
  '9'.repeat(400),
  `${'9'.repeat(400)}s`,
  '5\n',
])('%j is refused with a reason', (text) => {
  expect(parseDuration(text)).toEqual({ reason: expect.stringMatching(/^".*(duration|366 days)/s) })
})

test('a number without a unit is asked about', () => {
  expect(parseDuration('5')).toEqual({ reason: expect.stringContaining('did you mean "5s"?') })
})

test.each([
  ['1.5m', '90s'],
  ['0.5s', '500ms'],
  ['4.35s', '4350ms'],
  ['1.5ms', undefined],
  ['0.0s', undefined],
])('of the fraction %s it is asked whether %s is meant', (text, meant) => {
  const hint = meant === undefined ? '' : `: did you mean "${meant}"?`
  expect(parseDuration(text)).toEqual({
    reason: `"${text}" is not a duration such as 250ms, 10s, 5m or 1h30m${hint}`,
  })
})

test('what is written is read back as the same duration', () => {
  const anyMs = fc.integer({ min: 0, max: 366 * 86_400_000 })
  fc.assert(fc.property(anyMs, (ms) => parseDuration(formatDuration(ms)) === ms))
})

test('any text gives a number of milliseconds in range, or one bounded reason', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      const result = parseDuration(text)
      if (typeof result === 'number') expect(result).toBeGreaterThanOrEqual(0)
      else expect(result.reason.length).toBeLessThan(200)
    }),
  )
})
