import { describe, expect, it } from 'vitest'
import type { RawEvent } from '../../../../src/data/event.js'
import type { SignalRecord, UnitState } from '../../../../src/data/signal-record.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import { brief, newTracker } from './script.js'

const kDayUsec = 86_400_000_000
const kNowUsec = 1_700_000_000_000_000
const daysAgo = (days: number): number => kNowUsec - days * kDayUsec

/** Up for ten days; the run before ended three days before this one began. */
const up: UnitState = {
  ...unloadedState,
  activeState: 'active',
  subState: 'running',
  result: 'success',
  invocationId: 'a'.repeat(32),
  stateChangeUsec: daysAgo(10),
  inactiveExitUsec: daysAgo(10),
  activeEnterUsec: daysAgo(10),
  inactiveEnterUsec: daysAgo(13),
}
const down: UnitState = {
  ...up,
  activeState: 'inactive',
  subState: 'dead',
  inactiveExitUsec: daysAgo(14),
  stateChangeUsec: daysAgo(13),
}
const kObservedNs = BigInt(kNowUsec) * 1000n + 5_000_000n

/** Each event with how long before now it is said to have been: `0 s`, `-86400 s`; `observed` where systemd has no time. */
function times(events: readonly RawEvent[]): string[] {
  return events.map((one) => {
    const seconds = Number(one.timeUnixNano / 1000n - BigInt(kNowUsec)) / 1e6
    return `${brief(one)}: ${one.timeUnixNano === one.observedTimeUnixNano ? 'observed' : `${seconds} s`}`
  })
}

function toldAfter(state: UnitState, ...records: readonly Bare[]): string[] {
  const tracker = newTracker()
  tracker.seed([{ name: 'a.service', state }], 1n)
  const at = { unit: 'a.service', realtimeNs: kObservedNs, boottimeNs: 1n }
  return times(records.flatMap((record) => tracker.feed({ ...at, ...record } as SignalRecord)))
}
type Bare = { kind: 'unit_changed'; state: UnitState } | { kind: 'unit_removed' } | Job
type Job = { kind: 'job_removed'; jobId: number; result: string }

/** The run that came after the one of ten days, which ended a second ago. */
const next: UnitState = {
  ...up,
  invocationId: 'b'.repeat(32),
  stateChangeUsec: kNowUsec,
  inactiveEnterUsec: kNowUsec - 1e6,
  inactiveExitUsec: kNowUsec,
  activeEnterUsec: kNowUsec,
}

describe('the time of what was not seen', () => {
  it('the end of a long run, by a restart: when systemd says it ended, not when it was last seen', () => {
    expect(toldAfter(up, { kind: 'unit_changed', state: next })).toEqual([
      'restarting a manual inferred: -1 s',
      'restarted b manual: 0 s',
    ])
  })

  it('the same after a gap', () => {
    const tracker = newTracker()
    tracker.seed([{ name: 'a.service', state: up }], 1n)
    const told = tracker.resync([{ name: 'a.service', state: { ...next, nRestarts: 1 } }], [], kObservedNs)
    expect(times(told)).toEqual(['restarting a auto inferred: -1 s', 'restarted b auto inferred: 0 s'])
  })

  it('the same, and the clock was set back: when it was observed', () => {
    const state = { ...next, inactiveEnterUsec: daysAgo(11) }
    expect(toldAfter(up, { kind: 'unit_changed', state })[0]).toBe('restarting a manual inferred: observed')
  })

  it('a unit that is gone while it was thought to be up: when it was observed, not when an earlier run ended', () => {
    expect(toldAfter(up, { kind: 'unit_removed' })).toEqual(['stopped a inferred: observed'])
  })

  it('a start that fails without a run: now, not when the run before ended', () => {
    const job = { ...down, jobId: 3 }
    const failed = { ...job, activeState: 'failed', subState: 'failed', result: 'resources', stateChangeUsec: kNowUsec }
    const removed: Job = { kind: 'job_removed', jobId: 3, result: 'failed' }
    const told = toldAfter(down, { kind: 'unit_changed', state: job }, { kind: 'unit_changed', state: failed }, removed)
    expect(told).toEqual(['failed a resources: 0 s', 'job.finished a failed failed: observed'])
  })

  it('a timer that fails: now', () => {
    const failed = {
      ...down,
      activeState: 'failed',
      subState: 'failed',
      result: 'resources',
      stateChangeUsec: kNowUsec,
    }
    expect(toldAfter(down, { kind: 'unit_changed', state: failed })).toEqual(['failed a resources: 0 s'])
  })

  it('RestartMode=direct: InactiveEnter is never set, the failure is when the state changed', () => {
    const state = {
      ...up,
      activeState: 'activating',
      subState: 'failed-before-auto-restart',
      result: 'exit-code',
      stateChangeUsec: kNowUsec,
    }
    expect(toldAfter(up, { kind: 'unit_changed', state })).toEqual(['failed a exit-code: 0 s'])
  })
})
