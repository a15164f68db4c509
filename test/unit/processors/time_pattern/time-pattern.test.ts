import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { attr } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/processors/time_pattern/config.js'
import { factory } from '../../../../src/processors/time_pattern/factory.js'
import { TimePatternDetector } from '../../../../src/processors/time_pattern/time-pattern.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { TestHost } from '../../../../src/testkit/test-settings.js'
import { atOnce } from '../../../../src/util/pausable.js'
import { UnitStory } from '../../lib/patterns/unit-story.js'
import { randomOf } from '../../lib/statistics/near.js'

const kMinute = 60
const kHour = 3600
const kDay = 86_400
/** Monday, 2026-03-02 00:00 in Berlin. Summer time begins on day 27. */
const kMondayMs = Date.UTC(2026, 2, 1, 23)

const story = (config: Readonly<Record<string, unknown>> = {}, part = {}, startMs = kMondayMs) =>
  new UnitStory(
    (settings, next) =>
      factory.create(settings, createTestConfig(schema, { time_zone: 'Europe/Berlin', ...config }), next),
    part,
    startMs,
  )

/** Seconds after the start at which local clocks show that hour. */
const local = (day: number, hour: number): number => day * kDay + hour * kHour - (day > 27 ? kHour : 0)

/** A service that runs all the time and crashes at these times. */
async function crashes(times: readonly number[], untilS?: number, config = {}): Promise<UnitStory> {
  const told = story(config).started(0)
  for (const at of [...times].sort((a, b) => a - b)) told.crashed(at)
  return told.tell(untilS)
}

const days = (from: number, until: number): readonly number[] =>
  Array.from({ length: until - from }, (_, n) => from + n)
/** Somewhere in the hour, always the same. */
const within = (day: number): number => ((day * 7) % 10) / 10

describe('an hour of the day', () => {
  const nightly = days(0, 8).map((day) => local(day, 3 + within(day)))

  test('is told with the window, and how little of the day it is', async () => {
    const { found } = await crashes(nightly)
    expect(found).toHaveLength(1)
    const { name, attributes, body } = found[0]!
    expect(name).toBe('pattern.time_pattern.detected')
    expect(attributes).toMatchObject({
      'pattern.kind': 'hour_of_day',
      'pattern.time_pattern.time_zone': 'Europe/Berlin',
      'pattern.time_pattern.count': 7,
      'pattern.time_pattern.failures': 7,
      'pattern.time_pattern.from': '03:06',
      'pattern.time_pattern.until': '03:54',
    })
    expect(attributes['pattern.time_pattern.p_value']).toBeLessThan(1e-4)
    expect(attributes['pattern.time_pattern.resultant_length']).toBeGreaterThan(0.99)
    expect(body).toMatch(
      /^a\.service fails between 03:06 and 03:54 \(Europe\/Berlin\): 7 of 7 times, in 4\.?\d* % of the time that it runs$/,
    )
  })

  test('is that of local clocks: summer time moves nothing', async () => {
    const { found } = await crashes(
      days(18, 60)
        .filter((day) => day % 2 === 0)
        .map((day) => local(day, 22 + within(day))),
    )
    expect(found[0]!.attributes['pattern.time_pattern.from']).toMatch(/^22:/)
    expect(found.at(-1)!.name).toBe('pattern.time_pattern.updated')
    expect(found.at(-1)!.attributes['pattern.time_pattern.until']).toMatch(/^22:/)
  })

  test('may lie around midnight', async () => {
    const { found } = await crashes(days(0, 9).map((day) => local(day, 23.6 + 0.8 * within(day))))
    expect(found[0]!.attributes['pattern.time_pattern.from']).toMatch(/^23:/)
    expect(found[0]!.attributes['pattern.time_pattern.until']).toMatch(/^00:/)
  })

  test('is nothing special for a unit that runs at no other', async () => {
    const told = story()
    for (const day of days(0, 30)) {
      told.started(local(day, 3))
      told.failed(local(day, 3.2 + 0.7 * within(day)))
    }
    expect((await told.tell()).summary).toEqual([])
  })

  test('one afternoon with many failures is one afternoon', async () => {
    const afternoon = (day: number) => days(0, 20).map((n) => local(day, 13) + n * 10 * kMinute)
    expect((await crashes([...afternoon(2), ...afternoon(9)])).summary).toEqual([])
  })

  test('is cleared when a week and more passes without it', async () => {
    const { found, summary } = await crashes(nightly, 40 * kDay)
    expect(summary.map((line) => line.split(' ')[0])).toEqual(['detected', 'cleared'])
    expect(found[1]!.attributes['pattern.time_pattern.outcome']).toBe('quiet')
    expect(found[1]!.body).toBe('a.service has not failed at its hour for long')
  })

  test('is cleared when failures come at other hours', async () => {
    const random = randomOf(2)
    const { found } = await crashes([
      ...nightly,
      ...days(9, 13).flatMap((day) => [6, 12, 18].map((hour) => local(day, hour + 3 * random()))),
    ])
    expect(found.at(-1)!.attributes['pattern.time_pattern.outcome']).toBe('irregular')
  })
})

