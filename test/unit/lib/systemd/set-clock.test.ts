import { describe, expect, it } from 'vitest'
import type { SignalRecord, UnitState } from '../../../../src/data/signal-record.js'
import type { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { brief, newTracker, Script } from './script.js'

const kBackSec = 40

/** As after `chronyc makestep`: 10 s later the wall clock shows 30 s earlier; CLOCK_BOOTTIME goes on. */
function setBack<T extends SignalRecord>(record: T): T {
  const ns = BigInt(kBackSec - 10) * 1_000_000_000n
  const times = { realtimeNs: record.realtimeNs - ns, boottimeNs: record.boottimeNs + 10_000_000_000n }
  return record.kind === 'unit_changed'
    ? { ...record, ...times, state: stateSetBack(record.state) }
    : { ...record, ...times }
}

const stateSetBack = (state: UnitState): UnitState => ({
  ...state,
  stateChangeUsec: state.stateChangeUsec - (kBackSec - 10) * 1e6,
  inactiveEnterUsec: state.inactiveEnterUsec - (kBackSec - 10) * 1e6,
})

const started = () => new Script('a.service').start(1, 'a')
const failed = () => started().u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:1' })
const listed = ({ activeState, subState, jobId }: UnitState) => [
  { name: 'a.service', loadState: 'loaded', activeState, subState, jobId },
]

/** As a session does it: the connection is made, units are read, and what came meanwhile is fed after that. */
function seeded(): UnitTracker {
  const tracker = newTracker()
  const { state, records } = started()
  const { realtimeNs, boottimeNs } = records.at(-1)!
  tracker.seed([{ name: 'a.service', state }], realtimeNs)
  tracker.feed({ kind: 'connected', realtimeNs, boottimeNs })
  return tracker
}

describe('the clock is set back by 40 s, and 10 s later a unit fails', () => {
  it('a unit known from a reading alone: its first signal is believed', () => {
    expect(
      seeded()
        .feed(setBack(failed().records.at(-1)!))
        .map(brief),
    ).toEqual(['failed a 1 exit-code'])
  })

  it('the signal was missed: the second look is believed', () => {
    const tracker = seeded()
    const now = stateSetBack(failed().state)
    expect(tracker.differing(listed(now))).toEqual(['a.service'])
    expect(tracker.differing(listed(now))).toEqual(['a.service'])
    const told = tracker.resync([{ name: 'a.service', state: now }], [], 1n)
    expect(told.map(brief)).toEqual(['failed a 1 exit-code inferred'])
    expect(tracker.state('a.service')!.activeState).toBe('failed')
  })

  it('it was known from signals, and the bus was away: the reading after the gap is believed', () => {
    const tracker = newTracker()
    for (const record of started().records) tracker.feed(record)
    tracker.endReloading() // a new connection begins
    const now = stateSetBack(failed().state)
    expect(tracker.resync([{ name: 'a.service', state: now }], [], 1n).map(brief)).toEqual([
      'failed a 1 exit-code inferred',
    ])
  })

  it('signals that were on their way while units were read are still known as late', () => {
    const tracker = newTracker()
    const { state, records } = failed()
    const { realtimeNs, boottimeNs } = setBack(records.at(-1)!)
    tracker.seed([{ name: 'a.service', state: stateSetBack(state) }], realtimeNs)
    tracker.feed({ kind: 'connected', realtimeNs, boottimeNs })
    const late = { ...setBack(records.at(-2)!), realtimeNs, boottimeNs }
    expect(late.kind === 'unit_changed' && late.state.activeState).toBe('active')
    expect(tracker.feed(late)).toEqual([])
    expect(tracker.state('a.service')!.activeState).toBe('failed')
  })

  it('a signal that came while units were read still knows better than the reading', () => {
    const tracker = seeded()
    const { state } = started()
    tracker.differing(listed(state))
    tracker.feed(failed().records.at(-1)!)
    expect(tracker.resync([{ name: 'a.service', state }], [], 1n)).toEqual([])
    expect(tracker.state('a.service')!.activeState).toBe('failed')
  })

  it('a new connection compares by the clock as it is then', () => {
    const tracker = seeded()
    const { state, records } = failed()
    const at = setBack(records.at(-1)!)
    tracker.endReloading()
    tracker.resync([{ name: 'a.service', state: stateSetBack(state) }], [], at.realtimeNs)
    tracker.feed({ kind: 'connected', realtimeNs: at.realtimeNs, boottimeNs: at.boottimeNs })
    expect(tracker.feed({ ...setBack(records.at(-2)!), realtimeNs: at.realtimeNs, boottimeNs: at.boottimeNs })).toEqual(
      [],
    )
  })
})

describe('a clock that is only moved gently', () => {
  it('is none that was set: late signals are known by their stamps', () => {
    const tracker = newTracker()
    const { state, records } = failed()
    const { realtimeNs, boottimeNs } = records.at(-1)!
    tracker.seed([{ name: 'a.service', state }], realtimeNs)
    tracker.feed({ kind: 'connected', realtimeNs, boottimeNs })
    expect(tracker.feed({ ...records.at(-2)!, boottimeNs: boottimeNs + 50_000_000n, realtimeNs })).toEqual([])
  })
})
