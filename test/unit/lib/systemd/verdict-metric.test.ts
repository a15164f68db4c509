import { describe, expect, it } from 'vitest'
import { noFacts, noStatuses, type UnitFacts } from '../../../../src/data/unit-snapshot.js'
import { attr, metric } from '../../../../src/lib/systemd/names.js'
import { parseTracker } from '../../../../src/lib/systemd/tracker-state.js'
import type { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { feedAll, metricsOf, newTracker, Script } from './script.js'

const unit = 'backup.service'
const boot = 'b'.repeat(32)
const crash = { pid: 0, job: 0, result: 'exit-code', exit: 'exited:3' }
const restart = { when: 'no', delayUsec: 100_000, prevent: noStatuses, force: noStatuses }
const facts: UnitFacts = { ...noFacts, serviceType: 'oneshot', restart }

/** The verdict that stands at 1; `none` when all are 0, undefined when there is no series. */
function shown(tracker: UnitTracker): string | undefined {
  const found = metricsOf(tracker, 1n).find(({ name }) => name === metric.verdict)
  if (found?.type !== 'gauge') return undefined
  const up = found.points.filter(({ value }) => value === 1).map(({ attributes }) => String(attributes[attr.verdict]))
  return up.length === 0 ? 'none' : up.join()
}

function trackerOf(script: Script): UnitTracker {
  const tracker = newTracker()
  tracker.seed([{ name: unit, state: new Script(unit).state, facts }], 0n)
  feedAll(tracker, script.records)
  return tracker
}

const job = (script: Script, number: number, inv: string): Script =>
  script
    .jobNew(number)
    .u('inactive/dead', { job: number, inv, pid: 100, result: 'success', exit: '' })
    .u('activating/start')
const failed = (): Script => job(new Script(unit), 1, 'a').u('failed/failed', crash).jobRemoved(1, 'failed')

describe('the verdict as a metric says what comes next to a unit that is down', () => {
  it('given up stands while it is failed', () => {
    expect(shown(trackerOf(failed()))).toBe('gave_up')
  })

  it('a run that begins after it, and one that then ends in order, end it', () => {
    const script = job(failed(), 2, 'b')
    expect(shown(trackerOf(script))).toBe('none')
    script.u('inactive/dead', { pid: 0, exit: 'exited:0' }).jobRemoved(2).u('inactive/dead', { job: 0 })
    expect(shown(trackerOf(script))).toBe('none')
  })

  it('a failure that came before the configuration was read has one as soon as that is', () => {
    const script = failed()
    const tracker = newTracker()
    feedAll(tracker, script.records)
    expect(shown(tracker)).toBe('none')
    tracker.learn(unit, { facts: noFacts }, 1n) // no word on restarts
    expect(shown(tracker)).toBe('none')
    expect(tracker.learn(unit, { facts }, 1n)).toEqual([])
    expect(shown(tracker)).toBe('gave_up')
    tracker.learn(unit, { facts: { ...facts, restart: { ...restart, when: 'always' } } }, 2n)
    expect(shown(tracker)).toBe('gave_up')
  })

  it('and none where the unit runs again by then', () => {
    const tracker = newTracker()
    feedAll(tracker, job(failed(), 2, 'b').records)
    tracker.learn(unit, { facts }, 1n)
    expect(shown(tracker)).toBe('none')
  })

  it('also where the agent was started anew before it was read', () => {
    const script = failed()
    const first = newTracker()
    feedAll(first, script.records)
    const second = newTracker()
    second.accounts.restore(parseTracker(JSON.parse(JSON.stringify(first.accounts.save(boot)))), boot)
    second.begin([{ name: unit, state: script.state }], 2n ** 62n)
    second.learn(unit, { facts }, 2n ** 62n)
    expect(shown(second)).toBe('gave_up')
  })

  it('reset-failed ends it', () => {
    expect(shown(trackerOf(failed().u('inactive/dead', { result: 'success' })))).toBe('none')
  })

  it('it outlives the agent', () => {
    const script = failed()
    const first = trackerOf(script)
    const second = newTracker()
    second.accounts.restore(parseTracker(JSON.parse(JSON.stringify(first.accounts.save(boot)))), boot)
    second.begin([{ name: unit, state: script.state, facts }], 2n ** 62n)
    expect(shown(second)).toBe('gave_up')
  })

  it('and so does that a job had asked for the end: who forgot the service still hears of it', () => {
    const script = new Script(unit)
      .start(1, 'a')
      .u('active/running', { job: 2 })
      .u('deactivating/stop-sigterm')
      .u('inactive/dead', { pid: 0, exit: 'killed:15' })
      .jobRemoved(2)
      .u('inactive/dead', { job: 0 })
    const expected = (tracker: UnitTracker): boolean | undefined => {
      tracker.series.noteTargets([
        { name: 'multi-user.target', loadState: 'loaded', activeState: 'active', subState: 'active', jobId: 0 },
      ])
      const found = metricsOf(tracker, 1n).find(({ name }) => name === metric.expected)
      return found?.type === 'gauge' ? found.points[0]!.value === 1 : undefined
    }
    const simple = { ...facts, serviceType: 'simple' }
    const dependencies = { WantedBy: ['multi-user.target'] }
    const first = newTracker()
    first.seed([{ name: unit, state: new Script(unit).state, facts: simple, dependencies }], 0n)
    feedAll(first, script.records)
    expect(expected(first)).toBe(true)
    const second = newTracker()
    second.accounts.restore(parseTracker(JSON.parse(JSON.stringify(first.accounts.save(boot)))), boot)
    second.begin([{ name: unit, state: script.state, facts: simple, dependencies }], 2n ** 62n)
    expect([expected(second), shown(second)]).toEqual([true, 'stopped_by_operator'])
  })
})
