import { expect, test } from 'vitest'
import { readRetryAfterMs } from '../../../../src/lib/http/retry-after.js'

const now = Date.UTC(2026, 10, 29, 21, 0, 0, 500)

test.each<[string | undefined, number | undefined]>([
  ['7', 7000],
  [' 120 ', 120_000],
  ['0', 0],
  ['Sun, 29 Nov 2026 21:00:08 GMT', 7500],
  ['Sunday, 29-Nov-26 21:00:08 GMT', 7500],
  ['Sun Nov 29 21:00:08 2026 GMT', 7500],
  ['Sun, 29 Nov 2026 20:00:00 GMT', 0],
  [undefined, undefined],
  ['', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['sunday', undefined],
  ['May', undefined],
  ['1e9', undefined],
  ['99999999999999', undefined],
])('Retry-After %s is %s ms', (header, wanted) => expect(readRetryAfterMs(header, now)).toBe(wanted))
