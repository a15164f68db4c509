import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Unit } from '../../../../src/lib/patterns/detector.js'
import { attr, metric } from '../../../../src/lib/systemd/names.js'
import { MemoryLeakDetector } from '../../../../src/processors/memory_leak/detector.js'
import { factory } from '../../../../src/processors/memory_leak/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { sampleGauge, sampleResource } from '../../../../src/testkit/sample.js'
import { standAlone } from '../../lib/patterns/alone.js'
import { kHour, kMinute, kStartS, mebibyte, story } from './story.js'

const limit = 512 * mebibyte
const rate = (1.2 * mebibyte) / kMinute
/** From 100 MiB on, below the teeth of a collector. */
const leak =
  (fromS = 0) =>
  (atS: number) => ({
    held: 100 * mebibyte + rate * (atS - fromS) + 30 * mebibyte * ((atS % 300) / 300),
    limit,
  })

describe('a leak', () => {
  test('is told of once, in words and numbers, while there is time to act', async () => {
    const { live, found, run } = await story()
    await live(0, 4.6 * kHour, leak())
    const [event, ...more] = found().filter(({ name }) => name === 'pattern.memory_leak.detected')
    expect(more).toEqual([])
    const attributes = event!.attributes
    expect(event!.traceId).toBe(run())
    expect(attributes).toMatchObject({
      'pattern.kind': 'memory',
      'pattern.memory_leak.limit': limit,
      'pattern.memory_leak.limit_kind': 'max',
      'pattern.memory_leak.reason': 'near_limit',
    })
    const slope = Number(attributes['pattern.memory_leak.slope'])
    expect(Math.abs(slope / rate - 1)).toBeLessThan(0.05)
    expect(Number(attributes['pattern.memory_leak.slope_low'])).toBeLessThanOrEqual(slope)
    expect(Number(attributes['pattern.memory_leak.slope_high'])).toBeGreaterThanOrEqual(slope)
    expect(Number(attributes['pattern.memory_leak.p_value'])).toBeLessThan(1e-3)
    // The peaks meet the limit when the line is 30 MiB below it.
    const atS = Number(event!.timeUnixNano) / 1e9 - kStartS
    const trueS = (382 * mebibyte) / rate - atS
    expect(trueS).toBeGreaterThan(kHour)
    expect(Number(attributes['pattern.memory_leak.time_to_limit_low'])).toBeLessThan(trueS)
    expect(Number(attributes['pattern.memory_leak.time_to_limit_high'])).toBeGreaterThan(trueS)
    const expectedS = Number(attributes['pattern.memory_leak.next_expected_usec']) / 1e6 - kStartS
    expect(Math.abs(expectedS - atS - Number(attributes['pattern.memory_leak.time_to_limit']))).toBeLessThan(1)
    expect(event!.body).toMatch(
      /^memory of web\.service has grown by 1\.2 MiB\/min for 4h\d+m, from 1\d\d MiB to 4\d\d MiB; its limit of 512 MiB is reached in about 1h\d+m$/,
    )
  })

  test('is told of again when half of the time is gone', async () => {
    const { live, found } = await story()
    await live(0, 5.3 * kHour, leak())
    const left = found().map(({ attributes }) => Number(attributes['pattern.memory_leak.time_to_limit']))
    expect(left.length).toBeGreaterThan(2)
    for (let n = 1; n < left.length; n++) expect(left[n]).toBeLessThanOrEqual(left[n - 1]! / 2)
  })

  test('without a limit in sight is one when a day has gone by', async () => {
    const { live, found } = await story()
    await live(0, 23 * kHour, (atS) => ({ held: 100 * mebibyte + atS * 1000 }), 60)
    expect(found()).toEqual([])
    await live(23 * kHour, 27 * kHour, (atS) => ({ held: 100 * mebibyte + atS * 1000 }), 60)
    expect(found()).toHaveLength(1)
    expect(found()[0]!.attributes).toMatchObject({
      'pattern.memory_leak.reason': 'long',
      'pattern.memory_leak.limit_kind': 'host',
    })
  })

  test('that begins again after each kill is known for it: sooner, surer, with the runs before', async () => {
    const { live, tell, nextRun, found, phases } = await story()
    const kRun = 50 * kMinute
    for (let n = 0; n < 5; n++) {
      const from = n * (kRun + 20)
      await live(from, from + kRun, (atS) => ({
        held: 100 * mebibyte + 7 * rate * (atS - from),
        limit: 900 * mebibyte,
      }))
      await tell('failed', from + kRun, { [attr.result]: 'oom-kill', [attr.verdict]: 'will_restart' })
      nextRun()
    }
    expect(phases()[0]).toBe('memory detected')
    expect(phases().filter((phase) => phase === 'memory cleared')).toEqual([])
    const last = found().at(-1)!
    expect(last.attributes['pattern.memory_leak.alike_runs']).toBeGreaterThan(1)
    expect(last.attributes['pattern.runs']).toHaveLength(Number(last.attributes['pattern.memory_leak.alike_runs']) + 1)
    expect(last.attributes['pattern.confidence']).toBeGreaterThan(Number(found()[0]!.attributes['pattern.confidence']))
    expect(last.body).toMatch(/, as in \d earlier runs;/)
  })

  test('in swap, and above MemoryHigh= before MemoryMax=, is one', async () => {
    const { live, found } = await story()
    const swapped = (atS: number) => ({
      held: 100 * mebibyte,
      swap: rate * atS,
      limit,
      high: 400 * mebibyte,
    })
    await live(0, 4 * kHour, swapped)
    expect(found()[0]!.attributes).toMatchObject({
      'pattern.memory_leak.limit': 400 * mebibyte,
      'pattern.memory_leak.limit_kind': 'high',
    })
    expect(found()[0]!.body).toContain('MemoryHigh= of 400 MiB')
  })

  test.each([
    ['lower than its own', limit, 400 * mebibyte, 'slice', "its slice's limit of 400 MiB"],
    ['of a unit without one', undefined, 512 * mebibyte, 'slice', "its slice's limit of 512 MiB"],
    ['that was lifted', limit, undefined, 'max', 'its limit of 512 MiB'],
  ])('that meets the limit of a slice %s is told by that', async (_, own, slice, kind, words) => {
    const { live, found } = await story()
    const reading = (sliceLimit: number | undefined) => (atS: number) => ({
      held: 100 * mebibyte + rate * atS,
      ...(own === undefined ? {} : { limit: own }),
      ...(sliceLimit === undefined ? {} : { sliceLimit }),
    })
    await live(0, kHour, reading(200 * mebibyte))
    await live(kHour, 4.6 * kHour, reading(slice))
    expect(found()[0]!.attributes).toMatchObject({ 'pattern.memory_leak.limit_kind': kind })
    expect(found()[0]!.body).toContain(words)
  })

  test('of tasks in a slice with fewer is told by its limit', async () => {
    const { live, found } = await story()
    const reading = (atS: number) => ({
      held: 1,
      tasks: 20 + Math.floor(atS / 90),
      tasksLimit: 4000,
      tasksSliceLimit: 400,
    })
    await live(0, 9 * kHour, reading)
    expect(found()[0]!.attributes).toMatchObject({
      'pattern.memory_leak.limit': 400,
      'pattern.memory_leak.limit_kind': 'slice',
    })
  })

  test('of tasks is told as one of tasks', async () => {
    const { live, found, phases } = await story()
    await live(0, 9 * kHour, (atS) => ({
      held: 100 * mebibyte,
      tasks: 20 + Math.floor(atS / 90),
      tasksLimit: 400,
    }))
    expect(phases()[0]).toBe('tasks detected')
    expect(found()[0]!.body).toMatch(/^tasks of web\.service have grown by \d+ tasks\/h/)
    expect(found()[0]!.attributes).toMatchObject({ 'pattern.memory_leak.limit': 400 })
  })
})

