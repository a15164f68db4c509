import { describe, expect, it } from 'vitest'
import { ResourcePool } from '../../../../src/data/resource.js'
import { attr, metric } from '../../../../src/lib/systemd/names.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { timedPoints } from '../../../support/timed-points.js'
import { brief, feedAll, metricsOf, newTracker, Script } from './script.js'

/** `systemd-run --collect false`: a unit of a name of its own that fails and is unloaded. */
const failsOnce = (name: string): Script =>
  new Script(name)
    .start(1, 'a')
    .u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:1' })
    .u('inactive/dead')
    .unitRemoved()

const small = (limits: { maxUnits?: number; maxRemembered?: number }) =>
  new UnitTracker({ scope: 'system', resources: new ResourcePool(), ...limits })

const failures = (tracker: UnitTracker, unit: string, nowNs = 9n ** 20n) =>
  metricsOf(tracker, nowNs)
    .filter((one) => one.name === metric.failures && one.resource.attributes[attr.unit] === unit)
    .flatMap(timedPoints)

describe('units of names that never come back', () => {
  it('do not make it blind, however many they are', () => {
    const tracker = small({ maxUnits: 3, maxRemembered: 2 })
    for (let i = 0; i < 100; i++) feedAll(tracker, failsOnce(`run-${i}.service`).records)
    expect(feedAll(tracker, new Script('new.service').start(1, 'a').records).map(brief)).toContain('started a')
    expect(tracker.untracked).toBe(0)
    expect([tracker.size, tracker.remembered, tracker.forgotten]).toEqual([1, 2, 98])
  })

  it('give up their counters for those of later ones, the one that was gone longest first', () => {
    const tracker = small({ maxRemembered: 2 })
    for (const name of ['a.service', 'b.service', 'a.service', 'c.service']) feedAll(tracker, failsOnce(name).records)
    const counts = ['a', 'b', 'c'].map((name) => failures(tracker, `${name}.service`).map(({ value }) => value))
    expect(counts).toEqual([[2], [], [1]])
    expect(tracker.forgotten).toBe(1)
  })

  it('start their counters anew, from a later moment, when they come back after they were forgotten', () => {
    const tracker = small({ maxRemembered: 1 })
    feedAll(tracker, failsOnce('a.service').records)
    const [before] = failures(tracker, 'a.service')
    const later = failsOnce('b.service').records.map((one) => ({ ...one, realtimeNs: one.realtimeNs + 10n ** 9n }))
    feedAll(tracker, later)
    feedAll(tracker, failsOnce('a.service').records)
    const [after] = failures(tracker, 'a.service')
    expect([before!.value, after!.value]).toEqual([1, 1])
    expect(after!.startTimeUnixNano).toBe(later.at(-1)!.realtimeNs)
    expect(after!.startTimeUnixNano! > before!.startTimeUnixNano!).toBe(true)
  })

  it('are in no collection once they were forgotten, by default after 4096 others', () => {
    const tracker = newTracker()
    for (let i = 0; i < 5000; i++) feedAll(tracker, failsOnce(`run-${i}.service`).records)
    // Once each says that it is failed no more.
    expect(metricsOf(tracker, 1n).length).toBe(2 * 4096 + 1)
    expect(metricsOf(tracker, 1n).length).toBe(4096 + 1)
    expect(tracker.forgotten).toBe(5000 - 4096)
  })
})

describe('the end of a job', () => {
  it('of a unit that is not loaded is told, and nothing is kept for it', () => {
    const tracker = newTracker()
    const told = feedAll(tracker, new Script('gone.service').jobRemoved(7, 'canceled').records)
    expect(told.map(brief)).toEqual(['job.finished - canceled canceled'])
    expect([tracker.size, tracker.remembered]).toEqual([0, 0])
  })
})

describe('more loaded units than are followed', () => {
  const up = { ...unloadedState, activeState: 'active', subState: 'running' }
  const full = (): UnitTracker => {
    const tracker = small({ maxUnits: 1 })
    tracker.seed([{ name: 'first.service', state: up }], 1n)
    for (let again = 0; again < 3; again++) feedAll(tracker, new Script('more.service').u('active/running').records)
    return tracker
  }

  it('are counted, each once', () => expect(full().untracked).toBe(1))

  it('are not any more when systemd has unloaded them', () => {
    const tracker = full()
    feedAll(tracker, new Script('more.service').unitRemoved().records)
    expect(tracker.untracked).toBe(0)
  })

  it('are not any more when systemd no longer lists them', () => {
    const tracker = full()
    tracker.missing([])
    expect(tracker.untracked).toBe(0)
  })

  it('are followed as soon as there is room', () => {
    const tracker = full()
    feedAll(tracker, new Script('first.service').unitRemoved().records)
    feedAll(tracker, new Script('more.service').u('active/running').records)
    expect([tracker.size, tracker.untracked]).toEqual([1, 0])
  })
})

describe('cumulative sums', () => {
  it('all say since when', () => {
    const tracker = newTracker()
    tracker.seed([{ name: 'a.service', state: unloadedState }], 5n)
    feedAll(tracker, failsOnce('b.service').records)
    const sums = metricsOf(tracker, 10n).filter((one) => one.type === 'sum')
    expect(new Set(sums.map(({ name }) => name))).toEqual(new Set([metric.unitState, metric.restarts, metric.failures]))
    for (const sum of sums) for (const point of timedPoints(sum)) expect(point).toMatchObject({ startTimeUnixNano: 5n })
  })
})
