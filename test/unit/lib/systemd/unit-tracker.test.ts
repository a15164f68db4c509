import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SignalRecord } from '../../../../src/data/signal-record.js'
import { noFacts } from '../../../../src/data/unit-snapshot.js'
import { runSpanId } from '../../../../src/lib/systemd/ids.js'
import { attr, metric } from '../../../../src/lib/systemd/names.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import { brief, feedAll, metricsOf, newTracker, Script } from './script.js'

const service = (): Script => new Script('a.service')

// The sequences are those a real systemd 252 sent; the letters are runs (InvocationIDs).
const truth: readonly (readonly [story: string, script: Script, events: readonly string[]])[] = [
  ['a start', service().start(1, 'a'), ['started a', 'job.finished a done']],
  [
    'a stop',
    service()
      .start(1, 'a')
      .u('active/running', { job: 2 })
      .jobNew(2)
      .u('deactivating/stop-sigterm')
      .u('inactive/dead', { pid: 0, exit: 'killed:15' })
      .jobRemoved(2)
      .u('inactive/dead', { job: 0 })
      .unitRemoved()
      .unitNew()
      .unitRemoved(),
    ['started a', 'job.finished a done', 'stopped a SIGTERM', 'job.finished a done SIGTERM'],
  ],
  [
    'systemctl restart: no stop and no start',
    service()
      .start(1, 'a')
      .u('active/running', { job: 2 })
      .jobNew(2)
      .u('deactivating/stop-sigterm')
      .u('inactive/dead', { pid: 0, exit: 'killed:15' })
      .u('inactive/dead', { pid: 101, inv: 'b', exit: '' })
      .u('active/running')
      .jobRemoved(2)
      .u('active/running', { job: 0 }),
    ['started a', 'job.finished a done', 'restarting a manual SIGTERM', 'restarted b manual', 'job.finished b done'],
  ],
  [
    'systemctl restart whose stopping half runs into its time limit',
    service()
      .start(1, 'a')
      .u('active/running', { job: 2 })
      .u('deactivating/stop-sigterm')
      .u('deactivating/stop-sigkill', { result: 'timeout' })
      .u('failed/failed', { pid: 0, exit: 'killed:9' })
      .u('failed/failed', { inv: 'b', result: 'success', exit: '' })
      .u('active/running', { pid: 102 })
      .jobRemoved(2),
    [
      'started a',
      'job.finished a done',
      'failed a SIGKILL timeout',
      'restarting a manual SIGKILL',
      'restarted b manual',
      'job.finished b done',
    ],
  ],
  [
    'systemctl restart whose starting half is refused by a condition',
    service()
      .start(1, 'a')
      .u('active/running', { job: 2 })
      .u('deactivating/stop-sigterm')
      .u('inactive/dead', { pid: 0, exit: 'killed:15' })
      .u('inactive/dead', { condition: false })
      .jobRemoved(2)
      .u('inactive/dead', { job: 0 }),
    ['started a', 'job.finished a done', 'stopped a SIGTERM', 'job.finished a done SIGTERM condition'],
  ],
  [
    'a reload by ExecReload=',
    service()
      .start(1, 'a')
      .u('active/running', { job: 2 })
      .jobNew(2)
      .u('reloading/reload')
      .u('active/running')
      .jobRemoved(2)
      .u('active/running', { job: 0 }),
    ['started a', 'job.finished a done', 'reloaded a', 'job.finished a done'],
  ],
  [
    'a reload whose command fails: nothing was reloaded',
    service()
      .start(1, 'a')
      .u('active/running', { job: 2 })
      .u('reloading/reload')
      .u('active/running')
      .jobRemoved(2, 'failed')
      .u('active/running', { job: 0 }),
    ['started a', 'job.finished a done', 'job.finished a failed failed'],
  ],
  [
    'a reload the service announces itself (RELOADING=1)',
    service().start(1, 'a').u('reloading/reload').jobNew(2).jobRemoved(2).u('active/running'),
    ['started a', 'job.finished a done', 'job.finished a done', 'reloaded a'],
  ],
  [
    'an exit code, no restart',
    service().start(1, 'a').u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' }),
    ['started a', 'job.finished a done', 'failed a 3 exit-code'],
  ],
  [
    'reset-failed says nothing happened',
    service()
      .start(1, 'a')
      .u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' })
      .u('inactive/dead', { result: 'success' })
      .unitRemoved(),
    ['started a', 'job.finished a done', 'failed a 3 exit-code'],
  ],
  [
    'a crash loop that runs into its start limit',
    service()
      .start(1, 'a')
      .u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' })
      .u('activating/auto-restart')
      .u('activating/auto-restart', { job: 2, restarts: 1 })
      .jobNew(2)
      .u('inactive/dead', { inv: 'b', pid: 101, result: 'success', exit: '' })
      .u('active/running')
      .jobRemoved(2)
      .u('active/running', { job: 0 })
      .u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' })
      .u('activating/auto-restart')
      .u('activating/auto-restart', { job: 3, restarts: 2 })
      .jobNew(3)
      .u('inactive/dead')
      .u('failed/failed')
      .jobRemoved(3, 'failed')
      .u('failed/failed', { job: 0 }),
    [
      'started a',
      'job.finished a done',
      'failed a 3 exit-code',
      'restarting a auto 3',
      'restarted b auto',
      'job.finished b done',
      'failed b 3 exit-code',
      'restarting b auto 3',
      'start_limit_hit b 3 start-limit-hit',
      'job.finished b failed 3 failed',
    ],
  ],
  [
    'a start by hand while the start limit holds',
    new Script('a.service', { ...unloadedState, activeState: 'failed', subState: 'failed', result: 'exit-code' })
      .u('failed/failed', { job: 4, inv: 'a', exit: 'exited:3' })
      .u('failed/failed', { job: 5 })
      .jobNew(5)
      .jobRemoved(5, 'failed'),
    ['failed a 3 exit-code', 'start_limit_hit a 3 start-limit-hit', 'job.finished a failed 3 failed'],
  ],
  [
    'Restart=always after a clean exit',
    service()
      .start(1, 'a')
      .u('inactive/dead', { pid: 0, exit: 'exited:0' })
      .u('activating/auto-restart')
      .u('activating/auto-restart', { job: 2, restarts: 1 })
      .u('inactive/dead', { inv: 'b', pid: 101, exit: '' })
      .u('active/running')
      .jobRemoved(2),
    [
      'started a',
      'job.finished a done',
      'stopped a 0',
      'restarting a auto 0',
      'restarted b auto',
      'job.finished b done',
    ],
  ],
  [
    'systemctl stop while it waits for its restart',
    service()
      .start(1, 'a')
      .u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' })
      .u('activating/auto-restart')
      .u('activating/auto-restart', { job: 2 })
      .u('inactive/dead')
      .jobRemoved(2)
      .u('inactive/dead', { job: 0 }),
    [
      'started a',
      'job.finished a done',
      'failed a 3 exit-code',
      'restarting a auto 3',
      'stopped a 3',
      'job.finished a done 3',
    ],
  ],
  [
    'systemd 254 and later: names for the states before an auto-restart',
    service()
      .start(1, 'a')
      .u('activating/failed-before-auto-restart', { pid: 0, result: 'exit-code', exit: 'exited:3' })
      .u('activating/auto-restart')
      .u('activating/auto-restart-queued', { job: 2, restarts: 1 })
      .u('inactive/dead', { inv: 'b', pid: 101, result: 'success', exit: '' })
      .u('active/running')
      .jobRemoved(2),
    [
      'started a',
      'job.finished a done',
      'failed a 3 exit-code',
      'restarting a auto 3',
      'restarted b auto',
      'job.finished b done',
    ],
  ],
  [
    'a start that runs into its time limit',
    service()
      .u('inactive/dead', { job: 1, inv: 'a', pid: 100, result: 'success' })
      .u('activating/start')
      .u('deactivating/stop-sigterm', { result: 'timeout' })
      .u('failed/failed', { pid: 0, exit: 'killed:15' })
      .jobRemoved(1, 'failed')
      .u('failed/failed', { job: 0 }),
    ['failed a SIGTERM timeout', 'job.finished a failed SIGTERM failed'],
  ],
  [
    'a watchdog timeout: told before the failure, once',
    service()
      .start(1, 'a')
      .u('deactivating/stop-watchdog', { result: 'watchdog' })
      .u('failed/failed', { pid: 0, exit: 'dumped:6' }),
    ['started a', 'job.finished a done', 'watchdog_timeout a watchdog', 'failed a SIGABRT watchdog'],
  ],
  [
    'an OOM kill whose stopping state was merged away',
    service().start(1, 'a').u('failed/failed', { pid: 0, result: 'oom-kill', exit: 'killed:9' }),
    ['started a', 'job.finished a done', 'oom_killed a SIGKILL oom-kill', 'failed a SIGKILL oom-kill'],
  ],
  [
    'a condition that was met and is not any more',
    service()
      .start(1, 'a')
      .u('inactive/dead', { pid: 0, exit: 'exited:0' })
      .u('inactive/dead', { job: 2 })
      .u('inactive/dead', { condition: false })
      .jobRemoved(2),
    ['started a', 'job.finished a done', 'stopped a 0', 'job.finished a done 0 condition'],
  ],
  [
    'systemctl stop of a unit that never ran',
    service().unitNew().jobNew(1).u('inactive/dead', { job: 1, result: 'success' }).jobRemoved(1).unitRemoved(),
    ['job.finished - done'],
  ],
  [
    'the first start of a unit, refused by a condition',
    service()
      .unitNew()
      .jobNew(1)
      .u('inactive/dead', { job: 1, result: 'success', condition: false })
      .jobRemoved(1)
      .unitRemoved(),
    ['job.finished - done condition'],
  ],
  [
    'a start refused by a condition that has never been met, and then a stop',
    service()
      .u('inactive/dead', { job: 1, result: 'success', condition: false })
      .jobRemoved(1)
      .u('inactive/dead', { job: 2, condition: false })
      .jobRemoved(2)
      .u('inactive/dead', { job: 3 })
      .jobRemoved(3),
    ['job.finished - done condition', 'job.finished - done condition', 'job.finished - done'],
  ],
  [
    'systemctl stop of a unit whose condition was not met the last time',
    service()
      .start(1, 'a')
      .u('inactive/dead', { pid: 0, exit: 'exited:0', condition: false })
      .u('inactive/dead', { job: 2 })
      .jobRemoved(2),
    ['started a', 'job.finished a done', 'stopped a 0', 'job.finished a done 0'],
  ],
  [
    'ExecCondition= that says no',
    service()
      .u('inactive/dead', { job: 1, inv: 'a', result: 'success', condition: true })
      .u('activating/condition')
      .u('inactive/dead', { result: 'exec-condition' })
      .jobRemoved(1)
      .u('inactive/dead', { job: 2 })
      .jobRemoved(2),
    ['job.finished a done condition', 'job.finished a done'],
  ],
  [
    'a oneshot, not known as one before: told at its end, with the right times',
    service()
      .u('inactive/dead', { job: 1, inv: 'a', pid: 100, result: 'success', condition: true })
      .u('activating/start')
      .u('inactive/dead', { pid: 0, exit: 'exited:0' })
      .jobRemoved(1)
      .u('inactive/dead', { job: 0 }),
    ['started a', 'stopped a 0', 'job.finished a done 0'],
  ],
  [
    'a oneshot that remains after exit',
    service()
      .u('inactive/dead', { job: 1, inv: 'a', pid: 100, result: 'success', condition: true })
      .u('activating/start')
      .u('active/exited', { pid: 0, exit: 'exited:0' })
      .jobRemoved(1)
      .u('active/exited', { job: 2 })
      .u('inactive/dead')
      .jobRemoved(2),
    ['started a 0', 'job.finished a done 0', 'stopped a 0', 'job.finished a done 0'],
  ],
  [
    'systemctl stop in the middle of a slow start',
    service()
      .u('inactive/dead', { job: 1, inv: 'a', pid: 100, result: 'success', condition: true })
      .u('activating/start')
      .jobRemoved(1, 'canceled')
      .u('activating/start', { job: 2 })
      .u('deactivating/stop-sigterm')
      .u('inactive/dead', { pid: 0, exit: 'killed:15' })
      .jobRemoved(2),
    ['job.finished a canceled canceled', 'stopped a SIGTERM', 'job.finished a done SIGTERM'],
  ],
  [
    'a timer that fires: it stays active',
    new Script('t.timer')
      .u('inactive/dead', { job: 1, inv: 'a', result: 'success' })
      .u('active/waiting')
      .jobRemoved(1)
      .u('active/running', { job: 0 })
      .u('active/waiting'),
    ['started a', 'job.finished a done'],
  ],
  [
    'dependency bookkeeping: a state without a change',
    new Script('shutdown.target').u('inactive/dead').u('inactive/dead'),
    [],
  ],
  [
    'daemon-reload: every unit goes and comes back, none of it true',
    service().start(1, 'a').reloading(true).unitRemoved().unitNew().u('active/running').reloading(false),
    ['started a', 'job.finished a done'],
  ],
  [
    'merged away by a busy PID 1: a whole crash and restart between two states',
    service().start(1, 'a').u('active/running', { inv: 'b', restarts: 1, pid: 101 }),
    ['started a', 'job.finished a done', 'restarting a auto inferred', 'restarted b auto'],
  ],
  [
    'merged away by a busy PID 1: the failure itself',
    service().start(1, 'a').u('activating/auto-restart', { result: 'exit-code', exit: 'exited:3', pid: 0 }),
    ['started a', 'job.finished a done', 'failed a 3 exit-code inferred', 'restarting a auto 3'],
  ],
  [
    'merged away by a busy PID 1: the short life between a restart and the next crash',
    service()
      .start(1, 'a')
      .u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' })
      .u('activating/auto-restart')
      .u('activating/auto-restart', { job: 2, restarts: 1 })
      .u('inactive/dead', { inv: 'b', pid: 101, result: 'success', exit: '' })
      .u('active/running')
      .merged()
      .jobRemoved(2)
      .u('failed/failed', { pid: 0, job: 0, result: 'exit-code', exit: 'exited:3' }),
    [
      'started a',
      'job.finished a done',
      'failed a 3 exit-code',
      'restarting a auto 3',
      'job.finished b done',
      'restarted b auto 3 inferred',
      'failed b 3 exit-code',
    ],
  ],
  [
    'merged away by a busy PID 1: all between two waits for a restart',
    service()
      .start(1, 'a')
      .u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' })
      .u('activating/auto-restart')
      .u('inactive/dead', { inv: 'b', pid: 101, result: 'success', exit: '', restarts: 1 })
      .merged()
      .u('active/running')
      .merged()
      .u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:3' })
      .merged()
      .u('activating/auto-restart'),
    [
      'started a',
      'job.finished a done',
      'failed a 3 exit-code',
      'restarting a auto 3',
      'restarted b auto 3 inferred',
      'failed b 3 exit-code inferred',
      'restarting b auto 3',
    ],
  ],
  [
    'merged away by a busy PID 1: the moment between a slow start and its stop',
    service()
      .u('inactive/dead', { job: 1, inv: 'a', pid: 100, result: 'success', condition: true })
      .u('activating/start')
      .u('active/running')
      .merged()
      .jobRemoved(1)
      .u('deactivating/stop-sigterm', { job: 2 })
      .u('inactive/dead', { pid: 0, exit: 'killed:15' })
      .jobRemoved(2),
    ['job.finished a done', 'started a inferred', 'stopped a SIGTERM', 'job.finished a done SIGTERM'],
  ],
  [
    'unloaded while it was thought to be up',
    service().start(1, 'a').unitRemoved(),
    ['started a', 'job.finished a done', 'stopped a inferred'],
  ],
]

