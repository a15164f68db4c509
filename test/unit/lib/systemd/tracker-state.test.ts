import { describe, expect, it } from 'vitest'
import type { SignalRecord } from '../../../../src/data/signal-record.js'
import type { UnitSnapshot } from '../../../../src/data/unit-snapshot.js'
import { attr, metric } from '../../../../src/lib/systemd/names.js'
import { parseTracker, type SavedTracker } from '../../../../src/lib/systemd/tracker-state.js'
import type { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { timedPoints } from '../../../support/timed-points.js'
import { brief, feedAll, metricsOf, newTracker, Script } from './script.js'

const unit = 'a.service'
const boot = 'b'.repeat(32)
const nextBoot = 'c'.repeat(32)
const crash = { pid: 0, result: 'exit-code', exit: 'exited:3' }

const loop = (script: Script, inv: string, job: number, restarts: number): Script =>
  script
    .u('failed/failed', crash)
    .u('activating/auto-restart')
    .u('activating/auto-restart', { job, restarts })
    .u('inactive/dead', { inv, pid: 101, result: 'success', exit: '' })
    .u('active/running')
    .jobRemoved(job)
    .u('active/running', { job: 0 })
const byHand = (script: Script, inv: string, job: number): Script =>
  script
    .u('active/running', { job })
    .u('deactivating/stop-sigterm')
    .u('inactive/dead', { pid: 0, exit: 'killed:15' })
    .u('inactive/dead', { inv, pid: 102, exit: '' })
    .u('active/running')
    .jobRemoved(job)
    .u('active/running', { job: 0 })

/** Everything that may be cut in two: crashes, a watchdog, restarts by hand, a reset, a stop. */
function life(): Script {
  const script = new Script(unit).start(1, 'a')
  loop(script, 'b', 2, 1)
  script.u('deactivating/stop-watchdog', { result: 'watchdog' })
  loop(script, 'c', 3, 2)
  byHand(script, 'd', 4)
  loop(script, 'e', 5, 3)
  script.u('failed/failed', crash).u('inactive/dead', { result: 'success', restarts: 0 }).start(6, 'f')
  return loop(byHand(script, '7', 7), '8', 8, 1)
}

/** As on disk. */
const written = (tracker: UnitTracker, bootId = boot): SavedTracker =>
  parseTracker(JSON.parse(JSON.stringify(tracker.accounts.save(bootId))))

function counts(tracker: UnitTracker): Record<string, number> {
  const sums = metricsOf(tracker, 1n).flatMap((one) => (one.type === 'sum' && one.monotonic ? [one] : []))
  const rows = sums.flatMap(({ name, points }) =>
    points.map(({ attributes, value }) => {
      const key = attributes[name === metric.restarts ? attr.restartCause : attr.result]
      return [String(key), Number(value)] as const
    }),
  )
  return Object.fromEntries(rows.filter(([, value]) => value > 0))
}

const reading = (name: string, state: UnitSnapshot['state']): UnitSnapshot[] => [{ name, state }]
const last = (records: readonly SignalRecord[]): UnitSnapshot[] => {
  const changed = records.filter((one) => one.kind === 'unit_changed').at(-1)
  return changed?.kind === 'unit_changed' ? reading(changed.unit, changed.state) : []
}

describe('an agent that ends and is started again at once', () => {
  const { records } = life()
  const whole = newTracker()
  whole.seed([], records[0]!.realtimeNs)
  const told = feedAll(whole, records).map(brief)

  it.each(records.map((record, cut) => [cut, record.kind] as const))(
    'cut after record %i (%s): nothing is lost, nothing is told twice',
    (cut) => {
      const first = newTracker()
      first.seed([], records[0]!.realtimeNs)
      const before = feedAll(first, records.slice(0, cut)).map(brief)
      const second = newTracker()
      second.accounts.restore(written(first), boot)
      const atNs = records[cut]!.realtimeNs
      const read = second.resync(last(records.slice(0, cut)), [], atNs).map(brief)
      const after = feedAll(second, records.slice(cut)).map(brief)
      expect(counts(second)).toEqual(counts(whole))
      expect([...before, ...read, ...after]).toEqual(told)
      // A counter that goes on has the start it had.
      const starts = metricsOf(second, 1n)
        .filter(({ type }) => type === 'sum')
        .flatMap(timedPoints)
      expect(new Set(starts.map(({ startTimeUnixNano }) => startTimeUnixNano))).toEqual(
        new Set([records[0]!.realtimeNs]),
      )
    },
  )
})

describe('an agent that was away', () => {
  const begun = (): { script: Script; saved: SavedTracker } => {
    const script = loop(new Script(unit).start(1, 'a'), 'b', 2, 1)
    const tracker = newTracker()
    feedAll(tracker, script.records)
    return { script, saved: written(tracker) }
  }
  const later = (script: Script, saved: SavedTracker, bootId = boot) => {
    const tracker = newTracker()
    tracker.accounts.restore(saved, bootId)
    const events = tracker.resync(reading(unit, script.state), [], 2n ** 62n)
    return { tracker, events }
  }

  it('says how many restarts it missed, by NRestarts, and invents none', () => {
    const { script, saved } = begun()
    const { tracker, events } = later(script.u('active/running', { inv: 'e', restarts: 4 }), saved)
    expect(events.map(brief)).toEqual(['restarting b auto inferred', 'restarted e auto inferred'])
    expect(events.map(({ attributes }) => attributes[attr.missedRestarts])).toEqual([3, undefined])
    expect(events.map(({ attributes }) => attributes[attr.evidence])).toEqual([
      ['state', 'n_restarts'],
      ['state', 'timestamps'],
    ])
    expect(events[0]!.body).toContain('after 3 restarts')
    expect(counts(tracker)).toEqual({ auto: 4, 'exit-code': 1 })
  })

  it('knows a crash loop that has given up meanwhile', () => {
    const { script, saved } = begun()
    script.u('failed/failed', crash).u('activating/auto-restart')
    const tracker = newTracker()
    tracker.accounts.restore(saved, boot)
    feedAll(tracker, script.records.slice(-2))
    const again = written(tracker)
    const { events } = later(script.u('failed/failed', { restarts: 2 }), again)
    expect(events.map(brief)).toEqual(['start_limit_hit b 3 start-limit-hit inferred'])
  })

  it('says nothing of a unit that is as it was', () => {
    const { script, saved } = begun()
    expect(later(script, saved).events).toEqual([])
  })

  it('after a boot goes on counting, with what systemd has counted since', () => {
    const { saved } = begun()
    const tracker = newTracker()
    tracker.accounts.restore(saved, nextBoot)
    const booted = new Script(unit).start(1, 'f').u('active/running', { restarts: 2 })
    expect(tracker.begin(reading(unit, booted.state), 2n ** 62n)).toEqual([])
    expect(counts(tracker)).toEqual({ auto: 3, 'exit-code': 1 })
  })

  it('does not speak of units that its configuration leaves out now', () => {
    const { saved } = begun()
    const tracker = newTracker()
    tracker.accounts.restore(saved, boot, () => false)
    expect([tracker.size, tracker.missing([])]).toEqual([0, []])
  })
})

describe('a file that is not as it should be', () => {
  const good = (): Record<string, unknown> => {
    const tracker = newTracker()
    feedAll(tracker, life().records)
    return JSON.parse(JSON.stringify(tracker.accounts.save(boot)))
  }
  const withUnit = (change: object) => ({ ...good(), units: [{ ...(good()['units'] as object[])[0], ...change }] })

  it.each([
    ['nothing', null, 'bootId is no boot ID'],
    ['a boot ID in capitals', { ...good(), bootId: 'B'.repeat(32) }, 'bootId is no boot ID'],
    ['a time as a number', { ...good(), accountedNs: 5 }, 'accountedNs is no time'],
    ['a negative time', { ...good(), sinceNs: '-5' }, 'sinceNs is no time'],
    ['units without end', { ...good(), units: Array(16_385).fill({}) }, 'units is no list of units'],
    ['a name that leads elsewhere', withUnit({ name: '../a.service' }), 'units[0].name is no unit name'],
    ['half a state', withUnit({ state: ['active'] }), 'units[0].state is no state'],
    [
      'a run that no machine has',
      withUnit({ machine: ['flying', '', false, '', ''] }),
      'units[0].machine is no memory of a machine',
    ],
    ['a cause from the future', withUnit({ restart: ['gremlins', '', ''] }), 'units[0].restart is no restart'],
    ['ends without end', { ...good(), ended: Array(257).fill(['a.service', '', 0]) }, 'ended is no list of runs'],
    ['jobs without end', { ...good(), jobs: Array(1025).fill(1) }, 'jobs is no list of job IDs'],
    ['a count below 0', withUnit({ restarts: [['auto', -1, '', 0]] }), 'units[0].restarts is no list of counters'],
    [
      'counters without end',
      withUnit({ failures: Array(25).fill(['x', 1, '', 0]) }),
      'units[0].failures is no list of counters',
    ],
  ])('%s is refused with a reason', (_, json, reason) => {
    expect(() => parseTracker(json)).toThrow(reason)
  })
})

it('what is kept has a limit, and counters come first', () => {
  const tracker = newTracker()
  const quiet = Array.from({ length: 17_000 }, (_, i) => ({
    name: `${i}.service`,
    state: new Script('x.service').state,
  }))
  tracker.seed(quiet, 1n)
  feedAll(tracker, life().records)
  const { units } = written(tracker)
  expect([units.length, units[0]!.name]).toEqual([16_384, unit])
})

describe('where no boot ID can be read', () => {
  const script = loop(loop(new Script(unit).start(1, 'a'), 'b', 2, 1), 'c', 3, 2)
  const again = (state: UnitSnapshot['state']): UnitTracker => {
    const first = newTracker()
    first.seed([], script.records[0]!.realtimeNs)
    feedAll(first, script.records)
    const second = newTracker()
    second.accounts.restore(written(first, ''), '')
    second.begin(reading(unit, state), 2n ** 62n)
    return second
  }

  it('a run that goes on shows that it is the same boot: nothing is counted twice', () => {
    expect(counts(again(script.state))).toEqual({ auto: 2, 'exit-code': 2 })
  })

  it('where none does it is another: its restarts are counted, too', () => {
    const state = { ...script.state, invocationId: 'd'.repeat(32), nRestarts: 3 }
    expect(counts(again(state))).toEqual({ auto: 5, 'exit-code': 2 })
  })
})

it('a unit with more results than systemd has is saved as it can be read', () => {
  const script = new Script(unit).start(1, '0')
  for (let i = 0; i < 40; i++) {
    script.u('failed/failed', { ...crash, result: `result-${i}` }).u('inactive/dead', { result: 'success' })
    script.start(i + 2, (i % 2).toString())
  }
  const tracker = newTracker()
  feedAll(tracker, script.records)
  expect(written(tracker).units[0]!.failures).toHaveLength(24)
})