describe('a day of the week', () => {
  test('Mondays', async () => {
    const { found } = await crashes(days(0, 9).map((week) => local(7 * week, 2 + ((week * 5) % 20))))
    expect(found.map(({ attributes }) => attributes['pattern.kind'])).toEqual(['day_of_week'])
    expect(found[0]!.attributes['pattern.time_pattern.days']).toEqual(['Monday'])
    expect(found[0]!.body).toMatch(
      /^a\.service fails on Mondays \(Europe\/Berlin\): \d of \d days with failures, in 1\d % of/,
    )
  })

  test('every day is no day', async () =>
    expect((await crashes(days(0, 60).map((day) => local(day, (day * 11) % 24)))).summary).toEqual([]))
})

describe('after a job', () => {
  /** Each 6 h, and the failures two minutes after some of them. */
  const starts = days(0, 60).map((n) => n * 6 * kHour + 1000)
  const follows = starts.filter((_, n) => n % 5 < 3).map((at, n) => at + 2 * kMinute + (n % 7))

  const withJob = (times: readonly number[], name = 'backup.service') => {
    const told = story().started(0)
    for (const at of starts) told.started(at, name)
    for (const at of [...times].sort((a, b) => a - b)) told.crashed(at)
    return told
  }

  test('is named, with the lag and how often', async () => {
    const { found } = await withJob(follows).tell()
    const told = found.find(({ attributes }) => attributes['pattern.kind'] === 'after_job')!
    expect(told.attributes).toMatchObject({
      'pattern.time_pattern.job': 'backup.service',
      'pattern.time_pattern.count': 5,
      'pattern.time_pattern.failures': 5,
      'pattern.time_pattern.jobs_tried': 1,
    })
    expect(told.attributes['pattern.time_pattern.lag']).toBeCloseTo(123, -1)
    expect(told.attributes['pattern.time_pattern.lift']).toBeGreaterThan(100)
    expect(told.body).toMatch(
      /^a\.service fails 2m\ds \(give or take [\d.]+s\) after backup\.service starts: 5 of 5 failures, where chance would have 0\.0\d+ %$/,
    )
  })

  test('cron’s jobs are told by the journal', async () => {
    const told = story().started(0)
    for (const at of starts) told.line('CRON', '(root) CMD (   cd / && run-parts --report /etc/cron.hourly)', at)
    for (const at of follows) told.crashed(at)
    const { found } = await told.tell()
    expect(found[0]!.attributes['pattern.time_pattern.job']).toBe('cron: cd / && run-parts --report /etc/cron.hourly')
  })

  test('failures that come by chance follow none', async () => {
    const random = randomOf(7)
    const { summary } = await withJob(days(0, 60).map((n) => n * 6 * kHour + random() * 6 * kHour)).tell()
    expect(summary).toEqual([])
  })

  test('what starts because it failed is no cause of the next failure', async () => {
    const told = story().started(0)
    for (const n of days(1, 60)) {
      told.crashed(n * 40 * kMinute)
      told.started(n * 40 * kMinute + 1, 'tell-admin.service')
    }
    expect((await told.tell()).summary.filter((line) => line.includes('after'))).toEqual([])
    expect(told.found.filter(({ attributes }) => attributes['pattern.kind'] === 'after_job')).toEqual([])
  })

  test('a job that fails now and then does not follow the job that always runs before it', async () => {
    const told = story()
    for (const at of days(0, 200).map((n) => n * kHour)) {
      told.started(at, 'before.service').started(at + 10)
      if ((at / kHour) % 4 === 1) told.failed(at + 12)
      else told.stopped(at + 12)
    }
    expect((await told.tell()).found.filter(({ attributes }) => attributes['pattern.kind'] === 'after_job')).toEqual([])
  })

  test('is cleared when the job runs and nothing fails any more', async () => {
    const told = withJob(follows.slice(0, 12))
    const { found } = await told.tell(40 * kDay)
    const cleared = found.filter(({ attributes }) => attributes['pattern.kind'] === 'after_job').at(-1)!
    expect(cleared.name).toBe('pattern.time_pattern.cleared')
    expect(cleared.body).toBe('a.service has not failed after backup.service for long')
  })
})

