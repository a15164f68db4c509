import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clipEnd, clipMiddle, pad, printable } from '../../../../src/lib/terminal/printable.js'
import { ansi, wantsColor } from '../../../../src/lib/terminal/style.js'

describe('printable', () => {
  const cases: readonly [string, string][] = [
    ['plain.service', 'plain.service'],
    ['dev-disk-by\\x2duuid.device', 'dev-disk-by\\x2duuid.device'],
    ['ünïcode 日本 🚀', 'ünïcode 日本 🚀'],
    ['a\u001b[31mb', 'a\\x1b[31mb'],
    ['a\nb\tc', 'a\\nb\\tc'],
    ['a\u009bb', 'a\\x9bb'],
    ['a\u202eb', 'a\\u202eb'],
    ['a\ud800b', 'a\\ud800b'],
  ]
  for (const [text, wanted] of cases) test(JSON.stringify(text), () => expect(printable(text)).toBe(wanted))

  test('leaves no control, format or separator character of any text, and is idempotent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = printable(text)
        expect(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|[\u200b-\u200f\u202a-\u202e\u2066-\u2069]/u.test(shown)).toBe(false)
        expect(printable(shown)).toBe(shown)
      }),
    )
  })
})

test('clipping keeps to its width and marks the cut', () => {
  expect(clipMiddle('systemd-networkd-wait-online.service', 21)).toBe('systemd-ne…ne.service')
  expect(clipMiddle('short', 21)).toBe('short')
  expect(clipEnd('🚀🚀🚀🚀', 3)).toBe('🚀🚀…')
  expect(clipEnd('🚀🚀🚀', 3)).toBe('🚀🚀🚀')
  expect(pad('é', 3)).toBe('é  ')
})

describe('colour', () => {
  const cases: readonly [boolean, Record<string, string>, boolean][] = [
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
    [false, { FORCE_COLOR: '0' }, false],
  ]
  for (const [tty, env, wanted] of cases)
    test(`tty ${tty} with ${JSON.stringify(env)}: ${wanted}`, () => expect(wantsColor(tty, env)).toBe(wanted))
  test('ends where the text ends', () => expect(ansi('red', 'x')).toBe('\u001b[31mx\u001b[0m'))
})