describe('no leak', () => {
  test.each([
    ['teeth of a collector', (atS: number) => ({ held: 100 * mebibyte + 80_000 * (atS % 3000), limit })],
    [
      'a page cache that fills',
      (atS: number) => ({ held: 100 * mebibyte, file: Math.min(20_000 * atS, limit), limit }),
    ],
    ['a warm-up', (atS: number) => ({ held: mebibyte * (100 + 300 * (1 - Math.exp(-atS / 3600))), limit })],
    ['a heap that grows to its size', (atS: number) => ({ held: mebibyte * (60 + Math.min(atS / 18, 250)), limit })],
    ['a start near the limit', () => ({ held: 500 * mebibyte, limit })],
    ['memory that is given back', (atS: number) => ({ held: mebibyte * (400 - Math.min(atS / 60, 200)), limit })],
    [
      'what comes back to where it was',
      (atS: number) => ({ held: mebibyte * (atS < 3600 ? 400 : 100 + Math.min((atS - 3600) / 72, 290)), limit }),
    ],
  ])('is %s', async (_, reading) => {
    const { live, found } = await story()
    await live(0, 12 * kHour, reading, 30)
    expect(found()).toEqual([])
  })

  test('is what a slice holds, which is told of the services in it; nor what is excluded', async () => {
    const { processor, found, live } = await story({ exclude: ['web.*'] })
    await live(0, 5 * kHour, leak())
    expect(found()).toEqual([])
    await processor.shutdown()
  })
})

