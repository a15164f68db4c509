import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LocalTime } from '../../../../src/lib/patterns/local-time.js'

const utc = (text: string) => Date.parse(`${text}Z`)

describe('hours and days by local clocks', () => {
  test.each([
    ['Europe/Berlin', '2026-03-29T00:59', 1.9833, 6, 'before summer time'],
    ['Europe/Berlin', '2026-03-29T01:00', 3, 6, 'and after: there is no hour from two to three'],
    ['Europe/Berlin', '2026-10-25T00:30', 2.5, 6, 'the hour from two to three'],
    ['Europe/Berlin', '2026-10-25T01:30', 2.5, 6, 'comes twice in autumn'],
    ['Europe/Berlin', '2026-11-29T23:30', 0.5, 0, 'midnight is over: it is Monday'],
    ['America/New_York', '2026-11-30T03:00', 22, 6, 'still Sunday'],
    ['Asia/Kathmandu', '2026-11-30T00:00', 5.75, 0, 'a quarter of an hour off'],
    ['Australia/Lord_Howe', '2026-04-04T14:59', 1.9833, 6, 'half an hour of summer time'],
    ['Australia/Lord_Howe', '2026-04-04T15:00', 1.5, 6, 'given back'],
    ['UTC', '1969-12-31T23:00', 23, 2, 'before 1970'],
  ])('%s, %s UTC: %d h of day %d (%s)', (zone, at, hour, weekday) => {
    const moment = new LocalTime(zone).at(utc(at))
    expect(moment.hour).toBeCloseTo(hour, 3)
    expect(moment.weekday).toBe(weekday)
  })

  test('are what Intl says, at any time, in any order', () => {
    const zone = 'America/Sao_Paulo'
    const local = new LocalTime(zone)
    const format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      weekday: 'short',
    })
    const names = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
    fc.assert(
      fc.property(fc.integer({ min: utc('2000-01-01T00:00'), max: utc('2040-01-01T00:00') }), (unixMs) => {
        const { hour, weekday } = local.at(unixMs)
        const minutes = Math.floor(hour * 60 + 1e-6)
        const text = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':')
        expect(format.format(unixMs)).toBe(`${names[weekday]} ${text}`)
      }),
    )
  })
})

test('the zone is the machine’s, unless one is named; one that does not exist is an error', () => {
  expect(new LocalTime().zone).toBe(new Intl.DateTimeFormat().resolvedOptions().timeZone)
  expect(() => new LocalTime('Mars/Olympus')).toThrow(RangeError)
})