test('an hour of one day of the week, each week, is told of by its day and by its hour', async () => {
  // Sundays, 03:00 to 04:00, a few times each; summer time begins on one of them.
  const sundays = days(0, 10).map((week) => 7 * week + 6)
  const times = sundays.flatMap((day) => [0.1, 0.3, 0.9].map((part) => local(day, 3 + part * within(day + 1))))
  const { found } = await crashes(times, 7 * 10 * kDay)
  const detected = found.filter(({ name }) => name.endsWith('.detected'))
  expect(detected.map(({ attributes }) => attributes['pattern.kind']).sort()).toEqual(['day_of_week', 'hour_of_day'])
  const byDay = detected.find(({ attributes }) => attributes['pattern.kind'] === 'day_of_week')!
  expect(byDay.body).toMatch(/on Sundays?/)
  expect(byDay.attributes['pattern.time_pattern.count']).toBeLessThanOrEqual(7)
})

describe('where chance would have nothing at all', () => {
  /** Up from eight to eight, at work on these days; fails to start at these times. */
  const never = async (atWork: readonly number[], fails: readonly number[]): Promise<UnitStory> => {
    const told = story()
    for (const day of atWork) {
      told.started(local(day, 8))
      told.stopped(local(day, 20))
    }
    for (const at of fails) told.failed(at)
    return told.tell()
  }
  const hours = never(
    days(0, 20),
    days(0, 20).map((day) => local(day, 3 + within(day))),
  )
  const weekdays = never(
    days(0, 70).filter((day) => day % 7 < 5),
    days(0, 10).map((week) => local(7 * week + 6, 9 + ((week * 5) % 12))),
  )
  test.each([
    ['it never is up at that hour', hours, 'hour_of_day', 'from', /^03:/],
    ['it never is up on that day', weekdays, 'day_of_week', 'count', /\d/],
  ])('%s: a second of it is taken', async (_what, told, kind, key, value) => {
    const { found } = await told
    expect(found.map(({ attributes }) => attributes['pattern.kind'])).toContain(kind)
    const one = found.find(({ attributes }) => attributes['pattern.kind'] === kind)!
    expect(String(one.attributes[`pattern.time_pattern.${key}`])).toMatch(value)
    expect(one.attributes['pattern.time_pattern.expected_share']).toBeGreaterThan(0)
  })

  test('its job came less often once than all starts that are remembered: what was known then is told', async () => {
    const told = story().started(0)
    // Every seven hours, and half an hour later it fails; then each ten minutes; and then once more as before.
    const seldom = days(0, 12).map((n) => n * 7 * kHour)
    for (const at of seldom) told.started(at, 'backup.service')
    for (const at of seldom.slice(2)) told.crashed(at + 30 * kMinute)
    const often = days(0, 80).map((n) => 12 * 7 * kHour + n * 10 * kMinute)
    for (const at of often) told.started(at, 'backup.service')
    told.crashed(often.at(-1)! + 30 * kMinute)
    const { found } = await told.tell()
    expect(found.map(({ name }) => name.split('.').at(-1))).toEqual(['detected', 'updated'])
    const [before, now] = found.map(({ attributes }) => attributes['pattern.time_pattern.lift'])
    expect(now).toBe(before)
  })
})

test('an hour is told as it was found, also where the day with it is over before', async () => {
  const sundays = days(0, 10).map((week) => 7 * week + 6)
  const told = story().started(0)
  for (const day of sundays) for (const part of [0.1, 0.3, 0.9]) told.crashed(local(day, 3 + part * within(day + 1)))
  // At that hour, and no more on Sundays.
  for (const day of days(71, 76)) told.crashed(local(day, 3.5))
  const { found } = await told.tell(200 * kDay)
  expect(found.map(({ name, attributes }) => `${name.split('.').at(-1)} ${attributes['pattern.kind']}`)).toEqual([
    'detected hour_of_day',
    'detected day_of_week',
    'updated hour_of_day',
    'cleared day_of_week',
    'cleared hour_of_day',
  ])
  const counts = found.map(({ attributes }) => attributes['pattern.time_pattern.failures'])
  expect(counts[4]).toBe(counts[2])
})

test('a day stays what it was found to be, also where the failures went with the hour that was with it', async () => {
  // Sundays at three for eight weeks; then at any time, but once.
  const times = days(0, 20).map((week) => {
    const atThree = week < 8 || week === 9
    return local(7 * week + 6, atThree ? 3 + within(week) : 8 + ((week * 5) % 13))
  })
  const { found } = await crashes(times)
  const told = found.filter(({ attributes }) => attributes['pattern.kind'] === 'day_of_week')
  expect(told.map(({ name }) => name.split('.').at(-1))).toContain('updated')
  for (const { body } of told) expect(body).toMatch(/^a\.service fails on Sundays \(Europe\/Berlin\): \d+ of \d+ days/)
  for (const { attributes } of told) expect(attributes['pattern.time_pattern.days']).toEqual(['Sunday'])
})

