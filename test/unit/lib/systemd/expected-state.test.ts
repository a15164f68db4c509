import { describe, expect, test } from 'vitest'
import type { UnitState } from '../../../../src/data/signal-record.js'
import { noFacts, noStatuses, type UnitFacts } from '../../../../src/data/unit-snapshot.js'
import { type Circumstances, shouldRun } from '../../../../src/lib/systemd/expected-state.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'

const up: UnitState = { ...unloadedState, activeState: 'active', inactiveExitUsec: 5, result: 'success' }
const down: UnitState = { ...unloadedState, inactiveExitUsec: 5, result: 'success', execMainCode: 1 }
const failed: UnitState = { ...down, activeState: 'failed', result: 'exit-code' }
const waiting: UnitState = { ...up, activeState: 'activating', subState: 'auto-restart' }
const neverRan: UnitState = { ...unloadedState, result: 'success' }

const restart = (when: string): Partial<UnitFacts> => ({
  restart: { when, delayUsec: 100_000, prevent: noStatuses, force: noStatuses },
})
const daemon = { serviceType: 'notify', remainAfterExit: false, unitFileState: 'enabled', ...restart('on-failure') }
const oneshot = { serviceType: 'oneshot', remainAfterExit: false, ...restart('no') }
const stays = { serviceType: 'oneshot', remainAfterExit: true, ...restart('no') }

type Case = [
  story: string,
  unit: string,
  facts: Partial<UnitFacts> | undefined,
  state: UnitState,
  expected: boolean | undefined,
  around?: Partial<Circumstances>,
]

function check(cases: readonly Case[]): void {
  test.each(cases)('%s', (_, unit, facts, state, expected, around = {}) => {
    const known = {
      facts: facts && { ...noFacts, ...facts },
      state,
      pulledIn: true,
      conflicts: false,
      endAsked: false,
      endSeen: true,
      ...around,
    }
    expect(shouldRun(unit, known)).toBe(expected)
  })
}

describe('a service that something active wants should run', () => {
  check([
    ['it runs', 'a.service', daemon, up, true],
    ['it failed', 'a.service', daemon, failed, true],
    ['it waits for its restart', 'a.service', daemon, waiting, true],
    ['it was enabled and never started', 'a.service', daemon, neverRan, true],
    ['an operator stopped it', 'a.service', daemon, down, true, { endAsked: true }],
    [
      'it is static, and a running service needs it',
      'a.service',
      { ...daemon, unitFileState: 'static' },
      down,
      true,
      { endAsked: true },
    ],
    [
      'somebody stopped it before the agent came: systemd restarts it always',
      'a.service',
      { ...daemon, ...restart('always') },
      down,
      true,
      { endSeen: false },
    ],
    ['a oneshot that stays active was stopped', 'a.service', stays, down, true, { endSeen: false }],
    ['a oneshot that stays active has run', 'a.service', stays, up, true],
  ])
})

describe('a service that need not run sets off no alarm', () => {
  check([
    [
      'nothing wants it: disabled, or started by a socket or a timer',
      'a.service',
      daemon,
      down,
      false,
      { pulledIn: false },
    ],
    ['somebody started it by hand', 'a.service', daemon, up, false, { pulledIn: false }],
    ['a oneshot has done its work', 'a.service', oneshot, down, false],
    ['a oneshot failed: its state says so', 'a.service', oneshot, failed, false],
    ['a oneshot runs', 'a.service', oneshot, { ...up, activeState: 'activating', subState: 'start' }, false],
    ['it is masked', 'a.service', { ...daemon, unitFileState: 'masked' }, down, false, { endAsked: true }],
    ['it is masked until the next boot', 'a.service', { ...daemon, unitFileState: 'masked-runtime' }, down, false],
    ['a condition was not met', 'a.service', daemon, { ...neverRan, conditionUsec: 7, conditionResult: false }, false],
    ['ExecCondition= said no', 'a.service', daemon, { ...down, result: 'exec-condition' }, false],
    ['its rival runs', 'a.service', daemon, down, false, { conflicts: true, endAsked: true }],
    ['it ended in order by itself', 'a.service', daemon, down, false],
  ])
})

describe('what is not known is not guessed', () => {
  check([
    ['its configuration was not read', 'a.service', undefined, down, undefined],
    ['it could not be read', 'a.service', {}, down, undefined],
    ['who wants it was not read', 'a.service', daemon, down, undefined, { pulledIn: undefined }],
    ['it was down before the agent came, stopped or done', 'a.service', daemon, down, undefined, { endSeen: false }],
  ])
})

describe('other types', () => {
  check([
    ['a timer of timers.target waits', 'a.timer', {}, up, true],
    ['a timer was stopped: its job never runs', 'a.timer', {}, down, true],
    ['a disabled timer', 'a.timer', {}, down, false, { pulledIn: false }],
    ['a socket was stopped', 'a.socket', {}, down, true],
    ['a file system of fstab is not mounted', 'a.mount', {}, down, true],
    ['one that is mounted on demand is not', 'a.mount', {}, down, false, { pulledIn: false }],
    ['a path whose condition was not met', 'a.path', {}, { ...down, conditionUsec: 7 }, false],
    ['nobody misses a target', 'a.target', {}, down, undefined],
    ['nor a scope', 'a.scope', {}, down, undefined],
  ])
})
