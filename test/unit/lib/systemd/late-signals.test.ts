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
