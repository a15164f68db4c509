import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseSize } from '../../../src/util/size.js'

test.each([
  ['0B', 0],
  ['512B', 512],
  ['64KiB', 65_536],
  ['10kB', 10_000],
  ['10MB', 10_000_000],
  ['64MiB', 67_108_864],
  ['1GB', 1_000_000_000],
  ['1024GiB', 2 ** 40],
])('%s is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each(['', '64', '-1MiB', '1.5MiB', '64 MiB', '64mb', '64M', '1025GiB', `${'9'.repeat(400)}B`, '64B\n'])(
  '%j is refused with a reason',
  (text) => {
    expect(parseSize(text)).toEqual({ reason: expect.stringMatching(/^".*(size|1024GiB)/s) })
  },
)

test.each([
  ['64', '64MiB'],
  ['200', '200MiB'],
  ['4096', '4096B'],
  ['209715200', '209715200B'],
])('a number without a unit is asked about: %s, %s?', (text, meant) => {
  expect(parseSize(text)).toEqual({ reason: expect.stringContaining(`did you mean "${meant}"?`) })
})

test('any text gives a number of bytes in range, or one bounded reason', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      const result = parseSize(text)
      if (typeof result === 'number') expect(result).toBeGreaterThanOrEqual(0)
      else expect(result.reason.length).toBeLessThan(200)
    }),
  )
})
