import { describe, expect, it } from 'vitest'
import type { RawEvent } from '../../../../src/data/event.js'
import { noFacts, noStatuses, type RestartPolicy } from '../../../../src/data/unit-snapshot.js'
import { attr } from '../../../../src/lib/systemd/names.js'
import { feedAll, newTracker, Script } from './script.js'

const unit = 'a.service'
const service = (): Script => new Script(unit)
const policy = (when: string, change: Partial<RestartPolicy> = {}): RestartPolicy => ({
  when,
  delayUsec: 100_000,
  prevent: noStatuses,
  force: noStatuses,
  ...change,
})
const onFailure = policy('on-failure')
const crash = { pid: 0, result: 'exit-code', exit: 'exited:3' }

/** Events that have to do with an end, with their verdict; the start is no part of the story. */
function verdicts(events: readonly RawEvent[]): string[] {
  return events
    .filter(({ name }) => !name.endsWith('.started'))
    .filter(({ name, attributes }) => !(name.endsWith('job.finished') && attributes[attr.jobResult] === 'done'))
    .map(({ name, attributes }) => `${name.replace(/^systemd\.(unit\.)?/, '')} ${attributes[attr.verdict] ?? '-'}`)
}

function tell(script: Script, restart: RestartPolicy | undefined): RawEvent[] {
  const tracker = newTracker()
  // Loaded by an earlier story, so its configuration is known.
  tracker.seed(
    [{ name: script.unit, state: new Script(unit).state, facts: { ...noFacts, ...(restart && { restart }) } }],
    0n,
  )
  return feedAll(tracker, script.records)
}

describe('what the configuration says of an end', () => {
  const ends = {
    'exit code 0': { pid: 0, result: 'success', exit: 'exited:0' },
    'exit code 3': crash,
    SIGSEGV: { pid: 0, result: 'signal', exit: 'killed:11' },
    'a core': { pid: 0, result: 'core-dump', exit: 'dumped:11' },
    watchdog: { pid: 0, result: 'watchdog', exit: 'dumped:6' },
    timeout: { pid: 0, result: 'timeout', exit: 'killed:15' },
    'oom-kill': { pid: 0, result: 'oom-kill', exit: 'killed:9' },
  } as const
  // systemd.service(5), table 1.
  it.each([
    ['no', []],
    ['always', Object.keys(ends)],
    ['on-success', ['exit code 0']],
    ['on-failure', ['exit code 3', 'SIGSEGV', 'a core', 'watchdog', 'timeout', 'oom-kill']],
    ['on-abnormal', ['SIGSEGV', 'a core', 'watchdog', 'timeout', 'oom-kill']],
    ['on-abort', ['SIGSEGV', 'a core']],
    ['on-watchdog', ['watchdog']],
  ] as const)('Restart=%s restarts after %j', (when, restarted) => {
    const found = Object.entries(ends).filter(([, end]) => {
      const to = end.result === 'success' ? 'inactive/dead' : 'failed/failed'
      const events = tell(service().start(1, 'a').u(to, end), policy(when))
      return events.at(-1)?.attributes[attr.verdict] === 'will_restart'
    })
    expect(found.map(([name]) => name)).toEqual(restarted)
  })

  it.each([
    ['an exit code that prevents it', policy('always', { prevent: { codes: [3], signals: [] } }), crash, 'gave_up'],
    [
      'a signal of the same number does not',
      policy('always', { prevent: { codes: [], signals: [3] } }),
      crash,
      'will_restart',
    ],
    ['a signal that forces it', policy('no', { force: { codes: [], signals: [11] } }), ends.SIGSEGV, 'will_restart'],
    [
      'what prevents goes before what forces',
      policy('no', { prevent: { codes: [3], signals: [] }, force: { codes: [3], signals: [] } }),
      crash,
      'gave_up',
    ],
    ['a Restart= that systemd does not have yet', policy('on-tuesdays'), crash, undefined],
    ['a configuration that was not read yet', undefined, crash, undefined],
  ])('%s', (_, restart, end, verdict) => {
    const events = tell(service().start(1, 'a').u('failed/failed', end), restart)
    expect(events.at(-1)?.attributes[attr.verdict]).toBe(verdict)
  })

  it('says when: the delay begins with the failure, and anew with the state that waits', () => {
    const script = service().start(1, 'a').u('failed/failed', crash)
    const failedAt = script.state.stateChangeUsec
    script.u('activating/auto-restart')
    const due = tell(script, onFailure).map(({ attributes }) => attributes[attr.restartDueUsec])
    expect(due.slice(-2)).toEqual([failedAt + 100_000, script.state.stateChangeUsec + 100_000])
  })

  it('has no date where there is none: RestartSec=infinity, and a delay that is not known', () => {
    const script = service().start(1, 'a').u('failed/failed', crash).u('activating/auto-restart')
    for (const restart of [policy('always', { delayUsec: 2 ** 64 }), undefined]) {
      const { attributes } = tell(script, restart).at(-1)!
      expect([attributes[attr.verdict], attributes[attr.restartDueUsec]]).toEqual(['will_restart', undefined])
    }
  })
})

