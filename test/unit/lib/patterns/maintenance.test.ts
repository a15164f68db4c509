import { describe, expect, test } from 'vitest'
import type { MaintenanceWindow } from '../../../../src/component/component.js'
import { Maintenance } from '../../../../src/lib/patterns/maintenance.js'

const utc = (text: string): number => Date.parse(`${text}Z`)
const nightly: MaintenanceWindow = { units: [], days: [], from: '22:00', to: '02:00', time_zone: 'Europe/Berlin' }

/** When a window is over that holds at a time, both in UTC; undefined where none does. */
function until(window: Partial<MaintenanceWindow>, at: string, unit = 'web.service'): string | undefined {
  const untilMs = new Maintenance([{ ...nightly, ...window }]).until(unit, utc(at))
  return untilMs === undefined ? undefined : new Date(untilMs).toISOString().slice(0, 16)
}

describe('a window of each day', () => {
  // 2026-06-01 is a Monday; Berlin is two hours ahead.
  test.each([
    ['before', '2026-06-01T19:59', undefined],
    ['as it begins', '2026-06-01T20:00', '2026-06-02T00:00'],
    ['past midnight', '2026-06-01T23:59', '2026-06-02T00:00'],
    ['as it ends', '2026-06-02T00:00', undefined],
  ])('%s', (_when, at, expected) => {
    expect(until({}, at)).toBe(expected)
  })

  test.each([
    ['the night from Monday on', '2026-06-01T22:30', '2026-06-02T00:00'],
    ['the night from Tuesday on', '2026-06-02T22:30', undefined],
    ['the early Tuesday, which is the night from Monday on', '2026-06-01T23:30', '2026-06-02T00:00'],
  ])('of one day of the week is the one that begins there: %s', (_when, at, expected) => {
    expect(until({ days: ['mon'] }, at)).toBe(expected)
  })

  test('that ends when it begins is a whole day', () => {
    expect(until({ from: '00:00', to: '00:00', days: ['sun'] }, '2026-06-07T10:00')).toBe('2026-06-07T22:00')
    expect(until({ from: '00:00', to: '24:00', days: ['sun'] }, '2026-06-07T10:00')).toBe('2026-06-07T22:00')
  })
})

describe('where clocks change', () => {
  test.each([
    ['a window in the hour that is skipped comes after it', '02:00', '03:00', '2026-03-29T01:30', '2026-03-29T02:00'],
    ['the hour that is skipped makes a window shorter', '01:00', '04:00', '2026-03-29T00:30', '2026-03-29T02:00'],
    ['the hour that comes twice is meant twice', '02:00', '03:00', '2026-10-25T01:30', '2026-10-25T02:00'],
    ['and its first time, too', '02:00', '03:00', '2026-10-25T00:10', '2026-10-25T02:00'],
    ['a window up to it holds until it is shown last', '01:00', '02:30', '2026-10-25T01:20', '2026-10-25T01:30'],
  ])('%s', (_what, from, to, at, expected) => {
    expect(until({ from, to }, at)).toBe(expected)
  })

  test('every minute of a year of nights is in its window by the clock on the wall, in any zone', () => {
    for (const time_zone of ['Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'UTC']) {
      const maintenance = new Maintenance([{ ...nightly, from: '03:30', to: '05:00', time_zone }])
      const shown = new Intl.DateTimeFormat('en-GB', { timeZone: time_zone, timeStyle: 'short' })
      for (let at = utc('2026-01-01T00:07'); at < utc('2027-01-01T00:00'); at += 47 * 60_000) {
        const text = shown.format(at)
        expect(maintenance.until('a.service', at) !== undefined, `${time_zone} ${text}`).toBe(
          text >= '03:30' && text < '05:00',
        )
      }
    }
  })
})

describe('a window of one date', () => {
  const once = { from: '2026-12-24T22:00', to: '2026-12-26T06:00' }
  test.each([
    ['before', '2026-12-24T20:59', undefined],
    ['on the day between', '2026-12-25T12:00', '2026-12-26T05:00'],
    ['a year later', '2027-12-25T12:00', undefined],
  ])('%s', (_when, at, expected) => {
    expect(until(once, at)).toBe(expected)
  })
})

test('concerns the units it names, or all', () => {
  expect(until({ units: ['db*', 'web.service'] }, '2026-06-01T22:00', 'db-1.service')).toBe('2026-06-02T00:00')
  expect(until({ units: ['db*'] }, '2026-06-01T22:00')).toBeUndefined()
})

test('of several that hold, the last to end counts', () => {
  const maintenance = new Maintenance([
    nightly,
    { ...nightly, to: '01:00' },
    { ...nightly, units: ['x*'], to: '05:00' },
  ])
  expect(maintenance.until('web.service', utc('2026-06-01T22:00'))).toBe(utc('2026-06-02T00:00'))
})
