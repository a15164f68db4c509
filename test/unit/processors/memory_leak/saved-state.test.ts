import fc from 'fast-check'
import { expect, test } from 'vitest'
import { detectionEvent } from '../../../../src/lib/patterns/detection-event.js'
import type { Detection, Unit, UnitSignal } from '../../../../src/lib/patterns/detector.js'
import { savedText } from '../../../../src/lib/patterns/saved-state.js'
import { attr, metric, event as names } from '../../../../src/lib/systemd/names.js'
import { MemoryLeakDetector } from '../../../../src/processors/memory_leak/detector.js'
import { factory } from '../../../../src/processors/memory_leak/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { sampleEvent, sampleGauge, sampleResource } from '../../../../src/testkit/sample.js'
import { atOnce } from '../../../../src/util/pausable.js'
import { standAlone } from '../../lib/patterns/alone.js'
import { expectPlain, type Json, mutated, valueAt, withValue } from '../../lib/patterns/mutated.js'

// A state file may come from anywhere: it is refused whole, or leads to a detector that is none the worse for it.

const kStartMs = 1_700_000_000_000
const kMinuteMs = 60_000
const kHourMs = 60 * kMinuteMs
const mebibyte = 2 ** 20

/** A detector and what it tells; steady time is the clock's. */
function watched() {
  const told: Detection[] = []
  const context = standAlone(told)
  const config = createTestConfig(factory.configSchema, { host_memory: '16GiB', max_units: 8 })
  const detector = new MemoryLeakDetector(config as never, context)
  const units = new Map<string, Unit>()

  function read(name: string, atMs: number, held: number, tasks: number, run: string): void {
    const resource = sampleResource(name)
    const unit = units.get(name) ?? { key: resource.key, name, resource }
    units.set(name, unit)
    const timeUnixNano = context.unixNano(atMs)
    const point = (value: number, attributes = {}) => ({ attributes, timeUnixNano, value })
    const exemplars = [{ timeUnixNano, value: held, traceId: run }]
    for (const [metricName, points] of [
      [metric.memoryUsage, [{ ...point(held), exemplars }]],
      [metric.memoryLimit, [point(512 * mebibyte)]],
      [metric.memoryStat, [point(held, { 'systemd.memory.kind': 'anon' })]],
      [metric.pids, [point(tasks)]],
      [metric.pidsLimit, [point(4000)]],
    ] as const)
      detector.sample(unit, sampleGauge([], { name: metricName, points: [...points], resource }), atMs)
  }
  const elapse = (nowMs: number): void => {
    if (detector.dueMs !== undefined && detector.dueMs <= nowMs) detector.elapse(nowMs)
  }
  return {
    detector,
    told,
    save: () => [...savedText(detector.save())].join(''),
    /** Hours in which one unit leaks memory, one tasks, and one nothing. */
    live(fromMs: number, untilMs: number, run = 'a'.repeat(32)): void {
      for (let atMs = fromMs; atMs < untilMs; atMs += kMinuteMs) {
        elapse(atMs)
        const minutes = (atMs - kStartMs) / kMinuteMs
        read('leak.service', atMs, 100 * mebibyte + minutes * 1.2 * mebibyte, 5, run)
        read('tasks.service', atMs, 50 * mebibyte, 20 + Math.floor(minutes * 10), run)
        read('good.service', atMs, 50 * mebibyte + (minutes % 7) * 4096, 5, run)
      }
    },
    stop(name: string, atMs: number): void {
      const unit = units.get(name)!
      const event = sampleEvent({ name: names.stopped, attributes: { [attr.unit]: name } })
      const signal: UnitSignal = {
        kind: 'stopped',
        unit,
        atMs,
        invocationId: '',
        auto: false,
        how: '',
        quiet: undefined,
        event,
      }
      detector.signal(signal)
    },
    elapse,
  }
}

const kSavedMs = kStartMs + 6 * kHourMs

/** A state with growth that is open, of both quantities, and with runs that went before. */
function goodState(): string {
  const first = watched()
  first.live(kStartMs, kStartMs + kHourMs)
  first.live(kStartMs + kHourMs, kSavedMs, 'b'.repeat(32))
  expect(first.told.map(({ kind, phase }) => `${kind} ${phase}`)).toEqual(
    expect.arrayContaining(['memory detected', 'tasks detected']),
  )
  return first.save()
}
const good = goodState()