describe('a growth ends', () => {
  const until = 4.5 * kHour

  test('when it stands still for as long as half of it took', async () => {
    const { live, phases, found } = await story()
    await live(0, until, leak())
    const { held } = leak()(until)
    await live(until, until + 5 * kHour, () => ({ held, limit }))
    expect(phases().at(-1)).toBe('memory cleared')
    expect(found().at(-1)!.attributes['pattern.memory_leak.ending']).toBe('stopped_growing')
    expect(found().at(-1)!.body).toMatch(/^memory of web\.service no longer grows; \d+ MiB at the end$/)
  })

  test('when memory is given back', async () => {
    const { live, found } = await story()
    await live(0, until, leak())
    await live(until, until + kHour, () => ({ held: 120 * mebibyte, limit }))
    expect(found().at(-1)!.attributes['pattern.memory_leak.ending']).toBe('freed')
  })

  test('when the unit is stopped', async () => {
    const { live, tell, found } = await story()
    await live(0, until, leak())
    await tell('stopped', until)
    expect(found().at(-1)!.attributes['pattern.memory_leak.ending']).toBe('stopped')
    expect(found().at(-1)!.name).toBe('pattern.memory_leak.cleared')
  })

  test('when the unit is no longer read, and nobody said that it stopped: half an hour after the last reading', async () => {
    const { live, readOf, found } = await story()
    await live(0, until, leak())
    const lastS = until - 20
    await readOf('other.service', lastS + 29 * kMinute)
    expect(found().at(-1)!.name).not.toBe('pattern.memory_leak.cleared')
    await readOf('other.service', lastS + 40 * kMinute)
    const event = found().at(-1)!
    expect(event.attributes['pattern.memory_leak.ending']).toBe('gone')
    expect(Number(event.timeUnixNano) / 1e9 - kStartS).toBe(lastS + 30 * kMinute)
    expect(event.body).toMatch(/^memory of web\.service is no longer measured: the unit is gone; \d+ MiB at the end$/)
    expect(event.resource.key).toBe(sampleResource('web.service').key)
    await readOf('other.service', until + 3 * kHour)
    expect(found().at(-1)).toBe(event)
  })

  test('when the next run shows that it is gone; not when it was only restarted', async () => {
    const { live, nextRun, phases } = await story()
    await live(0, until, leak())
    nextRun()
    await live(until, until + kHour, leak(until))
    expect(phases().at(-1)).not.toBe('memory cleared')
    nextRun()
    await live(until + kHour, until + 9 * kHour, () => ({ held: 100 * mebibyte, limit }))
    expect(phases().at(-1)).toBe('memory cleared')
  })
})

test('without memory.stat it says what to switch on, and takes no page cache for a leak', async () => {
  const { live, host, found } = await story()
  await live(0, kHour, (atS) => ({ held: 100 * mebibyte, file: 50_000 * atS, limit, stat: false }))
  expect(host.last).toMatchObject({
    state: 'degraded',
    reason: expect.stringContaining('metrics: {memory_stat: true}'),
  })
  expect(found()).toEqual([])
  await live(kHour, 5 * kHour, leak())
  expect(host.last).toEqual({ state: 'ok' })
  expect(found()).not.toEqual([])
})

