import { describe, expect, it } from 'vitest'
import type { RawEvent } from '../../../../src/data/event.js'
import type { SignalRecord, UnitState } from '../../../../src/data/signal-record.js'
import type { HistoryEntry, HistoryKind } from '../../../../src/lib/systemd/history-entry.js'
import { attr, event, metric } from '../../../../src/lib/systemd/names.js'
import type { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'
import { brief, feedAll, metricsOf, newTracker, Script } from './script.js'

const unit = 'a.service'
const boot = 'b'.repeat(32)
const nextBoot = 'c'.repeat(32)

/** What systemd 252 signals, and beside it what it tells the journal: order, fields and runs are those of a real one. */
class Life extends Script {
  readonly journal: HistoryEntry[] = []
  #restarts = 0
  #job = 0
  #inv = ''

  say(kind: HistoryKind, extra: Partial<HistoryEntry> = {}, early = false): this {
    // Some are said just before the state changes, some just after.
    const atUsec = this.usec + (early ? 900 : 100)
    this.journal.push({ kind, unit: this.unit, atUsec, bootId: boot, invocationId: this.#inv.repeat(32), ...extra })
    return this
  }

  begin(inv: string): this {
    const job = ++this.#job
    this.u('inactive/dead', {
      job,
      inv,
      pid: job,
      result: 'success',
      exit: '',
      condition: true,
      restarts: this.#restarts,
    })
    this.#inv = inv
    this.u('active/running').say('started', { jobId: job, jobType: 'start', result: 'done' })
    return this.jobRemoved(job).u('active/running', { job: 0 })
  }

  crash(result = 'exit-code'): this {
    this.say('exited', { exitCode: 'exited', exitStatus: '3' }, true).say('failed', { result }, true)
    return this.u('failed/failed', { pid: 0, result, exit: 'exited:3' }).u('activating/auto-restart')
  }

  scheduled(): number {
    const job = ++this.#job
    this.#restarts++
    this.u('activating/auto-restart', { job, restarts: this.#restarts }).say('restart_scheduled', {
      nRestarts: this.#restarts,
    })
    this.say('stopped', { jobId: job, jobType: 'restart', result: 'done' })
    return job
  }

  restarted(inv: string): this {
    const job = this.scheduled()
    return this.#up(inv, job)
  }

  limit(): this {
    const job = this.scheduled()
    this.u('inactive/dead').say('failed', { result: 'exit-code' }, true).u('failed/failed')
    this.say('start_failed', { jobId: job, jobType: 'start', result: 'failed' })
    return this.jobRemoved(job, 'failed').u('failed/failed', { job: 0 })
  }

  byHand(inv: string): this {
    const job = ++this.#job
    this.#stopping(job, 'restart')
    this.say('deactivated', {}, true).u('inactive/dead', { pid: 0, exit: 'killed:15' })
    this.say('stopped', { jobId: job, jobType: 'restart', result: 'done' })
    this.#restarts = 0
    return this.#up(inv, job)
  }

  stop(): this {
    const job = ++this.#job
    this.#stopping(job, 'stop')
    return this.say('deactivated', {}, true).u('inactive/dead', { pid: 0, exit: 'killed:15' }).#stopped(job)
  }

  /** By somebody who does not want it to be restarted: systemd waits for that, so there is nothing to be ended. */
  stopWaiting(): this {
    const job = ++this.#job
    return this.u('activating/auto-restart', { job }).u('inactive/dead').#stopped(job)
  }

  /** It takes its stop badly. */
  stopFailing(): this {
    const job = ++this.#job
    this.#stopping(job, 'stop')
    this.say('exited', { exitCode: 'exited', exitStatus: '3' }, true).say('failed', { result: 'exit-code' }, true)
    return this.u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' }).#stopped(job)
  }

  resetFailed(): this {
    this.#restarts = 0
    return this.u('inactive/dead', { result: 'success', restarts: 0 })
  }

  #stopping(job: number, jobType: string): void {
    this.u('active/running', { job }).say('stopping', { jobId: job, jobType }).u('deactivating/stop-sigterm')
  }

  #stopped(job: number): this {
    this.say('stopped', { jobId: job, jobType: 'stop', result: 'done' })
    return this.jobRemoved(job).u(this.state.activeState === 'failed' ? 'failed/failed' : 'inactive/dead', { job: 0 })
  }

  #up(inv: string, job: number): this {
    this.u('inactive/dead', { inv, pid: job, result: 'success', exit: '', restarts: this.#restarts, condition: true })
    this.#inv = inv
    this.u('active/running').say('started', { jobId: job, jobType: 'start', result: 'done' })
    return this.jobRemoved(job).u('active/running', { job: 0 })
  }
}

const story = (): Life =>
  new Life(unit)
    .begin('1')
    .crash()
    .restarted('2')
    .crash('watchdog')
    .restarted('3')
    .byHand('4')
    .crash()
    .restarted('5')
    .crash()
    .limit()
    .resetFailed()
    .begin('6')
    .crash('signal')
    .restarted('7')
    .stop()
    .begin('8')
    .crash()
    .stopWaiting()
    .begin('9')
    .stopFailing()
    .resetFailed()
    .begin('a')

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

/** What happened to the unit: jobs that ended are told only where they were seen. */
const stories = (events: readonly RawEvent[]): string[] =>
  events
    .filter(({ name }) => name !== event.jobFinished && name !== event.watchdogTimeout)
    .map(({ name, traceId, attributes }) => {
      const words = [
        name.replace('systemd.unit.', ''),
        traceId?.[0],
        attributes[attr.restartCause],
        attributes[attr.errorType],
      ]
      return words.filter((word) => word !== undefined).join(' ')
    })

/** As systemd answers then: a job that is over is on no unit, though no signal has said so yet. */
function stateAt(records: readonly SignalRecord[]): UnitState | undefined {
  const last = records.findLast((one) => one.kind === 'unit_changed')
  if (last?.kind !== 'unit_changed') return undefined
  const { state } = last
  const isOver = records.some((one) => one.kind === 'job_removed' && one.jobId === state.jobId)
  return isOver ? { ...state, jobId: 0 } : state
}

describe('an agent that is killed and started again, with the journal to ask', () => {
  const life = story()
  const { records, journal } = life
  const whole = newTracker()
  whole.seed([], records[0]!.realtimeNs)
  const told = stories(feedAll(whole, records))
  const truth = counts(whole)

  it('has something to lose', () => {
    expect(truth).toEqual({ auto: 4, watchdog: 1, manual: 1, 'exit-code': 5, signal: 1, 'start-limit-hit': 1 })
  })

  /** Saved when `saved` records had come, started again `read` records later. The journal goes back to the beginning, and on. */
  function killed(saved: number, read: number): { tracker: UnitTracker; events: string[] } {
    const first = newTracker()
    first.seed([], records[0]!.realtimeNs)
    const before = feedAll(first, records.slice(0, saved))
    const tracker = newTracker()
    tracker.accounts.restore(JSON.parse(JSON.stringify(first.accounts.save(boot))), boot)
    const state = stateAt(records.slice(0, read))
    const readings = state === undefined ? [] : [{ name: unit, state }]
    const nowNs = records[Math.max(0, read - 1)]!.realtimeNs
    const between = tracker.begin(readings, nowNs, journal)
    const after = feedAll(tracker, records.slice(read))
    return { tracker, events: stories([...before, ...between, ...after]) }
  }

  it.each(records.map((_, saved) => saved))(
    'saved at record %i: whenever it comes back, all is told once and counted once',
    (saved) => {
      for (let read = saved; read <= records.length; read++) {
        const { tracker, events } = killed(saved, read)
        expect(counts(tracker), `read at ${read}`).toEqual(truth)
        expect(events, `read at ${read}`).toEqual(told)
      }
    },
  )

  it('a stop while it waits for its restart is told at its own time, not at that of the failure', () => {
    const away = new Life(unit).begin('1').crash().wait(200).stopWaiting()
    const tracker = newTracker()
    tracker.accounts.restore(JSON.parse(JSON.stringify(newTracker().accounts.save(boot))), boot)
    const events = tracker.begin([], 2n ** 62n, away.journal)
    const times = events.map(({ name, timeUnixNano }) => [name, Number(timeUnixNano / 1000n)])
    const saidAt = (kind: HistoryKind) => away.journal.find((one) => one.kind === kind)?.atUsec
    expect(times).toEqual([
      [event.started, saidAt('started')],
      [event.failed, saidAt('failed')],
      [event.restarting, saidAt('failed')],
      [event.stopped, saidAt('stopped')],
    ])
  })

  it('a start that failed began after the run before it, whatever the stamps of that one say', () => {
    const life = new Life(unit).begin('1').crash().wait(200).stopWaiting()
    const first = newTracker()
    feedAll(first, life.records)
    const tracker = newTracker()
    tracker.accounts.restore(JSON.parse(JSON.stringify(first.accounts.save(boot))), boot)
    const atUsec = life.usec + 60_000_000
    const failed = { unit, atUsec, bootId: boot, invocationId: '2'.repeat(32), result: 'exit-code' }
    const refused = { ...failed, atUsec: atUsec + 100, result: 'failed', jobId: 99, jobType: 'start' }
    const events = tracker.begin([], BigInt(atUsec + 1000) * 1000n, [
      { ...failed, kind: 'failed' },
      { ...refused, kind: 'start_failed' },
    ])
    const { timeUnixNano, attributes } = events.find(({ name }) => name === event.failed)!
    expect([Number(timeUnixNano / 1000n), attributes[attr.inactiveExitUsec]]).toEqual([atUsec, atUsec])
  })

  it('says that it comes from the journal, with the times and runs of then', () => {
    const tracker = newTracker()
    tracker.accounts.restore(JSON.parse(JSON.stringify(newTracker().accounts.save(boot))), boot)
    const events = tracker.begin([{ name: unit, state: life.state }], 2n ** 62n, journal)
    expect(new Set(events.map(({ attributes }) => String(attributes[attr.evidence])))).toEqual(new Set(['journal']))
    expect(events.map(({ timeUnixNano }) => timeUnixNano)).toEqual(
      events.map(({ timeUnixNano }) => timeUnixNano).toSorted((a, b) => (a < b ? -1 : 1)),
    )
    expect(counts(tracker)).toEqual(truth)
  })
})

describe('a reboot', () => {
  it('tells the end of the last boot and the beginning of this one, and counts both', () => {
    const last = new Life(unit).begin('1').crash().restarted('2')
    const first = newTracker()
    feedAll(first, last.records)
    const saved = JSON.parse(JSON.stringify(first.accounts.save(boot)))
    last.crash().restarted('3').stop()
    const now = new Life(unit).wait(60_000).begin('4').crash().restarted('5')
    const tracker = newTracker()
    tracker.accounts.restore(saved, nextBoot)
    const journal = [...last.journal, ...now.journal.map((entry) => ({ ...entry, bootId: nextBoot }))]
    const events = tracker.begin([{ name: unit, state: now.state }], BigInt(now.usec) * 1000n, journal)
    expect(stories(events)).toEqual([
      'failed 2 exit-code',
      'restarting 2 auto',
      'restarted 3 auto',
      'stopped 3',
      'started 4',
      'failed 4 exit-code',
      'restarting 4 auto',
      'restarted 5 auto',
    ])
    expect(counts(tracker)).toEqual({ auto: 3, 'exit-code': 3 })
  })
})

describe('what is not in the reading', () => {
  const restored = (saved: unknown = newTracker().accounts.save(boot)): UnitTracker => {
    const tracker = newTracker()
    tracker.accounts.restore(JSON.parse(JSON.stringify(saved)), boot)
    return tracker
  }

  it('a unit that came, failed and went is told, and leaves its counts', () => {
    const life = new Life(unit).begin('1').crash()
    const tracker = restored()
    const events = tracker.begin([], BigInt(life.usec) * 1000n, life.journal)
    expect(stories(events)).toEqual(['started 1', 'failed 1 exit-code'])
    expect([tracker.size, tracker.remembered, counts(tracker)]).toEqual([0, 1, { 'exit-code': 1 }])
  })

  it('one that had gone before the end is not told again', () => {
    const life = new Life(unit).begin('1').stop().unitRemoved()
    const first = newTracker()
    feedAll(first, life.records)
    expect(restored(first.accounts.save(boot)).begin([], BigInt(life.usec) * 1000n, life.journal)).toEqual([])
  })

  it('a start whose need failed is told with the reason', () => {
    const db = new Life('db.service').begin('1').say('failed', { result: 'exit-code' })
    const needed: HistoryEntry = {
      kind: 'start_failed',
      unit,
      atUsec: db.usec + 200,
      bootId: boot,
      invocationId: '',
      result: 'dependency',
      jobId: 9,
    }
    const failed: HistoryEntry = {
      ...needed,
      unit: 'db.service',
      result: 'failed',
      jobId: 8,
      invocationId: '1'.repeat(32),
    }
    const events = restored().begin([], BigInt(db.usec + 1000) * 1000n, [...db.journal, failed, needed])
    expect(events.map(brief).at(-1)).toBe('job.finished - dependency dependency db.service inferred')
  })
})
