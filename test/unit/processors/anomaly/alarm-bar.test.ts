import { expect, test } from 'vitest'
import { AlarmBar } from '../../../../src/processors/anomaly/alarm-bar.js'

const kWeekMs = 604_800_000

test('each finding raises the bar, and time lowers it by as many as a week may have', () => {
  const bar = new AlarmBar(7)
  for (let n = 0; n < 3; n++) bar.alarm(0)
  expect(bar.raised(0)).toBeCloseTo(3 * Math.log10(2))
  expect(bar.raised(kWeekMs / 7)).toBeCloseTo(2 * Math.log10(2))
  expect(bar.raised(kWeekMs)).toBe(0)
})

test('after a restart of the agent it is as high as it was, whatever the clock, and sinks from there', () => {
  const before = new AlarmBar(7)
  for (let n = 0; n < 3; n++) before.alarm(5 * kWeekMs)
  const bar = new AlarmBar(7)
  bar.restore(before.height)
  expect(bar.raised(9 * kWeekMs)).toBeCloseTo(3 * Math.log10(2))
  expect(bar.raised(9 * kWeekMs + kWeekMs / 7)).toBeCloseTo(2 * Math.log10(2))
})
