import { describe, expect, test } from 'vitest'
import { ResourcePool } from '../../../../src/data/resource.js'
import type { HistoryEntry } from '../../../../src/lib/systemd/history-entry.js'
import { attr, event, metric } from '../../../../src/lib/systemd/names.js'
import { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { feedAll, newTracker, Script } from './script.js'

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

describe('a start that was refused, of which an earlier run of the agent told', () => {
  const [boot, next] = ['b'.repeat(32), 'c'.repeat(32)] as const
  const said = { unit: 'a.service', invocationId: '' } as const

  /** Refusals in each boot, by job, and after them the unit's first start. */
  function journal(...refusals: (readonly [bootId: string, jobId: number])[]): HistoryEntry[] {
    const refused = refusals.map(([bootId, jobId], at) => {
      return { kind: 'start_failed', ...said, bootId, result: 'assert', jobId, atUsec: 4900 + 500 * at } as const
    })
    const bootId = refusals.at(-1)![0]
    return [
      ...refused,
      { kind: 'started', ...said, bootId, invocationId: '1'.repeat(32), result: 'done', atUsec: 6000 },
    ]
  }

  /** Jobs that are told by an agent that starts in `bootId`, after one that has told of job 7 in the first boot. */
  function told(bootId: string, history: readonly HistoryEntry[]): unknown[] {
    const a = new Script('a.service')
    const first = newTracker()
    first.seed([{ name: 'a.service', state: { ...a.state, stateChangeUsec: 1000 } }], 0n)
    const times = { realtimeNs: 5_000_000n, boottimeNs: 5_000_000n }
    first.feed({ kind: 'job_removed', unit: 'a.service', jobId: 7, result: 'assert', ...times })
    const tracker = newTracker()
    tracker.accounts.restore(JSON.parse(JSON.stringify(first.accounts.save(boot))), bootId)
    a.u('active/running', { inv: '1' })
    const state = { ...a.state, stateChangeUsec: 6000 }
    const events = tracker.begin([{ name: 'a.service', state }], 1_000_000_000n, history)
    return events.filter(({ name }) => name === event.jobFinished).map(({ attributes }) => attributes[attr.jobId])
  }

  test.each([
    ['is not told again by the journal of the seconds before its end', boot, journal([boot, 7], [boot, 8]), [8]],
    ['nor in the next boot, whose own jobs have the same IDs', next, journal([boot, 7], [next, 7]), [7]],
  ])('%s', (_, bootId, history, jobs) => {
    expect(told(bootId, history)).toEqual(jobs)
  })

  test('is none of a boot in which no agent ran, though that had a job of the same ID', () => {
    const between = 'd'.repeat(32)
    const later = {
      ...said,
      kind: 'start_failed',
      bootId: between,
      result: 'assert',
      jobId: 7,
      atUsec: 900_000,
    } as const
    expect(told(next, [...journal([boot, 7]).slice(0, 1), later])).toEqual([7])
  })
})

test('a unit that is loaded anew, and has not run since, has not failed again in the journal of the seconds before', () => {
  const a = new Script('a.service').start(1, '1').u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' })
  const run = { unit: 'a.service', bootId: 'b'.repeat(32), invocationId: '1'.repeat(32) } as const
  const history: readonly HistoryEntry[] = [
    { kind: 'started', ...run, jobId: 1, jobType: 'start', result: 'done', atUsec: a.usec - 2000 },
    { kind: 'failed', ...run, result: 'exit-code', atUsec: a.usec - 100 },
  ]
  a.u('inactive/dead', { result: 'success' }).unitRemoved()
  const first = newTracker()
  first.seed([], a.records[0]!.realtimeNs)
  feedAll(first, a.records)
  const anew = new Script('a.service').wait(60)
  first.resync([{ name: 'a.service', state: anew.state }], [], BigInt(a.usec + 100) * 1000n)
  const tracker = newTracker()
  tracker.accounts.restore(JSON.parse(JSON.stringify(first.accounts.save(run.bootId))), run.bootId)
  expect(tracker.begin([], BigInt(a.usec + 3_000_000) * 1000n, history).map(({ name }) => name)).toEqual([])
})