describe('what a unit tells', () => {
  for (const [story, script, expected] of truth) {
    it(story, () => expect(feedAll(newTracker(), script.records).map(brief)).toEqual(expected))
  }
})

describe('an event', () => {
  it('carries the run it is about: the ended one for a stop, the new one for a restart', () => {
    const restart = truth[2]![1]
    const events = feedAll(newTracker(), restart.records)
    const [, , restarting, restarted] = events
    expect(restarting).toMatchObject({ traceId: 'a'.repeat(32), spanId: runSpanId('a'.repeat(32)) })
    expect(restarted).toMatchObject({ traceId: 'b'.repeat(32), spanId: runSpanId('b'.repeat(32)) })
    expect(restarted!.attributes[attr.mainPid]).toBe(101)
  })

  it("has systemd's microsecond as its time, and the reading as the time it was seen", () => {
    const script = service().start(1, 'a')
    const [started] = feedAll(newTracker(), script.records)
    expect(started!.timeUnixNano).toBe(BigInt(script.state.activeEnterUsec) * 1000n)
    expect(started!.observedTimeUnixNano).toBeGreaterThan(started!.timeUnixNano)
  })

  it('reads like a sentence', () => {
    const bodies = feedAll(newTracker(), truth[10]![1].records).map((event) => event.body)
    expect(bodies).toEqual([
      'a.service started',
      'job 1 of a.service finished: done',
      'a.service failed: exit code 3',
      'a.service ended: exit code 3, will be restarted (1)',
      'a.service restarted (1)',
      'job 2 of a.service finished: done',
      'a.service failed: exit code 3',
      'a.service ended: exit code 3, will be restarted (2)',
      'a.service gave up: started too often, last exit code 3',
      'job 3 of a.service finished: failed, will not be restarted',
    ])
  })

  it('names the unit whose failed job took the waiting one with it', () => {
    const failed = new Script('db.service')
      .u('inactive/dead', { job: 2, inv: 'd', result: 'success' })
      .u('activating/start')
      .u('failed/failed', { result: 'exit-code', exit: 'exited:1' })
      .jobRemoved(2, 'failed')
    const waiting = new Script('web.service').jobRemoved(1, 'dependency').u('inactive/dead')
    const events = feedAll(newTracker(), [...failed.records, ...waiting.records])
    expect(events.map(brief)).toEqual([
      'failed d 1 exit-code',
      'job.finished d failed 1 failed',
      'job.finished - dependency dependency db.service',
    ])
  })

  it('names the partner whose death stopped it (BindsTo=)', () => {
    const tracker = newTracker()
    const up = { ...unloadedState, activeState: 'active', subState: 'running', stateChangeUsec: 1 }
    tracker.seed(
      [
        { name: 'web.service', state: up, dependencies: { Requires: ['db.service'], BindsTo: ['db.service'] } },
        { name: 'db.service', state: up },
      ],
      1n,
    )
    const db = new Script('db.service', up).u('failed/failed', { result: 'signal', exit: 'killed:11' })
    const web = new Script('web.service', up)
      .u('active/running', { job: 7 })
      .u('deactivating/stop-sigterm')
      .u('inactive/dead')
      .jobRemoved(7)
    const events = feedAll(tracker, [web.records[0]!, ...db.records, ...web.records.slice(1)])
    expect(events.map(brief)).toEqual(['failed - SIGSEGV signal', 'stopped - db.service', 'job.finished - done'])
  })
})

