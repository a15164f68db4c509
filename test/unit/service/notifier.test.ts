import { expect, test } from 'vitest'
import { silentLogger } from '../../../src/component/logger.js'
import { createNotifier } from '../../../src/service/notifier.js'
import { FakeClock } from '../../../src/testkit/fake-clock.js'

function setUp(env: Record<string, string>) {
  const sent: string[] = []
  const clock = new FakeClock()
  let opened = 0
  const notifier = createNotifier({
    env,
    clock,
    logger: silentLogger,
    pid: 42,
    openSender: () => {
      opened++
      return (state) => {
        sent.push(state)
        return true
      }
    },
  })
  return { notifier, sent, clock, opened: () => opened }
}

const socket = { NOTIFY_SOCKET: '/run/systemd/notify' }

test('outside systemd nothing is sent, and the addon is not even loaded', () => {
  const { notifier, sent, opened } = setUp({ WATCHDOG_USEC: '1000000' })
  notifier.ready()
  notifier.stopping()
  expect(sent).toEqual([])
  expect(opened()).toBe(0)
})

test('ready, status, stopping', () => {
  const { notifier, sent } = setUp(socket)
  notifier.ready()
  notifier.status('3 of 3 components ok')
  notifier.stopping()
  expect(sent).toEqual(['READY=1', 'STATUS=3 of 3 components ok', 'STOPPING=1'])
})

test('a status cannot smuggle in another assignment', () => {
  const { notifier, sent } = setUp(socket)
  notifier.status('degraded: bus said "no"\nMAINPID=1')
  expect(sent).toEqual(['STATUS=degraded: bus said "no" MAINPID=1'])
})

test('the watchdog hears twice in each of its intervals, until closed', async () => {
  const { notifier, sent, clock } = setUp({ ...socket, WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' })
  notifier.ready()
  await clock.advance(60_000)
  expect(sent.filter((state) => state === 'WATCHDOG=1')).toHaveLength(4)
  notifier.close()
  expect(clock.pending).toBe(0)
})

test.each([
  ['another process is watched', { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '43' }],
  ['no watchdog', {}],
  ['not a number', { WATCHDOG_USEC: 'soon' }],
  ['zero', { WATCHDOG_USEC: '0' }],
])('no keep-alive when %s', async (_why, env) => {
  const { notifier, clock } = setUp({ ...socket, ...env })
  notifier.ready()
  expect(clock.pending).toBe(0)
})
