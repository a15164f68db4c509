import { type Lab, waitFor } from '../lab/lab.js'

/** An incident as an operator would note it down. */
export interface Noted {
  readonly root: string
  readonly reason: string
  /** In the order in which they failed, and in alphabetical order. */
  readonly failed: readonly string[]
  readonly takenDown: readonly string[]
  /** What was said last: the state, or how it was resolved. */
  readonly end: 'open' | 'recovering' | 'gave_up' | 'recovered' | 'stopped' | 'merged' | 'evicted'
  readonly failures: number
}

/** What happens to units, and the incidents that it is: these and no others. */
export interface IncidentScenario {
  readonly name: string
  readonly units: Readonly<Record<string, string>>
  readonly run: (lab: Lab) => Promise<void>
  readonly incidents: readonly Noted[]
}

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n'

async function systemctl(lab: Lab, ...args: string[]): Promise<void> {
  await lab.exec(['systemctl', ...args], { allowFailure: true })
}

async function reaches(lab: Lab, unit: string, state: string): Promise<void> {
  await waitFor(`${unit} to be ${state}`, async () => {
    const { ActiveState, SubState, Job } = await lab.show(unit, 'ActiveState', 'SubState', 'Job')
    return `${ActiveState}/${SubState}` === state && (Job === undefined || Job === '' || Job === '0')
  })
}

const kill = (lab: Lab, ...units: string[]): Promise<void> => systemctl(lab, 'kill', '--signal=KILL', ...units)

/** `<prefix>-c` on `<prefix>-b` on `<prefix>-a`, each tied by `edge`; a is killed. */
function chain(edge: string, expected: Pick<Noted, 'takenDown' | 'end'>): IncidentScenario {
  const prefix = edge.toLowerCase()
  const name = (letter: string): string => `${prefix}-${letter}.service`
  const tied = (to: string): string => `[Unit]\n${edge}=${to}\n${edge === 'After' ? '' : `After=${to}\n`}${sleeper}`
  return {
    name: `chain A <- B <- C by ${edge}=, A dies`,
    units: { [name('a')]: sleeper, [name('b')]: tied(name('a')), [name('c')]: tied(name('b')) },
    async run(lab) {
      for (const letter of ['a', 'b', 'c']) await systemctl(lab, 'start', name(letter))
      await kill(lab, name('a'))
      for (const unit of expected.takenDown) await reaches(lab, unit, 'inactive/dead')
      if (expected.end === 'gave_up') await reaches(lab, name('a'), 'failed/failed')
    },
    incidents: [{ root: name('a'), reason: 'signal SIGKILL', failed: [name('a')], failures: 1, ...expected }],
  }
}

/** Lives as long as it hears from the fifo of `from`, and has one itself. */
function listener(unit: string, from: string): string {
  return `[Unit]\nRequires=${from}\nAfter=${from}\n[Service]\nExecStartPre=/usr/bin/mkfifo /run/${unit}.fifo\nExecStart=/bin/sh -c 'exec 3</run/${from}.fifo 4<>/run/${unit}.fifo; touch /run/${unit}.hears; read x <&3; exit 4'\n`
}

const left = (...units: string[]): Pick<Noted, 'takenDown' | 'end'> => ({ takenDown: units, end: 'gave_up' })

