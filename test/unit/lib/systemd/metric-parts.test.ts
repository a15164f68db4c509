import { expect, test } from 'vitest'
import { metric } from '../../../../src/lib/systemd/names.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import { timedPoints } from '../../../support/timed-points.js'
import { feedAll, newTracker, Script } from './script.js'

// A turn of the event loop makes one part, so its size is what a large host costs everything else.

const kUnits = 10_000
const seeded = () => {
  const tracker = newTracker()
  const state = { ...unloadedState, activeState: 'active', subState: 'running', activeEnterUsec: 1 }
  const units = Array.from({ length: kUnits }, (_, n) => ({ name: `u${n}.service`, state }))
  tracker.seed(units, 1n)
  return tracker
}

test('metrics of 10,000 units come in parts of some 1,000 points, every unit in exactly one', () => {
  const units: string[] = []
  for (const part of seeded().series.collect(() => 2n)) {
    let points = 0
    for (const one of part) points += one.points.length
    expect(points).toBeLessThan(1024 + 40)
    for (const one of part) if (one.name === metric.unitState) units.push(one.resource.key)
  }
  expect(units).toHaveLength(kUnits)
  expect(new Set(units).size).toBe(kUnits)
})

test('a part is made when it is asked for: it shows what happened since the one before, and says when it was read', () => {
  const tracker = seeded()
  let nowNs = 10n
  const parts = tracker.series.collect(() => nowNs)
  parts.next()
  nowNs = 20n
  feedAll(tracker, new Script(`u${kUnits - 1}.service`).u('failed/failed', { result: 'exit-code' }).records)
  feedAll(tracker, new Script('new.service').start(1, 'a').records)
  const rest = [...parts].flat()
  const states = rest.filter(({ name }) => name === metric.unitState)
  expect(states.at(-1)!.resource.attributes['service.name']).toBe(`u${kUnits - 1}.service`)
  const now = timedPoints(states.at(-1)!).filter(({ value }) => value === 1)
  expect(now).toMatchObject([{ attributes: { 'systemd.unit.active_state': 'failed' }, timeUnixNano: 20n }])
})

test('how many units are in which state is of one moment, the beginning', () => {
  const tracker = seeded()
  const [first = []] = tracker.series.collect(() => 2n)
  const byState = first.filter(({ name }) => name === metric.units).flatMap(timedPoints)
  expect(byState.map(({ value }) => value)).toEqual([kUnits, 0, 0, 0, 0, 0, 0, 0])
})

test('what the points of all units have in common they share: a store of 100,000 series holds it once', () => {
  const points = [...seeded().series.collect(() => 2n)]
    .flat()
    .flatMap((one) => (one.name === metric.units ? [] : timedPoints(one)))
  expect(points.length).toBeGreaterThan(100_000)
  expect(new Set(points.map(({ attributes }) => attributes)).size).toBeLessThan(20)
})