describe('after a gap', () => {
  const running = service().start(1, 'a').state

  it('tells what changed, as inferred, and nothing else', () => {
    const tracker = newTracker()
    const names = ['same', 'restarted', 'died', 'gone', 'new'].map((name) => `${name}.service`)
    for (const name of names.slice(0, 4)) tracker.seed([{ name, state: running }], 1n)
    const later = running.stateChangeUsec + 5_000_000
    const units = [
      { name: 'same.service', state: running },
      {
        name: 'restarted.service',
        state: { ...running, invocationId: 'b'.repeat(32), nRestarts: 2, stateChangeUsec: later },
      },
      {
        name: 'died.service',
        state: { ...running, activeState: 'failed', subState: 'failed', result: 'signal', stateChangeUsec: later },
      },
      { name: 'new.service', state: { ...running, stateChangeUsec: later } },
    ]
    const events = tracker.resync(units, ['gone.service'], 9n)
    expect(events.map((event) => `${event.resource.attributes['service.name']} ${brief(event)}`)).toEqual([
      'restarted.service restarting a auto inferred',
      'restarted.service restarted b auto inferred',
      'died.service failed a signal inferred',
      'new.service started a inferred',
      'gone.service stopped a inferred',
    ])
    expect(tracker.resync(units, ['gone.service'], 10n)).toEqual([])
  })

  it('does not believe signals older than the reading', () => {
    const tracker = newTracker()
    const stop = service()
      .start(1, 'a')
      .u('active/running', { job: 2 })
      .u('deactivating/stop-sigterm')
      .u('inactive/dead', { job: 0 })
    tracker.seed([{ name: 'a.service', state: stop.state }], 1n)
    expect(feedAll(tracker, stop.records).map(brief)).toEqual(['job.finished a done'])
  })

  it('does not believe a reading older than the signals', () => {
    const tracker = newTracker()
    const script = service().start(1, 'a')
    const old = script.state
    script.u('failed/failed', { result: 'exit-code', exit: 'exited:1' })
    feedAll(tracker, script.records)
    expect(tracker.resync([{ name: 'a.service', state: old }], [], 9n)).toEqual([])
    expect(tracker.state('a.service')!.activeState).toBe('failed')
  })

  it('believes them again when the clock was stepped back by an hour', () => {
    const tracker = newTracker()
    const script = service().start(1, 'a')
    tracker.seed(
      [{ name: 'a.service', state: { ...script.state, stateChangeUsec: script.state.stateChangeUsec + 3.6e9 } }],
      1n,
    )
    script.u('failed/failed', { result: 'exit-code', exit: 'exited:1' })
    expect(feedAll(tracker, script.records.slice(-1)).map(brief)).toEqual(['failed a 1 exit-code'])
  })
})

