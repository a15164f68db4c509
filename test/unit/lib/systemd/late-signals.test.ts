import { expect, test } from 'vitest'
import { ResourcePool } from '../../../../src/data/resource.js'
import { attr, metric } from '../../../../src/lib/systemd/names.js'
import { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { Script } from './script.js'

/** Automatic restarts counted. */
function restarts(tracker: UnitTracker): unknown {
  const found = [...tracker.series.collect(() => 1n)].flat().find(({ name }) => name === metric.restarts)
  const points = found?.type === 'sum' ? found.points : []
  return points.find(({ attributes }) => attributes[attr.restartCause] === 'auto')?.value
}

test('a restart that was read already is not counted again when signals from before it come late', () => {
  const a = new Script('a.service')
  a.u('active/running', { inv: '1', result: 'success' })
  const running = a.state
  a.u('failed/failed', { result: 'exit-code', exit: 'exited:3' }).u('activating/auto-restart')
  // systemd counts the restart within this state: its stamp does not move.
  a.u('activating/auto-restart', { restarts: 1, job: 7 })
  const tracker = new UnitTracker({ scope: 'system', resources: new ResourcePool() })
  tracker.seed([{ name: 'a.service', state: running }], 1n)
  tracker.resync([{ name: 'a.service', state: a.state }], [], 2n)
  expect(restarts(tracker)).toBe(1)
  for (const record of a.records) tracker.feed(record)
  expect(restarts(tracker)).toBe(1)
})

test('what a unit did that systemd had no more when it was asked is not told again when its signals come late', () => {
  const a = new Script('a.service')
  a.u('active/running', { inv: '1', result: 'success' })
  const running = a.state
  a.u('failed/failed', { result: 'exit-code', exit: 'exited:3' })
  const tracker = new UnitTracker({ scope: 'system', resources: new ResourcePool() })
  tracker.seed([{ name: 'a.service', state: running }], 1n)
  const gap = { sinceUsec: 0, listedUsec: a.state.stateChangeUsec + 1 }
  tracker.resync([], ['a.service'], 2n, [], gap)
  expect(a.records.flatMap((record) => tracker.feed(record))).toEqual([])
  // Loaded and started again it is another story.
  a.u('active/running', { inv: '2', result: 'success' })
  expect(tracker.feed(a.records.at(-1)!)).not.toEqual([])
})

test('a start that was refused, of which a signal told, is not told again by the journal of the seconds around it', () => {
  const tracker = new UnitTracker({ scope: 'system', resources: new ResourcePool() })
  const times = { realtimeNs: 5_000n, boottimeNs: 5_000n }
  const told = tracker.feed({ kind: 'job_removed', unit: 'a.service', jobId: 7, result: 'assert', ...times })
  expect(told).toHaveLength(1)
  const refused = { kind: 'start_failed', unit: 'a.service', bootId: '', invocationId: '', result: 'assert' } as const
  const history = [7, 8].map((jobId) => ({ ...refused, jobId, atUsec: 6 + jobId }))
  const events = tracker.resync([], [], 1_000_000n, history, { sinceUsec: 1, listedUsec: 1000 })
  expect(events.map(({ attributes }) => attributes[attr.jobId])).toEqual([8])
})
