import { describe, expect, test } from 'vitest'
import { ResourcePool } from '../../../../src/data/resource.js'
import { attr, metric } from '../../../../src/lib/systemd/names.js'
import { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { feedAll, Script } from './script.js'

const foldOf = (unit: string): string | undefined => (unit.startsWith('ssh@') ? 'ssh@*.service' : undefined)

const newTracker = (maxSeries = 0): UnitTracker =>
  new UnitTracker({ scope: 'system', resources: new ResourcePool(), foldOf, maxSeries, maxRemembered: 2 })

/** `unit metric{attribute}: value` of points that are not 0. */
function told(tracker: UnitTracker, names: readonly string[]): string[] {
  return [...tracker.series.collect(() => 9n)].flat().flatMap(({ name, resource, points }) =>
    points.flatMap((point) => {
      if (!names.includes(name) || !('value' in point) || point.value === 0) return []
      const unit = String(resource.attributes['service.name'])
      return `${unit} ${name.split('.').at(-1)}{${Object.values(point.attributes).join()}}: ${point.value}`
    }),
  )
}

const crash = (unit: string, id: string): Script =>
  new Script(unit)
    .u('active/running', { inv: id, pid: 7 })
    .u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:9' })

describe('instances of a template that is folded', () => {
  test('have one set of series: how many are in which state', () => {
    const tracker = newTracker()
    for (const n of [1, 2, 3])
      feedAll(tracker, new Script(`ssh@${n}.service`).u('active/running', { inv: `${n}` }).records)
    feedAll(tracker, crash('ssh@4.service', '4').records)
    feedAll(tracker, new Script('web.service').u('active/running', { inv: 'a' }).records)
    expect(told(tracker, [metric.unitState, metric.instances, metric.units])).toEqual([
      'unitscope units{active}: 4',
      'unitscope units{failed}: 1',
      'ssh@*.service state{active}: 3',
      'ssh@*.service state{failed}: 1',
      'ssh@*.service instances{}: 4',
      'web.service state{active}: 1',
    ])
    expect(tracker.series.folded).toBe(4)
  })

  test('count together, and the count goes on when they are gone and forgotten', () => {
    const tracker = newTracker()
    for (const n of [1, 2, 3, 4, 5]) {
      const script = crash(`ssh@${n}.service`, `${n}`)
      feedAll(tracker, [...script.records, { ...script.records[0]!, kind: 'unit_removed', unit: script.unit }])
    }
    expect(told(tracker, [metric.failures, metric.instances])).toEqual(['ssh@*.service failures{signal}: 5'])
    expect(tracker.remembered).toBe(0)
    feedAll(tracker, crash('ssh@1.service', 'a').records)
    expect(told(tracker, [metric.failures])).toEqual(['ssh@*.service failures{signal}: 6'])
  })

  test('count on when the agent was gone', () => {
    const before = newTracker()
    feedAll(before, new Script('ssh@1.service').u('active/running', { inv: '1' }).records)
    feedAll(before, crash('ssh@2.service', '2').records)
    const after = newTracker()
    after.accounts.restore(JSON.parse(JSON.stringify(before.accounts.save('b'.repeat(32), 5n))), 'b'.repeat(32))
    feedAll(after, crash('ssh@3.service', '3').records)
    expect(told(after, [metric.failures, metric.instances])).toEqual([
      'ssh@*.service instances{}: 3',
      'ssh@*.service failures{signal}: 2',
    ])
  })

  test('have events of their own', () => {
    const events = feedAll(newTracker(), crash('ssh@4.service', '4').records)
    expect(
      events.map(({ name, attributes, resource }) => [
        name,
        attributes[attr.unit],
        resource.attributes['service.name'],
      ]),
    ).toEqual([
      ['systemd.unit.started', 'ssh@4.service', 'ssh@4.service'],
      ['systemd.unit.failed', 'ssh@4.service', 'ssh@4.service'],
    ])
  })

  test('make nothing else of their own', () => {
    const tracker = newTracker()
    feedAll(tracker, crash('ssh@4.service', '4').records)
    const units = new Set(
      [...tracker.series.collect(() => 9n)].flat().map(({ resource }) => resource.attributes['service.name']),
    )
    expect([...units]).toEqual(['unitscope', 'ssh@*.service'])
    expect(tracker.series.unitsUp('service')).toEqual([])
  })
})

test('more series than may be: whole units are left out, the same each time; folds and counts of all stay', () => {
  const tracker = newTracker(40)
  for (const name of ['c.service', 'x@1.service', 'a.service', 'ssh@1.service', 'b.service'])
    feedAll(tracker, new Script(name).u('active/running', { inv: 'a' }).records)
  for (let round = 0; round < 3; round++) {
    expect(told(tracker, [metric.unitState])).toEqual([
      'ssh@*.service state{active}: 1',
      'a.service state{active}: 1',
      'b.service state{active}: 1',
    ])
    expect(tracker.series.leftOut).toBe(2)
  }
  expect(told(tracker, [metric.units])).toEqual(['unitscope units{active}: 5'])
})
