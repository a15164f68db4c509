import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TimeZone } from '../../../src/util/time-zone.js'
import { parseWallTime } from '../../../src/util/wall-time.js'

const berlin = new TimeZone('Europe/Berlin')
const utc = (text: string): number => Date.parse(`${text}Z`)

describe('a day on which clocks change', () => {
  test.each([
    ['winter', '2026-01-15T12:00', '2026-01-15T13:00'],
    ['summer', '2026-07-15T12:00', '2026-07-15T14:00'],
    ['the last second of winter time', '2026-03-29T00:59:59', '2026-03-29T01:59:59'],
    ['the first of summer time', '2026-03-29T01:00', '2026-03-29T03:00'],
  ])('what clocks show: %s', (_when, at, shown) => {
    expect(berlin.localMs(utc(at))).toBe(utc(shown))
  })

  test.each([
    ['there once', '2026-03-29T04:30', '2026-03-29T02:30', '2026-03-29T02:30'],
    ['skipped: as much later', '2026-03-29T02:30', '2026-03-29T01:30', '2026-03-29T01:30'],
    ['shown twice', '2026-10-25T02:30', '2026-10-25T00:30', '2026-10-25T01:30'],
  ])('when clocks show it: %s', (_when, shown, first, last) => {
    expect([berlin.unixMs(utc(shown), 'first'), berlin.unixMs(utc(shown), 'last')]).toEqual([utc(first), utc(last)])
  })

  test('back and forth is the same time, of zones far apart and with odd offsets', () => {
    const zones = [
      'UTC',
      'Asia/Kathmandu',
      'Pacific/Kiritimati',
      'Australia/Lord_Howe',
      'America/St_Johns',
      'Europe/Berlin',
    ]
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 2 ** 41 }), (name, unixMs) => {
        const zone = new TimeZone(name)
        const local = zone.localMs(unixMs)
        const [first, last] = [zone.unixMs(local, 'first'), zone.unixMs(local, 'last')]
        expect([first, last]).toContain(unixMs)
        expect(zone.localMs(first)).toBe(local)
      }),
    )
  })
})

test('a zone that there is not is refused', () => {
  expect(() => new TimeZone('Europe/Atlantis')).toThrow(RangeError)
})

test.each([
  ['22:05', { minute: 1325 }],
  ['24:00', { minute: 1440 }],
  ['2026-12-24T00:30', { minute: 30, dayMs: Date.UTC(2026, 11, 24) }],
  ['2026-12-24 00:30', { minute: 30, dayMs: Date.UTC(2026, 11, 24) }],
])('a time as written: %s', (text, time) => {
  expect(parseWallTime(text)).toEqual(time)
})

test.each([
  ['2:00', '"02:00"'],
  ['7.30', '"07:30"'],
  ['22:00:00', '"22:00"'],
  ['9', '"09:00"'],
  ['1320', '"13:20" or "22:00"'],
  ['2200', '"22:00"'],
  ['1380', '"23:00"'],
  ['720', '"07:20" or "12:00"'],
])('%s: did you mean %s?', (text, meant) => {
  expect(parseWallTime(text)).toEqual({
    reason: `"${text}" is not a time such as 22:00, or one of a date such as 2026-12-24T22:00: did you mean ${meant}?`,
  })
})

test.each(['25:00', '22:60', '9999', 'noon', '2:0', '12345', '2026-12-24'])(
  'of "%s" nobody knows what was meant',
  (text) => {
    expect(parseWallTime(text)).toEqual({ reason: expect.not.stringContaining('did you mean') })
  },
)

test.each(['', '7:00', '24:01', '22:60', '22:00:00', '2026-02-30T10:00', '2026-13-01T10:00', '2026-12-24', 'noon'])(
  'no time: "%s"',
  (text) => {
    expect(parseWallTime(text)).toHaveProperty('reason')
  },
)
