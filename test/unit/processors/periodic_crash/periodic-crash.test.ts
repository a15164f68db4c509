import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { RawEvent } from '../../../../src/data/event.js'
import { schema } from '../../../../src/processors/periodic_crash/config.js'
import { factory } from '../../../../src/processors/periodic_crash/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { TestHost } from '../../../../src/testkit/test-settings.js'
import { kStoryStartMs, UnitStory } from '../../lib/patterns/unit-story.js'
import { randomOf } from '../../lib/statistics/near.js'

const kHour = 3600

const story = (config: Readonly<Record<string, unknown>> = {}, part = {}, startMs = kStoryStartMs) =>
  new UnitStory((settings, next) => factory.create(settings, createTestConfig(schema, config), next), part, startMs)

/** Off the hour by a second and more, always the same: what a real scheduler does. */
const wobble = [0, 1.2, -0.8, 0.4, -1.5, 0.9, -0.3, 1.4, -1.1, 0.6]
const hourly = (count: number, from = 1): readonly number[] =>
  Array.from({ length: count }, (_, n) => (from + n) * kHour + wobble[n % wobble.length]!)

async function crashes(times: readonly number[], untilS?: number, config = {}): Promise<UnitStory> {
  const told = story(config).started(0)
  for (const at of times) told.crashed(at)
  return told.tell(untilS)
}

describe('a unit that fails each hour', () => {
  test('is told at the fifth failure, with the period, its jitter and when the next is due', async () => {
    const { found } = await crashes(hourly(5))
    expect(found).toHaveLength(1)
    const { name, severity, attributes, body, traceId } = found[0]!
    expect(name).toBe('pattern.periodic_crash.detected')
    expect(severity).toBe(13)
    expect(attributes['pattern.periodic_crash.count']).toBe(5)
    expect(attributes['pattern.periodic_crash.period']).toBeCloseTo(kHour, -1)
    expect(attributes['pattern.periodic_crash.jitter']).toBeLessThan(5)
    expect(attributes['pattern.periodic_crash.p_value']).toBeLessThan(1e-4)
    expect(attributes['pattern.confidence']).toBeGreaterThan(0.99)
    expect(attributes['pattern.runs']).toHaveLength(5)
    expect(traceId).toBe((attributes['pattern.runs'] as string[]).at(-1))
    const seconds = (key: string) => Number(attributes[`pattern.periodic_crash.${key}`]) / 1e6 - kStoryStartMs / 1000
    expect(Math.abs(seconds('next_usec') - 6 * kHour)).toBeLessThan(5)
    expect(seconds('next_from_usec')).toBeLessThan(6 * kHour)
    expect(seconds('next_until_usec')).toBeGreaterThan(6 * kHour)
    expect(body).toMatch(
      /^a\.service fails again and again, each time after 1h \(give or take [\d.]+s\): 5 failures since 2023-11-14 23:13:20 UTC, the next is due about 2023-11-15 04:13:\d\d UTC$/,
    )
  })

  test('by the clock: told as that once six failures show it', async () => {
    const { found } = await crashes(hourly(10))
    expect(found.map(({ attributes }) => attributes['pattern.kind'])).toEqual(['interval', 'clock'])
    expect(found[1]!.name).toBe('pattern.periodic_crash.updated')
    expect(found[1]!.body).toMatch(/^a\.service fails by the clock, every 1h \(give or take [\d.]+s\): 10 failures/)
  })

  test('is told again only when there is twice as much to tell', async () => {
    const { summary } = await crashes(hourly(45))
    expect(summary.map((line) => line.split(' ')[0])).toEqual(['detected', 'updated', 'updated', 'updated'])
  })

  test('stays so though one failure does not come, and one too many does', async () => {
    const times = hourly(14).filter((_, n) => n !== 7)
    const { summary } = await crashes([...times, 9.4 * kHour].sort((a, b) => a - b))
    expect(summary.some((line) => line.startsWith('cleared'))).toBe(false)
  })

  test('is cleared when three in a row have not come, at the time when the third was due', async () => {
    const { summary, found } = await crashes(hourly(6), 24 * kHour)
    expect(summary).toHaveLength(2)
    expect(summary[1]).toMatch(/^cleared a\.service at 325\d\d$/)
    expect(found[1]!.attributes['pattern.periodic_crash.outcome']).toBe('quiet')
    expect(found[1]!.body).toMatch(/^a\.service has not failed when it was due: it did 6 times, every 1h$/)
  })

  test('is cleared when it fails at other times, and is not found in the old ones again', async () => {
    const other = [7.4, 8.3, 8.7, 9.5, 10.4, 10.6].map((at) => at * kHour)
    const { summary, found } = await crashes([...hourly(7), ...other])
    expect(summary.map((line) => line.split(' ')[0])).toEqual(['detected', 'cleared'])
    expect(found[1]!.attributes['pattern.periodic_crash.outcome']).toBe('irregular')
  })
})