describe('an agent that is restarted', () => {
  const folders: string[] = []
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true })
  })
  const folder = (): string => {
    folders.push(mkdtempSync(join(tmpdir(), 'unitscope-leak-')))
    return folders.at(-1)!
  }

  test('goes on with what it knew: the same leak is not told of twice', async () => {
    const stateDirectory = folder()
    const first = await story({}, { stateDirectory })
    await first.live(0, 4.5 * kHour, leak())
    expect(first.phases()[0]).toBe('memory detected')
    await first.processor.shutdown()
    const second = await story({}, { stateDirectory })
    await second.live(4.5 * kHour, 4.7 * kHour, leak())
    expect(second.phases().filter((phase) => phase === 'memory detected')).toEqual([])
    await second.tell('stopped', 4.7 * kHour)
    expect(second.phases().at(-1)).toBe('memory cleared')
    await second.processor.shutdown()
  })

  test('ends the growth of a unit that is not there any more, once it has watched for half an hour', async () => {
    const stateDirectory = folder()
    const first = await story({}, { stateDirectory })
    await first.live(0, 4.5 * kHour, leak())
    await first.processor.shutdown()
    const second = await story({}, { stateDirectory })
    await second.readOf('other.service', 9 * kHour)
    await second.readOf('other.service', 9 * kHour + 29 * kMinute)
    expect(second.found()).toEqual([])
    await second.readOf('other.service', 9 * kHour + 31 * kMinute)
    const [event] = second.found()
    expect(event!.attributes['pattern.memory_leak.ending']).toBe('gone')
    expect(event!.resource).toEqual(first.found()[0]!.resource)
    await second.processor.shutdown()
  })

  test('knows a growth that it had only begun to see', async () => {
    const stateDirectory = folder()
    const first = await story({}, { stateDirectory })
    await first.live(0, 3 * kHour, leak())
    expect(first.found()).toEqual([])
    await first.processor.shutdown()
    const second = await story({}, { stateDirectory })
    await second.live(3 * kHour + 60, 4.7 * kHour, leak())
    expect(second.phases()[0]).toBe('memory detected')
    await second.processor.shutdown()
  })

  test('sees the same growth though the clock was set between its beginning and the restart', async () => {
    const growth = leak()
    const whole = await story()
    await whole.live(0, 4.7 * kHour, growth)
    const [expected] = whole.found()

    const stateDirectory = folder()
    const first = await story({}, { stateDirectory })
    await first.live(0, kHour, growth)
    first.setClock(3 * kHour)
    await first.live(kHour, 3 * kHour, growth)
    await first.processor.shutdown()
    const second = await story({}, { stateDirectory }, 3 * kHour)
    await second.live(3 * kHour, 4.7 * kHour, growth)
    const [found] = second.found()
    const value = (event: typeof found, name: string): number =>
      Number(event!.attributes[`pattern.memory_leak.${name}`])
    expect(Math.abs(value(found, 'slope') / rate - 1)).toBeLessThan(0.05)
    // In windows of the clock that was set they begin elsewhere: a window more or less.
    expect(Math.abs(value(found, 'duration') - value(expected, 'duration'))).toBeLessThan(0.1 * kHour)
    const atS = Number(found!.timeUnixNano - expected!.timeUnixNano) / 1e9 - 3 * kHour
    expect(Math.abs(atS)).toBeLessThan(0.1 * kHour)
    await second.processor.shutdown()
  })

  test('with windows of another width keeps what is open, and learns the rest anew', async () => {
    const stateDirectory = folder()
    const first = await story({}, { stateDirectory })
    await first.live(0, 4.5 * kHour, leak())
    await first.processor.shutdown()
    const second = await story({ window: '2m' }, { stateDirectory })
    expect((second.telemetry.errors.get('state_damaged') ?? 0) === 0).toBe(true)
    await second.live(4.5 * kHour, 8 * kHour, () => ({ held: 120 * mebibyte, limit }))
    expect(second.phases().at(-1)).toBe('memory cleared')
    await second.processor.shutdown()
  })
})

test('a unit that was not read for a day is forgotten when a new one comes', () => {
  const context = standAlone()
  const detector = new MemoryLeakDetector(createTestConfig(factory.configSchema) as never, context)
  // One object for each unit, as the processor has it.
  const units = new Map<string, Unit>()
  const read = (name: string, hours: number): void => {
    const unit = units.get(name) ?? { key: name, name, resource: sampleResource(name) }
    units.set(name, unit)
    const anon = { attributes: { 'systemd.memory.kind': 'anon' }, timeUnixNano: 1n, value: 1 }
    detector.sample(unit, sampleGauge([], { name: metric.memoryStat, points: [anon] }), hours * 3_600_000)
  }
  const known = () => Array.from(detector.save().units as Iterable<{ key: string }>, ({ key }) => key)
  read('web.service', 1)
  read('run-1.service', 2)
  read('web.service', 20)
  read('run-2.service', 25)
  expect(known()).toEqual(['run-1.service', 'web.service', 'run-2.service'])
  read('run-3.service', 27)
  expect(known()).toEqual(['web.service', 'run-2.service', 'run-3.service'])
  // What is read alone, and all the time, is not.
  for (let hours = 27; hours < 60; hours++) read('run-3.service', hours)
  read('run-4.service', 60)
  expect(known()).toEqual(['run-3.service', 'run-4.service'])
})

test('the same readings give the same findings', async () => {
  const texts: string[] = []
  for (let n = 0; n < 2; n++) {
    const { live, found } = await story()
    await live(0, 5 * kHour, leak())
    texts.push(JSON.stringify(found(), (_, value) => (typeof value === 'bigint' ? String(value) : value)))
  }
  expect(texts[0]).toBe(texts[1])
})

test.each([
  [{ window: '500ms' }, 'from 1s to 1h'],
  [{ min_duration: '5m' }, '8 times `window`'],
  [{ long: '10m' }, 'shorter than `min_duration`'],
])('%o is refused: %s', (written, reason) => {
  const complaints = factory.check(createTestConfig(factory.configSchema, written) as never)
  expect(complaints.map((complaint) => complaint.reason).join()).toContain(reason)
})
