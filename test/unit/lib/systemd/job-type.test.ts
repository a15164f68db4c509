import { expect, test } from 'vitest'
import { Severity } from '../../../../src/data/event.js'
import { attr, event } from '../../../../src/lib/systemd/names.js'
import { feedAll, newTracker, Script } from './script.js'

/** `type queued` of each job's end, microseconds after the record that queued the first. */
function jobs(script: Script): readonly string[] {
  const first = script.records.find(({ kind }) => kind === 'job_new')
  const base = Number((first?.realtimeNs ?? 0n) / 1000n)
  return feedAll(newTracker(), script.records)
    .filter(({ name }) => name === event.jobFinished)
    .map(({ attributes }) => {
      const queued = attributes[attr.jobQueuedUsec]
      return `${attributes[attr.jobType] ?? '-'} ${queued === undefined ? '-' : Number(queued) - base}`
    })
}

const up = (): Script => new Script('a.service').start(1, 'a')

test.each<[string, Script, string]>([
  ['start', up(), 'start 0'],
  [
    'stop',
    up().u('active/running', { job: 2 }).jobNew(2).u('deactivating/stop-sigterm').u('inactive/dead').jobRemoved(2),
    'stop 4000',
  ],
  [
    'restart',
    up()
      .u('active/running', { job: 2 })
      .jobNew(2)
      .u('deactivating/stop-sigterm')
      .u('inactive/dead')
      .u('inactive/dead', { inv: 'b' })
      .u('active/running')
      .jobRemoved(2),
    'restart 4000',
  ],
  [
    'reload',
    up().u('active/running', { job: 2 }).jobNew(2).u('reloading/reload').u('active/running').jobRemoved(2),
    'reload 4000',
  ],
  ['a start of what is up', up().u('active/running', { job: 2 }).jobNew(2).jobRemoved(2), '- 4000'],
  [
    'a start that fails',
    new Script('a.service')
      .jobNew(1)
      .u('inactive/dead', { job: 1, inv: 'a' })
      .u('activating/start')
      .u('failed/failed', { result: 'timeout' })
      .jobRemoved(1, 'failed'),
    'start 0',
  ],
  [
    'a start that is refused',
    up().u('failed/failed', { result: 'exit-code' }).jobNew(2).u('failed/failed', { job: 2 }).jobRemoved(2, 'failed'),
    '- 4000',
  ],
  ['a job queued unseen', up().u('active/running', { job: 2 }).u('inactive/dead').jobRemoved(2), 'stop -'],
])('the job of %s', (_, script, last) => {
  expect(jobs(script).at(-1)).toBe(last)
})

test('a reload that passes through several sub-states began with the first', () => {
  const script = up()
    .u('active/running', { job: 2 })
    .jobNew(2)
    .u('reloading/reload-signal')
    .u('reloading/reload-notify')
    .u('active/running', { job: 0 })
  const began = script.records.find(
    (record) => record.kind === 'unit_changed' && record.state.activeState === 'reloading',
  )
  const reloaded = feedAll(newTracker(), script.records).find(({ name }) => name === event.reloaded)
  expect(reloaded?.attributes[attr.reloadBeganUsec]).toBe(began?.kind === 'unit_changed' && began.state.stateChangeUsec)
})

test.each([
  ['done', Severity.info],
  ['canceled', Severity.info],
  ['skipped', Severity.info],
  ['failed', Severity.warn],
  ['timeout', Severity.warn],
  ['dependency', Severity.warn],
  ['assert', Severity.warn],
  ['unsupported', Severity.warn],
  ['once', Severity.warn],
])('a job that ended with `%s` is as severe as %i', (result, severity) => {
  const script = new Script('a.service')
    .u('inactive/dead', { job: 1 })
    .jobNew(1)
    .u('inactive/dead')
    .jobRemoved(1, result)
  const ended = feedAll(newTracker(), script.records).filter(({ name }) => name === event.jobFinished)
  expect(ended.map((one) => one.severity)).toEqual([severity])
})