describe('a oneshot known as one', () => {
  const facts = { ...noFacts, serviceType: 'oneshot' }
  const run = service()
    .u('inactive/dead', { job: 1, inv: 'a', pid: 100, result: 'success', condition: true })
    .u('activating/start-pre')
    .u('activating/start')

  it('is told as started when its command begins to run', () => {
    const tracker = newTracker()
    tracker.seed([{ name: 'a.service', state: unloadedState, facts }], 1n)
    expect(feedAll(tracker, run.records).map(brief)).toEqual(['started a'])
  })

  it('is told as started when its type becomes known meanwhile', () => {
    const tracker = newTracker()
    expect(feedAll(tracker, run.records)).toEqual([])
    expect(tracker.learn('a.service', { facts }, 5n).map(brief)).toEqual(['started a'])
    expect(tracker.learn('a.service', { facts }, 6n)).toEqual([])
  })
})

describe('counters', () => {
  const value = (metrics: ReturnType<typeof metricsOf>, name: string, key: string, of: string) =>
    metrics.find((m) => m.name === name)?.points.find((p) => p.attributes[key] === of)

  it('count restarts and failures, with the run as exemplar, through reset-failed and unloading', () => {
    const tracker = newTracker()
    const loop = truth[10]![1]
    feedAll(tracker, loop.records)
    feedAll(tracker, [...service().u('inactive/dead').unitRemoved().records])
    feedAll(tracker, service().start(9, 'c').records)
    const metrics = metricsOf(tracker, 10n)
    expect(value(metrics, metric.restarts, attr.restartCause, 'auto')).toMatchObject({ value: 2 })
    expect(value(metrics, metric.failures, attr.result, 'exit-code')).toMatchObject({
      value: 2,
      exemplars: [{ traceId: 'b'.repeat(32) }],
    })
    expect(value(metrics, metric.failures, attr.result, 'start-limit-hit')).toMatchObject({ value: 1 })
    expect(metrics.find((m) => m.name === metric.nRestarts)!.points[0]).toMatchObject({ value: 0 })
  })

  it('count every restart that merging left out', () => {
    const tracker = newTracker()
    feedAll(tracker, service().start(1, 'a').u('active/running', { inv: 'b', restarts: 5 }).records)
    expect(value(metricsOf(tracker, 10n), metric.restarts, attr.restartCause, 'auto')).toMatchObject({ value: 5 })
  })

  it('show exactly one state per unit, and units by state on the host', () => {
    const tracker = newTracker()
    feedAll(tracker, service().start(1, 'a').records)
    const metrics = metricsOf(tracker, 10n)
    const states = metrics.find((m) => m.name === metric.unitState)!.points
    expect(states.filter((p) => 'value' in p && p.value === 1).map((p) => p.attributes[attr.activeState])).toEqual([
      'active',
    ])
    expect(value(metrics, metric.units, attr.activeState, 'active')).toMatchObject({ value: 1 })
  })
})

