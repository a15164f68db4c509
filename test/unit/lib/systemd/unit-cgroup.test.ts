import { describe, expect, it } from 'vitest'
import { ResourcePool } from '../../../../src/data/resource.js'
import { noFacts } from '../../../../src/data/unit-snapshot.js'
import { attr } from '../../../../src/lib/systemd/names.js'
import type { UnitCgroup } from '../../../../src/lib/systemd/tracked-unit.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { feedAll, Script } from './script.js'

/** The tree: which cgroups there are at the moment. */
function world() {
  const tree = new Map<string, UnitCgroup>()
  let looks = 0
  const tracker = new UnitTracker({
    scope: 'system',
    resources: new ResourcePool(),
    findCgroup: (unit) => {
      looks++
      return tree.get(unit)
    },
  })
  const tell = (script: Script): [name: string, id: unknown, slice: unknown][] =>
    feedAll(tracker, script.records.splice(0)).map(({ name, attributes }) => [
      name.replace('systemd.unit.', ''),
      attributes[attr.cgroupId] ?? null,
      attributes[attr.slice] ?? null,
    ])
  return { tree, tracker, tell, looks: () => looks }
}

const cgroup = (id: number): UnitCgroup => ({ id, slice: 'system.slice', changedUsec: 0 })

describe('the cgroup of a run', () => {
  it('is found as it starts, and told of when it is gone; the next run has its own', () => {
    const { tree, tell, looks } = world()
    const a = new Script('a.service')
    tree.set('a.service', cgroup(71))
    expect(tell(a.u('active/running', { inv: 'a', pid: 7 }))).toEqual([['started', 71, 'system.slice']])
    tree.delete('a.service')
    expect(tell(a.u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:9' }))).toEqual([
      ['failed', 71, 'system.slice'],
    ])
    tree.set('a.service', cgroup(72))
    expect(tell(a.u('active/running', { inv: 'b', pid: 8, result: 'success' }))).toEqual([
      ['started', 72, 'system.slice'],
    ])
    expect(looks()).toBe(2)
  })

  it('is found when all units are read, so that the first that is heard of one may be its end', () => {
    const { tree, tracker, tell } = world()
    const a = new Script('a.service')
    tree.set('a.service', { ...cgroup(71), changedUsec: Number.MAX_SAFE_INTEGER })
    a.u('active/running', { inv: 'a', pid: 7 })
    a.records.splice(0)
    tracker.seed([{ name: 'a.service', state: a.state, facts: { ...noFacts, slice: 'own.slice' } }], 1n)
    tree.delete('a.service')
    expect(tell(a.u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:9' }))).toEqual([
      ['failed', 71, 'own.slice'],
    ])
  })

  it('is not that of a later run, whose directory was made after a signal that came late', () => {
    const { tree, tell } = world()
    const a = new Script('a.service')
    a.u('active/running', { inv: 'a', pid: 7 })
    tree.set('a.service', { ...cgroup(72), changedUsec: a.state.stateChangeUsec + 100_000 })
    expect(tell(a)).toEqual([['started', null, null]])
  })

  it('is not looked for where a unit has no run', () => {
    const { tracker, tell, looks } = world()
    tracker.seed([{ name: 'a.service', state: unloadedState }], 1n)
    tell(new Script('b.service').u('failed/failed', { result: 'resources' }))
    expect(looks()).toBe(0)
  })
})
