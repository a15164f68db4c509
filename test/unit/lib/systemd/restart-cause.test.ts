import { describe, expect, it } from 'vitest'
import type { SignalRecord } from '../../../../src/data/signal-record.js'
import type { UnitDependencies } from '../../../../src/data/unit-dependencies.js'
import { attr, event, metric } from '../../../../src/lib/systemd/names.js'
import type { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { systemdView } from '../dependencies/systemd-view.js'
import { feedAll, metricsOf, newTracker, Script } from './script.js'

const unit = 'a.service'
const crash = { pid: 0, result: 'exit-code', exit: 'exited:3' }

/** All counts of a unit that are not 0. */
function counts(tracker: UnitTracker, name = unit): Record<string, number> {
  const found = metricsOf(tracker, 1n).filter((one) => one.resource.attributes[attr.unit] === name)
  const points = found.flatMap((one) => (one.type === 'sum' && one.name === metric.restarts ? one.points : []))
  const values = points.map(({ attributes, value }) => [String(attributes[attr.restartCause]), Number(value)] as const)
  return Object.fromEntries(values.filter(([, value]) => value > 0))
}

/** A run that ends as `end` says and is started again by systemd. */
const autoRestart = (script: Script, inv: string, end: object, restarts = 1): Script =>
  script
    .u('failed/failed', end)
    .u('activating/auto-restart')
    .u('activating/auto-restart', { job: 9, restarts })
    .u('inactive/dead', { inv, result: 'success', exit: '' })
    .u('active/running')
    .jobRemoved(9)
    .u('active/running', { job: 0 })

const manualRestart = (script: Script, job: number, inv: string): Script =>
  script
    .u('active/running', { job })
    .u('deactivating/stop-sigterm')
    .u('inactive/dead', { pid: 0, exit: 'killed:15' })
    .u('inactive/dead', { inv, exit: '' })
    .u('active/running')
    .jobRemoved(job)
    .u('active/running', { job: 0 })

describe('a restart is counted by why it came', () => {
  const service = (): Script => new Script(unit).start(1, 'a')
  it.each([
    ['a crash', autoRestart(service(), 'b', crash), { auto: 1 }],
    ['a watchdog', autoRestart(service(), 'b', { ...crash, result: 'watchdog' }), { watchdog: 1 }],
    ['want of memory', autoRestart(service(), 'b', { ...crash, result: 'oom-kill' }), { oom: 1 }],
    ['a job', manualRestart(service(), 2, 'b'), { manual: 1 }],
    [
      'a watchdog, then a crash: each its own',
      autoRestart(autoRestart(service(), 'b', { ...crash, result: 'watchdog' }), 'c', crash, 2),
      { watchdog: 1, auto: 1 },
    ],
    [
      'several of which PID 1 told one: of that one alone it is known',
      service()
        .u('failed/failed', { ...crash, result: 'watchdog' })
        .u('active/running', { inv: 'e', restarts: 4, result: 'success' }),
      { watchdog: 1, auto: 3 },
    ],
    [
      'reset-failed in between takes nothing back',
      autoRestart(
        autoRestart(service(), 'b', crash).u('failed/failed', crash).u('inactive/dead', { restarts: 0 }).start(3, 'c'),
        'd',
        crash,
      ),
      { auto: 2 },
    ],
  ])('%s', (_, script, expected) => {
    const tracker = newTracker()
    feedAll(tracker, script.records)
    expect(counts(tracker)).toEqual(expected)
  })

  it('an action of this agent, once: what follows is somebody else', () => {
    const tracker = newTracker()
    const script = service()
    tracker.announceRestart(unit, BigInt(script.state.stateChangeUsec) * 1000n)
    manualRestart(manualRestart(script, 2, 'b'), 3, 'c')
    const causes = feedAll(tracker, script.records).flatMap(({ attributes }) => attributes[attr.restartCause] ?? [])
    expect(causes).toEqual(['remediation', 'remediation', 'manual', 'manual'])
    expect(counts(tracker)).toEqual({ remediation: 1, manual: 1 })
  })

  it('an announcement that nothing came of is forgotten', () => {
    const tracker = newTracker()
    const script = service()
    tracker.announceRestart(unit, BigInt(script.state.stateChangeUsec - 3_600_000_000) * 1000n)
    feedAll(tracker, manualRestart(script, 2, 'b').records)
    expect(counts(tracker)).toEqual({ manual: 1 })
  })
})

describe('a restart that another one brings with it', () => {
  const other = 'b.service'
  const kPause = 1_000_000

  /** Both were started long ago; `needs` is what a.service says of b.service. */
  function tell(
    needs: UnitDependencies,
    records: (a: Script, b: Script) => readonly SignalRecord[],
  ): [unknown, unknown] {
    const tracker = newTracker()
    const [a, b] = [new Script(unit).start(1, 'a'), new Script(other).start(2, 'b')]
    for (const [name, dependencies] of systemdView({ [unit]: needs, [other]: {} }))
      tracker.seed([{ name, state: (name === unit ? a : b).state, dependencies }], 1n)
    const before = [a.records.length, b.records.length]
    const all = records(a, b).filter(
      (one) => !a.records.slice(0, before[0]).includes(one) && !b.records.slice(0, before[1]).includes(one),
    )
    const events = feedAll(tracker, all)
    const restarted = events.find(({ name, attributes }) => name === event.restarted && attributes[attr.unit] === unit)
    return [counts(tracker), restarted?.attributes[attr.causedBy]]
  }
  /** Stops in reverse order, then starts: `a` is told last. */
  const together = (a: Script, b: Script): readonly SignalRecord[] => {
    b.u('active/running', { job: 11 }).wait(1)
    b.u('deactivating/stop-sigterm').u('inactive/dead', { pid: 0, exit: 'killed:15' })
    b.u('inactive/dead', { inv: 'd', exit: '' }).u('active/running').jobRemoved(11).u('active/running', { job: 0 })
    a.u('active/running', { job: 12 }).u('deactivating/stop-sigterm').u('inactive/dead', { pid: 0, exit: 'killed:15' })
    a.wait(20)
      .u('inactive/dead', { inv: 'c', exit: '' })
      .u('active/running')
      .jobRemoved(12)
      .u('active/running', { job: 0 })
    return [...b.records, ...a.records]
  }

  it.each<[string, UnitDependencies]>([
    ['PartOf=', { PartOf: [other] }],
    ['Requires=', { Requires: [other] }],
    ['BindsTo=', { BindsTo: [other] }],
  ])('%s is told and counted', (_, needs) => {
    expect(tell(needs, together)).toEqual([{ dependency: 1 }, other])
  })

  it.each<[string, UnitDependencies]>([
    ['Wants= brings no restart', { Wants: [other] }],
    ['After= is an order and no reason', { After: [other] }],
    ['units that know nothing of each other', {}],
  ])('%s', (_, needs) => {
    expect(tell(needs, together)).toEqual([{ manual: 1 }, undefined])
  })

  it('one that comes long after the other is somebody else', () => {
    const story = tell({ Requires: [other] }, (a, b) => {
      manualRestart(b, 3, 'd')
      manualRestart(a.wait(kPause), 4, 'c')
      return [...b.records, ...a.records]
    })
    expect(story).toEqual([{ manual: 1 }, undefined])
  })

  it('a unit that is only started for it, and was not restarted', () => {
    const story = tell({ Requires: [other] }, (a, b) => {
      b.u('active/running', { job: 3 })
        .u('deactivating/stop-sigterm')
        .u('inactive/dead', { pid: 0, exit: 'killed:15' })
        .jobRemoved(3)
        .u('inactive/dead', { job: 0 })
      b.wait(kPause).start(5, 'd')
      manualRestart(a.wait(kPause - 5), 4, 'c')
      return [...b.records, ...a.records]
    })
    expect(story).toEqual([{ manual: 1 }, undefined])
  })
})
