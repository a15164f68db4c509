import { expect, test } from 'vitest'
import type { Concern } from '../../../src/component/concern.js'
import { parseComponentId } from '../../../src/component/id.js'
import { ResourcePool } from '../../../src/data/resource.js'
import { unitResource } from '../../../src/lib/systemd/unit-resource.js'
import { concernsOf } from '../../../src/service/concern-report.js'
import { ComponentCounters } from '../../../src/telemetry/component-counters.js'

const id = parseComponentId('processor', 'incident')!
const pool = new ResourcePool({ 'host.name': 'here' })

function concern(name: string, part: Partial<Concern> = {}): Concern {
  return {
    kind: 'incident',
    severity: 17,
    resource: unitResource(pool, name),
    text: `${name} failed`,
    attributes: {},
    ...part,
  }
}

/** What is told of a component that says this. */
function told(read: () => Iterable<Concern>) {
  const counters = new ComponentCounters(id, 'units')
  counters.concerns(read)
  return concernsOf(id, 'units', counters)
}

test('is JSON: whose unit, since when in UTC, integers of 64 bits as numbers', () => {
  const one = concern('a.service', {
    resource: unitResource(pool, 'a.service', 'user'),
    sinceUnixNano: 1_700_000_000_123_456_789n,
    attributes: { 'incident.start_usec': 1_700_000_000_123_456n, 'incident.units.failed': ['a.service'] },
  })
  expect(told(() => [one])).toEqual({
    told: [
      {
        kind: 'incident',
        component: 'incident',
        pipeline: 'units',
        severity: 'error',
        unit: 'a.service',
        scope: 'user',
        host: 'here',
        text: 'a.service failed',
        since: '2023-11-14T22:13:20.123Z',
        attributes: { 'incident.start_usec': 1_700_000_000_123_456, 'incident.units.failed': ['a.service'] },
      },
    ],
    omitted: 0,
  })
})

test('is of the machine where it is of no unit', () => {
  const disk = concern('', { resource: pool.intern('host', () => pool.host), severity: 13 })
  expect(told(() => [disk]).told[0]).toMatchObject({ unit: '', severity: 'warn' })
})

test('is bounded: the worst and newest of it first, and how many more', () => {
  const many = Array.from({ length: 300 }, (_, at) => concern(`a${at}`, { severity: 13, sinceUnixNano: BigInt(at) }))
  const { told: some, omitted } = told(() => [...many, concern('worst', { sinceUnixNano: 0n })])
  expect(some).toHaveLength(256)
  expect(some.slice(0, 3).map(({ unit }) => unit)).toEqual(['worst', 'a299', 'a298'])
  expect(omitted).toBe(45)
})

test('what cannot be told is counted, and costs nobody the rest', () => {
  function* broken(): Generator<Concern> {
    yield concern('a.service')
    yield concern('b.service', { sinceUnixNano: 10n ** 30n }) // no date
    throw new Error('a bug')
  }
  const { told: some, omitted } = told(broken)
  expect([some.map(({ unit }) => unit), omitted]).toEqual([['a.service'], 2])
})

test('of a cause that was only named the unit is the cause, not whose resource it was named on', () => {
  const named = concern('victim.service', { attributes: { 'systemd.unit.name': 'cause.service' } })
  expect(told(() => [named]).told[0]!.unit).toBe('cause.service')
})