export const incidentScenarios: readonly IncidentScenario[] = [
  {
    name: 'crash loop until the start limit',
    units: {
      'loop.service':
        '[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=60\n[Service]\nExecStart=/bin/sh -c "exit 3"\nRestart=on-failure\nRestartSec=100ms\n',
    },
    async run(lab) {
      await systemctl(lab, 'start', 'loop.service')
      await reaches(lab, 'loop.service', 'failed/failed')
    },
    incidents: [
      {
        root: 'loop.service',
        reason: 'exit-code 3',
        failed: ['loop.service'],
        takenDown: [],
        end: 'gave_up',
        failures: 3,
      },
    ],
  },
  {
    name: 'one crash, and well again',
    units: { 'once.service': `${sleeper}Restart=on-failure\nRestartSec=100ms\n` },
    async run(lab) {
      await systemctl(lab, 'start', 'once.service')
      await kill(lab, 'once.service')
    },
    incidents: [
      {
        root: 'once.service',
        reason: 'signal SIGKILL',
        failed: ['once.service'],
        takenDown: [],
        end: 'recovered',
        failures: 1,
      },
    ],
  },
  chain('Requires', left()),
  chain('Requisite', left()),
  chain('BindsTo', left('bindsto-b.service', 'bindsto-c.service')),
  chain('PartOf', left()),
  chain('Wants', left()),
  chain('After', left()),
  // B, which upholds A, has it started again.
  chain('Upholds', { takenDown: [], end: 'recovered' }),
  {
    name: 'chain A <- B <- C, A dies, and the others fail for want of it, in whatever order',
    units: {
      'hear-a.service': `[Service]\nExecStartPre=/usr/bin/mkfifo /run/hear-a.service.fifo\nExecStart=/bin/sh -c 'exec 4<>/run/hear-a.service.fifo; sleep infinity'\n`,
      'hear-b.service': listener('hear-b.service', 'hear-a.service'),
      'hear-c.service': listener('hear-c.service', 'hear-b.service'),
    },
    async run(lab) {
      await systemctl(lab, 'start', 'hear-c.service')
      await waitFor('both to listen', async () => {
        const heard = ['/run/hear-b.service.hears', '/run/hear-c.service.hears']
        return (await lab.exec(['ls', ...heard], { allowFailure: true })).code === 0
      })
      await kill(lab, 'hear-a.service')
      await reaches(lab, 'hear-c.service', 'failed/failed')
      await reaches(lab, 'hear-a.service', 'failed/failed')
    },
    incidents: [
      {
        root: 'hear-a.service',
        reason: 'signal SIGKILL',
        failed: ['hear-a.service', 'hear-b.service', 'hear-c.service'],
        takenDown: [],
        end: 'gave_up',
        failures: 3,
      },
    ],
  },
  {
    name: 'a dependency that cannot be started',
    units: {
      'wants-it.service': `[Unit]\nRequires=cannot.service\nAfter=cannot.service\n${sleeper}`,
      'cannot.service': '[Service]\nType=oneshot\nExecStart=/bin/false\n',
    },
    run: (lab) => systemctl(lab, 'start', 'wants-it.service'),
    incidents: [
      {
        root: 'cannot.service',
        reason: 'exit-code 1',
        failed: ['cannot.service'],
        takenDown: ['wants-it.service'],
        end: 'gave_up',
        failures: 1,
      },
    ],
  },
  {
    name: 'the cause comes back by itself, what was bound to it by hand',
    units: {
      'back.service': `${sleeper}Restart=on-failure\nRestartSec=100ms\n`,
      'bound-to-it.service': `[Unit]\nBindsTo=back.service\nAfter=back.service\n${sleeper}`,
    },
    async run(lab) {
      await systemctl(lab, 'start', 'bound-to-it.service')
      await kill(lab, 'back.service')
      await reaches(lab, 'bound-to-it.service', 'inactive/dead')
      await reaches(lab, 'back.service', 'active/running')
      await systemctl(lab, 'start', 'bound-to-it.service')
    },
    incidents: [
      {
        root: 'back.service',
        reason: 'signal SIGKILL',
        failed: ['back.service'],
        takenDown: ['bound-to-it.service'],
        end: 'recovered',
        failures: 1,
      },
    ],
  },
  {
    name: 'two unrelated failures at once',
    units: { 'left.service': sleeper, 'right.service': `[Unit]\nAfter=left.service\n${sleeper}` },
    async run(lab) {
      await systemctl(lab, 'start', 'left.service', 'right.service')
      await kill(lab, 'left.service', 'right.service')
      await reaches(lab, 'left.service', 'failed/failed')
      await reaches(lab, 'right.service', 'failed/failed')
    },
    incidents: ['left.service', 'right.service'].map((root) => {
      return { root, reason: 'signal SIGKILL', failed: [root], takenDown: [], end: 'gave_up', failures: 1 }
    }),
  },
  {
    name: 'a timer whose job fails until it is repaired',
    units: {
      'nightly.timer': '[Timer]\nOnActiveSec=50ms\nOnUnitInactiveSec=200ms\nAccuracySec=1ms\n',
      // It counts its failures itself: whoever looked on could be late for one.
      'nightly.service':
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/sh -c '[ -e /run/repaired ] || { mkdir /run/night1 || mkdir /run/night2 || touch /run/repaired; exit 3; }'\n",
    },
    async run(lab) {
      await systemctl(lab, 'start', 'nightly.timer')
      await waitFor('three bad nights', async () => (await lab.exec(['ls', '/run'])).stdout.includes('repaired'))
    },
    incidents: [
      {
        root: 'nightly.service',
        reason: 'exit-code 3',
        failed: ['nightly.service'],
        takenDown: [],
        end: 'recovered',
        failures: 3,
      },
    ],
  },
  {
    name: 'watchdog',
    units: { 'hung.service': '[Service]\nLimitCORE=0\nExecStart=/bin/sleep infinity\nWatchdogSec=300ms\n' },
    async run(lab) {
      await systemctl(lab, 'start', 'hung.service')
      await reaches(lab, 'hung.service', 'failed/failed')
    },
    incidents: [
      {
        root: 'hung.service',
        reason: 'watchdog SIGABRT',
        failed: ['hung.service'],
        takenDown: [],
        end: 'gave_up',
        failures: 1,
      },
    ],
  },
  {
    name: 'a failing unit that an operator stops',
    units: { 'given-up-on.service': '[Service]\nExecStart=/bin/sh -c "exit 3"\nRestart=on-failure\nRestartSec=60\n' },
    async run(lab) {
      await systemctl(lab, 'start', 'given-up-on.service')
      await reaches(lab, 'given-up-on.service', 'activating/auto-restart')
      await systemctl(lab, 'stop', 'given-up-on.service')
    },
    incidents: [
      {
        root: 'given-up-on.service',
        reason: 'exit-code 3',
        failed: ['given-up-on.service'],
        takenDown: [],
        end: 'stopped',
        failures: 1,
      },
    ],
  },
  {
    name: 'a failure that somebody has seen to (reset-failed)',
    units: { 'seen-to.service': '[Service]\nExecStart=/bin/sh -c "exit 3"\n' },
    async run(lab) {
      await systemctl(lab, 'start', 'seen-to.service')
      await reaches(lab, 'seen-to.service', 'failed/failed')
      await systemctl(lab, 'reset-failed', 'seen-to.service')
    },
    incidents: [
      {
        root: 'seen-to.service',
        reason: 'exit-code 3',
        failed: ['seen-to.service'],
        takenDown: [],
        end: 'stopped',
        failures: 1,
      },
    ],
  },
  {
    name: 'a failure with a handler (OnFailure)',
    units: {
      'handled-one.service': '[Unit]\nOnFailure=handler-of-it.service\n[Service]\nExecStart=/bin/sh -c "exit 3"\n',
      'handler-of-it.service': sleeper,
    },
    async run(lab) {
      await systemctl(lab, 'start', 'handled-one.service')
      await reaches(lab, 'handler-of-it.service', 'active/running')
    },
    incidents: [
      {
        root: 'handled-one.service',
        reason: 'exit-code 3',
        failed: ['handled-one.service'],
        takenDown: [],
        end: 'gave_up',
        failures: 1,
      },
    ],
  },
  {
    name: 'a failure whose handler fails, and the handler of that (OnFailure)',
    units: {
      'badly-handled.service': `[Unit]\nOnFailure=bad-handler.service\n${sleeper}`,
      'bad-handler.service': '[Unit]\nOnFailure=bad-handler-of-it.service\n[Service]\nExecStart=/bin/sh -c "exit 4"\n',
      'bad-handler-of-it.service': '[Service]\nType=oneshot\nExecStart=/bin/false\n',
    },
    async run(lab) {
      await systemctl(lab, 'start', 'badly-handled.service')
      await kill(lab, 'badly-handled.service')
      await reaches(lab, 'bad-handler-of-it.service', 'failed/failed')
    },
    incidents: [
      {
        root: 'badly-handled.service',
        reason: 'signal SIGKILL',
        failed: ['bad-handler-of-it.service', 'bad-handler.service', 'badly-handled.service'],
        takenDown: [],
        end: 'gave_up',
        failures: 3,
      },
    ],
  },
  {
    name: 'a handler that was running before, and fails by itself',
    units: {
      'with-handler.service': `[Unit]\nOnFailure=busy-handler.service\n${sleeper}`,
      'busy-handler.service': sleeper,
    },
    async run(lab) {
      await systemctl(lab, 'start', 'busy-handler.service')
      await systemctl(lab, 'start', 'with-handler.service')
      await kill(lab, 'with-handler.service')
      await reaches(lab, 'with-handler.service', 'failed/failed')
      await kill(lab, 'busy-handler.service')
      await reaches(lab, 'busy-handler.service', 'failed/failed')
    },
    incidents: ['busy-handler.service', 'with-handler.service'].map((root) => {
      return { root, reason: 'signal SIGKILL', failed: [root], takenDown: [], end: 'gave_up', failures: 1 }
    }),
  },
  {
    name: 'a start that is in conflict with what runs (Conflicts), which takes its stop badly',
    units: {
      'day.service': `[Service]\nExecStart=/usr/bin/perl -e '$$SIG{TERM} = sub { exit 7 }; open F, q(>), q(/run/day); sleep'\nRestart=always\n`,
      'of-day.service': `[Unit]\nBindsTo=day.service\nAfter=day.service\n${sleeper}`,
      'night.service': `[Unit]\nConflicts=day.service\nAfter=day.service\n${sleeper}`,
    },
    async run(lab) {
      await systemctl(lab, 'start', 'of-day.service')
      await waitFor('its trap', async () => (await lab.exec(['ls', '/run/day'], { allowFailure: true })).code === 0)
      await systemctl(lab, 'start', 'night.service')
      await reaches(lab, 'day.service', 'failed/failed')
    },
    incidents: [],
  },
  {
    name: 'stops, restarts and reloads of what is well, and a stop that is taken badly',
    units: {
      'well.service': `${sleeper}ExecReload=/bin/true\n`,
      'well-user.service': `[Unit]\nBindsTo=well.service\nAfter=well.service\n${sleeper}`,
      'grumpy.service': `[Service]\nExecStart=/usr/bin/perl -e '$$SIG{TERM} = sub { exit 7 }; open F, q(>), q(/run/grumpy); sleep'\n`,
    },
    async run(lab) {
      await systemctl(lab, 'start', 'well-user.service', 'grumpy.service')
      await systemctl(lab, 'reload', 'well.service')
      await systemctl(lab, 'restart', 'well.service')
      await systemctl(lab, 'stop', 'well.service')
      await waitFor('its trap', async () => (await lab.exec(['ls', '/run/grumpy'], { allowFailure: true })).code === 0)
      await systemctl(lab, 'stop', 'grumpy.service')
    },
    incidents: [],
  },
]
