import { expect, it } from 'vitest'
import { failureOf, failureText } from '../../../../src/lib/systemd/failure.js'
import { attr } from '../../../../src/lib/systemd/names.js'
import { feedAll, newTracker, Script } from './script.js'

const script = (): Script => new Script('a.service')
const starting = (): Script =>
  script().u('inactive/dead', { inv: 'a', job: 1, result: 'success' }).u('activating/start-pre')
const up = (): Script => script().start(1, 'a')

// In the order in which systemd 252 passes through its states (service.c): it sets the result at once, and may stop what still runs, and run
// ExecStopPost=, before the unit is `failed`.
it.each<[string, Script, string, string]>([
  [
    'ExecStartPre= exits with 1',
    starting().u('failed/failed', { result: 'exit-code' }),
    'ExecStartPre= (exit-code)',
    'exit-code of ExecStartPre=',
  ],
  [
    '... and ExecStopPost= does well',
    starting().u('deactivating/stop-post', { result: 'exit-code' }).u('failed/failed'),
    'ExecStartPre= (exit-code)',
    'exit-code of ExecStartPre=',
  ],
  [
    '... and leaves a process behind',
    starting().u('deactivating/stop-sigterm', { result: 'exit-code' }).u('failed/failed'),
    'ExecStartPre= (exit-code)',
    'exit-code of ExecStartPre=',
  ],
  [
    'ExecStartPre= takes too long',
    starting().u('deactivating/stop-sigterm', { result: 'timeout' }).u('failed/failed'),
    'ExecStartPre= (timeout)',
    'timeout of ExecStartPre=',
  ],
  [
    'ExecStartPost= exits with 1 beside a main process that lives',
    up()
      .u('activating/start-post')
      .u('deactivating/stop-sigterm', { result: 'exit-code' })
      .u('failed/failed', { exit: 'killed:15' }),
    'ExecStartPost= (exit-code)',
    'exit-code of ExecStartPost=',
  ],
  [
    'ExecStop= exits with 1, and ExecStopPost= does well',
    up()
      .u('deactivating/stop')
      .u('deactivating/stop-post', { result: 'exit-code', exit: 'exited:0' })
      .u('failed/failed'),
    'ExecStop= (exit-code)',
    'exit-code of ExecStop=',
  ],
  [
    'ExecStopPost= exits with 1 after a main process that ended well',
    up().u('deactivating/stop-post', { exit: 'exited:0' }).u('failed/failed', { result: 'exit-code' }),
    'ExecStopPost= (exit-code)',
    'exit-code of ExecStopPost=',
  ],
  [
    '... or by what SuccessExitStatus= names',
    up().u('deactivating/stop-post', { exit: 'exited:143' }).u('failed/failed', { result: 'exit-code' }),
    'ExecStopPost= (exit-code)',
    'exit-code of ExecStopPost=',
  ],
  [
    'the main process exits with 3, and ExecStopPost= runs',
    up().u('deactivating/stop-post', { result: 'exit-code', exit: 'exited:3' }).u('failed/failed'),
    'exit code 3',
    'exit-code 3',
  ],
  [
    'the main process dies while ExecStop= runs',
    up().u('deactivating/stop').u('deactivating/stop-post', { result: 'signal', exit: 'killed:11' }).u('failed/failed'),
    'signal SIGSEGV',
    'signal SIGSEGV',
  ],
  [
    'RuntimeMaxSec= is over',
    up().u('deactivating/stop-sigterm', { result: 'timeout' }).u('failed/failed', { exit: 'killed:15' }),
    'timeout, signal SIGTERM',
    'timeout SIGTERM',
  ],
  [
    'a watchdog, and ExecStopPost= runs',
    up()
      .u('deactivating/stop-watchdog', { result: 'watchdog' })
      .u('deactivating/stop-post', { exit: 'exited:0' })
      .u('failed/failed'),
    'watchdog, exit code 0',
    'watchdog',
  ],
  [
    'a command of which no state was seen',
    script().u('inactive/dead', { inv: 'a', job: 1, result: 'success' }).u('failed/failed', { result: 'exit-code' }),
    'exit-code',
    'exit-code',
  ],
])('%s', (_, story, said, reason) => {
  const failed = feedAll(newTracker(), story.records).filter(({ name }) => name === 'systemd.unit.failed')
  expect(failed.map(({ body }) => body)).toEqual([`a.service failed: ${said}`])
  const { attributes } = failed[0]!
  const command = attributes[attr.failedCommand] ?? ''
  expect(said.startsWith('Exec')).toBe(command !== '')
  const [code, signal] = [attributes[attr.exitCode], attributes[attr.exitSignal]]
  const exit = signal === undefined ? (code === undefined ? undefined : { code }) : { signal, coreDumped: false }
  expect(failureText(failureOf(String(attributes[attr.result]), exit as never, String(command)))).toBe(reason)
})

it('a restart says the same, also where the unit was `failed` in between', () => {
  const story = starting()
    .u('failed/failed', { result: 'exit-code' })
    .u('activating/auto-restart')
    .u('inactive/dead', { inv: 'b', job: 2, result: 'success' })
    .u('failed/failed', { result: 'exit-code' })
  expect(feedAll(newTracker(), story.records).map(({ body }) => body)).toEqual([
    'a.service failed: ExecStartPre= (exit-code)',
    'a.service ended: ExecStartPre= (exit-code), will be restarted (1)',
    // Of the next run nothing is known.
    'a.service failed: exit-code',
  ])
})