describe('whatever comes', () => {
  const states = ['inactive/dead', 'activating/start', 'activating/auto-restart', 'active/running', 'reloading/reload']
  const all = [...states, 'deactivating/stop-sigterm', 'failed/failed']
  const step = fc.record({
    state: fc.constantFrom(...all),
    job: fc.integer({ min: 0, max: 2 }),
    inv: fc.constantFrom('a', 'b', 'c'),
    result: fc.constantFrom('success', 'exit-code', 'watchdog', 'oom-kill'),
    restarts: fc.integer({ min: 0, max: 3 }),
    after: fc.constantFrom('', 'done', 'failed', 'canceled', 'removed'),
  })
  type Step = typeof step extends fc.Arbitrary<infer S> ? S : never
  const scriptOf = (steps: readonly Step[]): Script => {
    const script = service()
    for (const { state, job, inv, result, restarts, after } of steps) {
      script.u(state, { job, inv, result, restarts })
      if (after === 'removed') script.unitRemoved()
      else if (after !== '') script.jobRemoved(job, after)
    }
    return script
  }

  it('a run starts at most once and ends at most once, and nothing depends on grouping or repeats', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { records } = scriptOf(steps)
        const names = feedAll(newTracker(), records).map(brief)
        let up = false
        for (const name of names) {
          const kind = name.split(' ')[0]!
          if (kind === 'started' || kind === 'restarted') {
            expect(up).toBe(false)
            up = true
          } else if (kind === 'stopped' || kind === 'failed' || kind === 'restarting') up = false
        }
        // systemd repeats itself; a repeat of a state tells nothing.
        const doubled = records.flatMap((r): SignalRecord[] => (r.kind === 'unit_changed' ? [r, r] : [r]))
        expect(feedAll(newTracker(), doubled).map(brief)).toEqual(names)
      }),
      { numRuns: 500 },
    )
  })

  it('memory has a limit, and what is beyond it is counted', () => {
    const tracker = newTracker(3)
    for (let i = 0; i < 10; i++) feedAll(tracker, new Script(`u${i}.service`).start(i + 1, 'a').records)
    expect(tracker.size).toBe(3)
    expect(tracker.untracked).toBeGreaterThan(0)
  })
})