test('what was saved is read back, and saved again the same', () => {
  const second = watched()
  atOnce(second.detector.restore(JSON.parse(good)))
  expect(second.detector.open).toBe(2)
  expect(JSON.parse(second.save())).toEqual(JSON.parse(good))
})

test('whatever is changed in it, it is refused whole, or all that is told, and saved, is sane', () => {
  let refused = 0
  let taken = 0
  fc.assert(
    fc.property(mutated(JSON.parse(good)), (state) => {
      const one = watched()
      try {
        atOnce(one.detector.restore(state))
      } catch {
        refused++
        expect([one.detector.open, [...one.detector.save().units].length]).toEqual([0, 0])
        return
      }
      taken++
      expect([...one.detector.save().units].length).toBeLessThanOrEqual(8)
      one.live(kSavedMs, kSavedMs + 90 * kMinuteMs, 'b'.repeat(32))
      one.stop('tasks.service', kSavedMs + 90 * kMinuteMs)
      // Nothing that is open outlives a day without readings.
      for (let hours = 2; hours < 26; hours++) one.elapse(kSavedMs + hours * kHourMs)
      expect(one.detector.open).toBe(0)
      expect(one.told.length).toBeLessThan(40)
      for (const detection of one.told) {
        expect(detection.atMs).toBeGreaterThan(kSavedMs - 24 * kHourMs)
        const event = detectionEvent('memory_leak', detection, BigInt(Math.round(detection.atMs * 1000)) * 1000n)
        expectPlain(event)
      }
      const again = watched()
      atOnce(again.detector.restore(JSON.parse(one.save())))
    }),
    { numRuns: 400 },
  )
  // Both ways are gone.
  expect(refused).toBeGreaterThan(40)
  expect(taken).toBeGreaterThan(5)
})

/** The same with all times, or those of the names given, so much later. */
function later(state: Json, usec: number, names = /[uU]sec$/): Json {
  if (typeof state !== 'object' || state === null) return state
  if (Array.isArray(state)) return state.map((one) => later(one, usec, names))
  const moved = ([key, one]: [string, Json]): [string, Json] =>
    typeof one === 'number' && names.test(key) ? [key, one + usec] : [key, later(one, usec, names)]
  return Object.fromEntries(Object.entries(state as Readonly<Record<string, Json>>).map(moved))
}

test.each([
  ['all', /[uU]sec$/],
  // That is when the unit was read, and when its run was first judged.
  ['two of its times', /^(seenUsec|usec)$/],
])('what was kept by an agent whose clock was 60 years ahead is begun anew: %s', (_, names) => {
  const one = watched()
  atOnce(one.detector.restore(later(JSON.parse(good), 60 * 366 * 24 * kHourMs * 1000, names)))
  one.live(kSavedMs, kSavedMs + 90 * kMinuteMs, 'b'.repeat(32))
  const again = watched()
  atOnce(again.detector.restore(JSON.parse(one.save())))
  expect(again.detector.open).toBe(one.detector.open)
  for (let hours = 2; hours < 26; hours++) one.elapse(kSavedMs + hours * kHourMs)
  expect(one.detector.open).toBe(0)
})

const first = JSON.parse(good).units[0]
const memory = ['units', '0', 'memory']

test.each<[what: string, path: readonly string[], value: Json]>([
  ['with a unit twice', ['units', '1'], first],
  ['with a run that is no trace ID', ['units', '0', 'run'], 'x'],
  ['with a resource that is none', ['units', '0', 'resource'], {}],
  ['with a time that is none', ['units', '0', 'seenUsec'], -1],
  ['with a start that has not been yet', [...memory, 'startUsec'], first.seenUsec + 4e9],
  ['with more runs than are kept', [...memory, 'earlier', 'runs'], Array(7).fill(first.memory.earlier.runs[0])],
  ['with a negative rate', [...memory, 'open', 'told', 'slope'], -1],
  ['with a chance above 1', [...memory, 'open', 'latest', 'pValue'], 1.5],
  ['with a level that there is not', [...memory, 'open', 'level'], 6],
  ['with a growth that ends too soon', ['units', '1', 'tasks', 'open', 'told', 'toLimit', 'latestMs'], 0],
  ['with nothing for a unit', ['units', '2'], null],
  ['without units', ['units'], null],
])('a state %s is refused', (_, path, value) => {
  const { detector } = watched()
  expect(valueAt(JSON.parse(good), path)).toBeDefined()
  expect(() => atOnce(detector.restore(withValue(JSON.parse(good), path, value)))).toThrow()
  expect(detector.open).toBe(0)
})