describe('what is no period', () => {
  test('a crash loop, each 5 s: it is one failure', async () => {
    const { summary } = await crashes(Array.from({ length: 200 }, (_, n) => 100 + 5 * n))
    expect(summary).toEqual([])
  })

  test('a loop that RestartSec=5min paces', async () => {
    const told = story().started(0)
    for (let n = 0; n < 50; n++) told.crashed(10 + n * 301, 300)
    expect((await told.tell()).summary).toEqual([])
  })

  test('a nightly restart by a job, and failures by chance', async () => {
    const random = randomOf(3)
    const told = story().started(0)
    for (let n = 0; n < 30; n++) {
      told.restarted(n * 24 * kHour + 100)
      told.crashed(n * 24 * kHour + 200 + random() * 23 * kHour)
    }
    expect((await told.tell()).summary).toEqual([])
  })

  test('failures by chance, of many units, for long', async () => {
    const random = randomOf(4)
    const told = story()
    for (let unit = 0; unit < 40; unit++)
      for (let n = 0, at = 0; n < 60; n++) {
        at += 30 - Math.log(1 - random()) * kHour
        told.failed(at, `unit-${unit}.service`)
      }
    expect((await told.tell()).summary).toEqual([])
  })
})

test('a loop at each full hour is a failure each hour', async () => {
  const times = hourly(6).flatMap((at) => [0, 1, 2, 3].map((n) => at + 6 * n))
  expect((await crashes(times)).summary).toEqual([`detected a.service at ${5 * kHour - 1}`])
})

test('how regular it must be is the user’s choice', async () => {
  const loose = Array.from({ length: 25 }, (_, n) => n * kHour + 0.05 * kHour * Math.sin(n * 2.4) + kHour)
  expect((await crashes(loose)).summary.length).toBeGreaterThan(0)
  expect((await crashes(loose, undefined, { max_jitter: 0.02 })).summary).toEqual([])
  expect((await crashes(hourly(5), undefined, { min_failures: 9 })).summary).toEqual([])
})

test('units are forgotten before memory grows, and counted', async () => {
  const told = story({ max_units: 2 })
  for (let n = 0; n < 5; n++) told.failed(n, `unit-${n}.service`)
  await told.tell()
  expect(told.evicted).toBe(3)
})

describe('what was learned', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  test('outlives the agent: a daily failure needs no five days without an update', async () => {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-periodic-'))
    folders.push(stateDirectory)
    const first = story({}, { stateDirectory })
    await first.processor.start(new TestHost())
    for (const at of hourly(4)) first.failed(at)
    await first.tell()
    await first.processor.shutdown()
    const second = story({}, { stateDirectory }, kStoryStartMs + 4.5 * kHour * 1000)
    await second.processor.start(new TestHost())
    await second.failed(0.5 * kHour).tell()
    expect(second.found[0]?.attributes['pattern.periodic_crash.count']).toBe(5)
    await second.processor.shutdown()
    const third = story({}, { stateDirectory }, kStoryStartMs + 5.5 * kHour * 1000)
    await third.processor.start(new TestHost())
    await third.failed(0.5 * kHour).tell(24 * kHour)
    // It was told before: what is new is its end.
    expect(third.summary.map((line) => line.split(' ')[0])).toEqual(['cleared'])
    expect(third.found[0]?.attributes['pattern.periodic_crash.count']).toBe(6)
    await third.processor.shutdown()
  })

  test('a rhythm that was told of ends after a restart, too, though its last failures were off the beat, or many', async () => {
    const offBeat = [8.37, 8.71]
    for (const times of [[...hourly(8), ...offBeat.map((n) => n * kHour)], hourly(200)]) {
      const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-periodic-'))
      folders.push(stateDirectory)
      const lastS = times.at(-1)!
      const stayed = await crashes(times)
      await stayed.tell(300 * kHour)
      const first = story({}, { stateDirectory })
      await first.processor.start(new TestHost())
      for (const at of times) first.failed(at)
      await first.tell()
      await first.processor.shutdown()
      const second = story({}, { stateDirectory }, kStoryStartMs + (lastS + 60) * 1000)
      await second.processor.start(new TestHost())
      await second.started(0, 'other.service').tell(300 * kHour)
      const [cleared] = second.found
      expect(cleared).toMatchObject({ name: 'pattern.periodic_crash.cleared' })
      // As if the agent had stayed.
      const evidence = ({ attributes }: RawEvent) =>
        ['count', 'first_usec', 'last_usec', 'outcome'].map((key) => attributes[`pattern.periodic_crash.${key}`])
      expect(evidence(cleared!)).toEqual(evidence(stayed.found.at(-1)!))
      await second.processor.shutdown()
    }
  })
})

test('what comes off the beat moves no beat: the next one is told that still lies ahead', async () => {
  // The tenth is 18 minutes late, and twice the evidence there was.
  const { found } = await crashes([...hourly(9), 10.3 * kHour])
  const told = found.map(({ attributes, timeUnixNano }) => {
    const atS = Number(timeUnixNano) / 1e9
    const aheadS = (key: string) => Number(attributes[`pattern.periodic_crash.${key}`]) / 1e6 - atS
    return [
      attributes['pattern.periodic_crash.count'],
      ...['next_from_usec', 'next_usec', 'next_until_usec'].map(aheadS),
    ]
  })
  expect(told.map(([count]) => count)).toEqual([5, 10])
  const [, from, next, until] = told[1]!
  expect(Number(next)).toBeGreaterThan(0.6 * kHour)
  expect(Number(next)).toBeLessThan(0.8 * kHour)
  expect([Number(from) < Number(next), Number(next) < Number(until)]).toEqual([true, true])
})