describe('stories, with a verdict on each end', () => {
  it.each<[string, Script, RestartPolicy | undefined, string[]]>([
    [
      'a crash loop that runs into its start limit',
      service()
        .start(1, 'a')
        .u('failed/failed', crash)
        .u('activating/auto-restart')
        .u('activating/auto-restart', { job: 2, restarts: 1 })
        .u('inactive/dead')
        .u('failed/failed')
        .jobRemoved(2, 'failed')
        .u('failed/failed', { job: 0 }),
      onFailure,
      ['failed will_restart', 'restarting will_restart', 'start_limit_hit gave_up', 'job.finished gave_up'],
    ],
    [
      'what follows corrects what the configuration had said',
      service().start(1, 'a').u('failed/failed', crash).u('activating/auto-restart'),
      policy('no'),
      ['failed gave_up', 'restarting will_restart'],
    ],
    [
      'a start that fails and is tried again: the job is told what the unit was',
      service()
        .u('inactive/dead', { job: 1, inv: 'a', pid: 7, result: 'success', exit: '' })
        .u('activating/start')
        .u('failed/failed', crash)
        .jobRemoved(1, 'failed')
        .u('failed/failed', { job: 0 })
        .u('activating/auto-restart'),
      onFailure,
      ['failed will_restart', 'job.finished will_restart', 'restarting will_restart'],
    ],
    [
      'a stop: by a job, whatever Restart= says',
      service()
        .start(1, 'a')
        .u('active/running', { job: 2 })
        .u('deactivating/stop-sigterm')
        .u('inactive/dead', { pid: 0, exit: 'killed:15' })
        .jobRemoved(2)
        .u('inactive/dead', { job: 0 }),
      policy('always'),
      ['stopped stopped_by_operator'],
    ],
    [
      'a failure because of which it is started anew at once (Upholds=): nobody had asked for the end',
      service()
        .start(1, 'a')
        .u('failed/failed', { ...crash, job: 2 })
        .u('inactive/dead', { inv: 'b', result: 'success', exit: '' }),
      policy('no'),
      ['failed gave_up', 'restarting will_restart'],
    ],
    [
      'a stop that is taken badly',
      service()
        .start(1, 'a')
        .u('active/running', { job: 2 })
        .u('deactivating/stop-sigterm')
        .u('failed/failed', crash)
        .jobRemoved(2)
        .u('failed/failed', { job: 0 }),
      policy('always'),
      ['failed stopped_by_operator'],
    ],
    [
      'a stop of which PID 1 has merged all states with the job on them',
      service().start(1, 'a').jobNew(2).jobRemoved(2).u('inactive/dead', { pid: 0, exit: 'killed:15' }),
      policy('always'),
      ['stopped stopped_by_operator'],
    ],
    [
      'systemctl restart whose stop is taken badly: the restart goes on',
      service()
        .start(1, 'a')
        .u('active/running', { job: 2 })
        .u('deactivating/stop-sigterm')
        .u('failed/failed', crash)
        .u('failed/failed', { inv: 'b', result: 'success', exit: '' })
        .u('active/running')
        .jobRemoved(2),
      onFailure,
      ['failed stopped_by_operator', 'restarting will_restart', 'restarted -'],
    ],
    [
      'systemctl restart, and a condition that is not met any more',
      service()
        .start(1, 'a')
        .u('active/running', { job: 2 })
        .u('deactivating/stop-sigterm')
        .u('inactive/dead', { pid: 0, exit: 'killed:15' })
        .u('inactive/dead', { condition: false })
        .jobRemoved(2)
        .u('inactive/dead', { job: 0 }),
      onFailure,
      ['stopped condition_not_met'],
    ],
    [
      'a stop while it waits for its restart',
      service()
        .start(1, 'a')
        .u('failed/failed', crash)
        .u('activating/auto-restart')
        .u('activating/auto-restart', { job: 2 })
        .u('inactive/dead')
        .jobRemoved(2)
        .u('inactive/dead', { job: 0 }),
      onFailure,
      ['failed will_restart', 'restarting will_restart', 'stopped stopped_by_operator'],
    ],
    [
      'a start that is taken back',
      service()
        .u('inactive/dead', { job: 1, inv: 'a', pid: 7, result: 'success', exit: '' })
        .u('activating/start')
        .jobRemoved(1, 'canceled')
        .u('activating/start', { job: 2 })
        .u('deactivating/stop-sigterm')
        .u('inactive/dead', { pid: 0, exit: 'killed:15' })
        .jobRemoved(2),
      onFailure,
      ['job.finished stopped_by_operator', 'stopped stopped_by_operator'],
    ],
    [
      'a crash in the middle of a reload is a crash',
      service()
        .start(1, 'a')
        .u('active/running', { job: 2 })
        .u('reloading/reload')
        .u('failed/failed', crash)
        .jobRemoved(2, 'failed')
        .u('failed/failed', { job: 0 })
        .u('activating/auto-restart'),
      onFailure,
      ['failed will_restart', 'job.finished will_restart', 'restarting will_restart'],
    ],
    [
      'a clean end that is started again',
      service().start(1, 'a').u('inactive/dead', { pid: 0, exit: 'exited:0' }).u('activating/auto-restart'),
      policy('always'),
      ['stopped will_restart', 'restarting will_restart'],
    ],
    [
      'a oneshot that has done its work leaves nothing to say',
      service()
        .u('inactive/dead', { job: 1, inv: 'a', pid: 7, result: 'success', exit: '' })
        .u('activating/start')
        .u('inactive/dead', { pid: 0, exit: 'exited:0' })
        .jobRemoved(1)
        .u('inactive/dead', { job: 0 }),
      onFailure,
      ['stopped -'],
    ],
    [
      'an assertion that is not met',
      service().u('inactive/dead', { job: 1 }).jobRemoved(1, 'assert').u('inactive/dead', { job: 0 }),
      onFailure,
      ['job.finished condition_not_met'],
    ],
    ['a start whose need failed', service().jobRemoved(1, 'dependency'), onFailure, ['job.finished dependency']],
    [
      'what is no service is never restarted: nothing has to be read for that',
      new Script('a.mount').start(1, 'a').u('failed/failed', { result: 'exit-code' }),
      undefined,
      ['failed gave_up'],
    ],
    [
      'RestartMode=direct (systemd 254): the state says it itself',
      service().start(1, 'a').u('activating/failed-before-auto-restart', crash).u('activating/auto-restart'),
      undefined,
      ['failed will_restart', 'restarting will_restart'],
    ],
  ])('%s', (_, script, restart, expected) => {
    expect(verdicts(tell(script, restart))).toEqual(expected)
  })
})