it('knows which units are failed now, and how and since when', () => {
  const tracker = newTracker()
  const crashed = service().start(1, 'a').u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:11' })
  const mended = new Script('b.service')
    .start(2, 'b')
    .u('failed/failed', { result: 'exit-code', pid: 0, exit: 'exited:3' })
  feedAll(tracker, [...crashed.records, ...mended.records, ...new Script('c.service').start(3, 'c').records])
  const failed = () => tracker.series.unitsFailed()
  expect(failed()).toEqual([
    {
      kind: 'failed_unit',
      severity: 17,
      resource: expect.objectContaining({ attributes: expect.objectContaining({ [attr.unit]: 'a.service' }) }),
      text: 'a.service has failed (signal SIGSEGV)',
      sinceUnixNano: BigInt(crashed.usec) * 1000n,
      attributes: {
        [attr.unit]: 'a.service',
        [attr.result]: 'signal',
        [attr.invocationId]: 'a'.repeat(32),
        [attr.exitSignal]: 'SIGSEGV',
      },
    },
    expect.objectContaining({ text: 'b.service has failed (exit-code 3)' }),
  ])
  const stopping = new Script('d.service')
    .start(4, 'd')
    .u('failed/failed', { result: 'exit-code', pid: 0, exit: 'killed:15' })
  feedAll(tracker, stopping.records)
  // ExecStop= has failed, and not by the signal that ended the main process.
  expect(failed().at(-1)!.text).toBe('d.service has failed (exit-code)')
  feedAll(tracker, stopping.u('inactive/dead', { result: 'success' }).records.slice(-1))
  feedAll(tracker, mended.u('inactive/dead', { result: 'success' }).records.slice(-1))
  expect(failed().map(({ text }) => text)).toEqual(['a.service has failed (signal SIGSEGV)'])
})

it.each([
  ['before it was told of as failed', 0],
  ['afterwards', 1],
])('tells once that a failed unit which reset-failed has unloaded is so no more: %s', (_, collections) => {
  const tracker = newTracker()
  const script = service().start(1, 'a').u('failed/failed', { result: 'signal', pid: 0, exit: 'killed:11' })
  const states = () =>
    metricsOf(tracker, 9n).flatMap((one) =>
      one.name === metric.unitState && one.type === 'sum'
        ? one.points.flatMap(({ attributes, value }) => (value === 1 ? [attributes[attr.activeState]] : []))
        : [],
    )
  feedAll(tracker, script.records)
  for (let n = 0; n < collections; n++) expect(states()).toEqual(['failed'])
  const told = script.records.length
  feedAll(tracker, script.u('inactive/dead', { result: 'success' }).unitRemoved().records.slice(told))
  expect(states()).toEqual(['inactive'])
  expect(states()).toEqual([])
})