describe('what was learned', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  test('outlives the agent: hours, days and jobs', async () => {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-time-'))
    folders.push(stateDirectory)
    let found: readonly string[] = []
    for (const day of days(0, 12)) {
      const told = story({}, { stateDirectory }, kMondayMs + day * kDay * 1000)
      await told.processor.start(new TestHost())
      if (day === 0) told.started(0)
      told.started(1, 'other.service')
      told.started(3 * kHour, 'dump.service')
      told.crashed(3 * kHour + 10 * kMinute + within(day) * 50)
      await told.tell(23.9 * kHour)
      found = [...found, ...told.found.map(({ name, attributes }) => `${name} ${String(attributes['pattern.kind'])}`)]
      await told.processor.shutdown()
    }
    expect(found).toContain('pattern.time_pattern.detected hour_of_day')
    expect(found).toContain('pattern.time_pattern.detected after_job')
    expect(found.filter((line) => line.startsWith('pattern.time_pattern.detected'))).toHaveLength(2)
  })
})

describe('a state that cannot be', () => {
  const detector = () =>
    new TimePatternDetector(
      { timeZone: 'UTC', falseAlarmRate: 1e-4, minFailures: 5, maxLagMs: 1000, maxJobs: 4, maxUnits: 4 },
      {
        tell() {},
        unixNano: (atMs) => BigInt(Math.round(atMs)) * 1_000_000n,
        steadyMs: (unixNano) => Number(unixNano) / 1e6,
        quiet: () => undefined,
        quietUntilMs: (_unit, atMs) => atMs,
        evicted() {},
        lacks() {},
        random: () => 0,
      },
    )
  const unit = {
    key: 'a',
    name: 'a.service',
    resource: { key: 'a', attributes: {} },
    isUp: true,
    sawRuns: true,
    born: 1,
    exposure: new Array(168).fill(0),
    failures: [1],
    moments: [[1, 2]],
    runs: [],
    after: {},
    open: {},
  }
  const open = { fits: 5, toldFits: 5, usualGapMs: 1, leastSilenceMs: 1, lastFit: 1 }

  const hour = {
    fromHour: 3,
    untilHour: 4,
    meanHour: 3.5,
    resultantLength: 0.9,
    count: 5,
    failures: 6,
    share: 0.04,
    pValue: 1e-5,
  }
  const withHour = (detail: object, more = {}) => ({
    jobs: [],
    units: [{ ...unit, ...more, open: { hour_of_day: { ...open, detail: { ...hour, ...detail } } } }],
  })
  const controls = (after: readonly number[]) => ({ after: { 'b.service': { lags: [1], controls: after, start: 1 } } })

  test.each([
    ['one of nothing', { units: [unit], jobs: [] }],
    ['one with a pattern and a job', withHour({}, controls([-1, 1, 2, 5]))],
  ])('%s is read', (_what, saved) => expect(() => atOnce(detector().restore(saved))).not.toThrow())

  test.each([
    ['nothing', undefined],
    ['no units', { jobs: [] }],
    ['a unit without a name', { jobs: [], units: [{ ...unit, name: 1 }] }],
    ['a week of six days', { jobs: [], units: [{ ...unit, exposure: new Array(144).fill(0) }] }],
    ['a time that is none', { jobs: [], units: [{ ...unit, failures: ['yesterday'] }] }],
    ['a moment that is none', { jobs: [], units: [{ ...unit, moments: [[1, null]] }] }],
    ['a kind that does not exist', { jobs: [], units: [{ ...unit, open: { moon: { ...open, detail: {} } } }] }],
    ['an hour of no time at all', withHour({ share: 0 })],
    ['an hour with less of it than can be told', withHour({ share: 5e-324 })],
    ['an hour without a failure', withHour({ failures: 0 })],
    ['failures that agree more than wholly', withHour({ resultantLength: 1e308 })],
    ['a moment that took no time', withHour({}, controls([1, 0]))],
    ['a pattern without words', { jobs: [], units: [{ ...unit, open: { hour_of_day: { ...open, detail: {} } } }] }],
  ])('%s is refused', (_what, saved) => expect(() => atOnce(detector().restore(saved))).toThrow())
})

test('a zone that does not exist is an error of the configuration', () => {
  expect(factory.check(createTestConfig(schema, { time_zone: 'Mars/Olympus' }))).toEqual([
    { path: ['time_zone'], reason: 'is no time zone such as Europe/Berlin' },
  ])
  expect(factory.check(createTestConfig(schema, { max_lag: '0s' }))).toHaveLength(1)
  expect(factory.check(createTestConfig(schema, {}))).toEqual([])
})

test('units are forgotten before memory grows', async () => {
  const told = story({ max_units: 2 })
  for (const n of days(0, 5)) told.failed(n, `unit-${n}.service`)
  await told.tell()
  expect(told.evicted).toBe(3)
  expect(told.found.every(({ attributes }) => attributes[attr.unit] !== '')).toBe(true)
})