describe('a reading shows where a unit has come to rest', () => {
  const before = service().start(1, 'a')
  it.each([
    ['failed, though Restart= covers that: it was started too often', 'failed/failed', crash, 'failed gave_up'],
    [
      'down, though Restart= covers that: somebody stopped it',
      'inactive/dead',
      { pid: 0, exit: 'killed:15' },
      'stopped stopped_by_operator',
    ],
  ])('%s', (_, state, change, expected) => {
    const tracker = newTracker()
    const facts = { ...noFacts, restart: policy('always') }
    tracker.seed([{ name: unit, state: before.state, facts }], 0n)
    const later = new Script(unit, before.state).u(state, change)
    expect(verdicts(tracker.resync([{ name: unit, state: later.state }], [], 1n))).toEqual([expected])
  })
})

it('after a reload the configuration of a unit that something happens to is read before those of idle ones', () => {
  const tracker = newTracker()
  const names = Array.from({ length: 1000 }, (_, i) => `idle-${i}.service`)
  tracker.seed(
    [...names, unit].map((name) => ({ name, state: new Script(name).state, facts: noFacts })),
    0n,
  )
  tracker.noteConfigured(undefined)
  expect(tracker.unread().slice(0, 2)).toEqual(names.slice(0, 2))
  feedAll(tracker, service().start(1, 'a').records)
  expect(tracker.unread().slice(0, 2)).toEqual([unit, names[0]])
  expect(tracker.unread()).toHaveLength(1001)
})
