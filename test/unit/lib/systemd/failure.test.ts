import { expect, it } from 'vitest'
import { failureOf, failureText } from '../../../../src/lib/systemd/failure.js'
import { attr } from '../../../../src/lib/systemd/names.js'
import { feedAll, newTracker, Script } from './script.js'

it.each([
  ['exit-code', { code: 3 }, 'running', 'exit-code 3'],
  ['signal', { signal: 'SIGSEGV' }, 'running', 'signal SIGSEGV'],
  ['watchdog', { signal: 'SIGABRT' }, 'stop-watchdog', 'watchdog SIGABRT'],
  // The main process has not begun yet.
  ['exit-code', {}, 'start-pre', 'exit-code of ExecStartPre='],
  ['timeout', {}, 'start-pre', 'timeout of ExecStartPre='],
  ['exit-code', {}, 'condition', 'exit-code of ExecCondition='],
  // It has ended well.
  ['exit-code', { code: 0 }, 'stop-post', 'exit-code of ExecStopPost='],
  ['exit-code', { code: 0 }, 'stop', 'exit-code of ExecStop='],
  ['signal', { code: 0 }, 'stop', 'signal of ExecStop='],
  // Stopped by systemd, after ExecStartPost= had failed.
  ['exit-code', { signal: 'SIGTERM' }, 'start-post', 'exit-code of ExecStartPost='],
  ['exit-code', { signal: 'SIGTERM' }, 'stop-sigterm', 'exit-code'],
  // It ended badly itself, whatever ran afterwards.
  ['exit-code', { code: 3 }, 'stop-post', 'exit-code 3'],
  ['protocol', { code: 0 }, 'start', 'protocol'],
  ['start-limit-hit', {}, 'dead', 'start-limit-hit'],
  ['', { code: 0 }, 'running', ''],
] as const)('%s, a main process with %j, while %s: %s', (result, exit, subState, said) => {
  expect(failureText(failureOf(result, exit, subState))).toBe(said)
})

it('names the setting whose command failed, not the main process that has ended well', () => {
  const script = new Script('a.service').start(1, 'a')
  script.u('deactivating/stop-post', { pid: 0, exit: 'exited:0' })
  script.u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:0' })
  const { body, attributes } = feedAll(newTracker(), script.records).at(-1)!
  expect(body).toBe('a.service failed: ExecStopPost= (exit-code)')
  expect(attributes[attr.exitCode]).toBe(0) // of the main process
})
