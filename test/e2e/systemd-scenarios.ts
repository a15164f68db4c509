import { type Lab, waitFor } from '../lab/lab.js'

/** Something a unit does, and how to make a real systemd do it. */
export interface Scenario {
  readonly name: string
  readonly units: Readonly<Record<string, string>>
  /** Resolves when systemd is done with it. */
  readonly run: (lab: Lab) => Promise<void>
}

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n'
/** Its stop signal does nothing, so every stop runs into its limit. */
const stubborn = 'ExecStart=/bin/sleep infinity\nKillSignal=SIGWINCH'

/** A failing command is part of several stories. */
async function systemctl(lab: Lab, ...args: string[]): Promise<void> {
  await lab.exec(['systemctl', ...args], { allowFailure: true })
}

async function reaches(lab: Lab, unit: string, state: string): Promise<void> {
  await waitFor(`${unit} to be ${state}`, async () => {
    const { ActiveState, SubState, Job } = await lab.show(unit, 'ActiveState', 'SubState', 'Job')
    return `${ActiveState}/${SubState}` === state && (Job === undefined || Job === '' || Job === '0')
  })
}

export const scenarios: readonly Scenario[] = [
  { name: 'start', units: { 'start.service': sleeper }, run: (lab) => systemctl(lab, 'start', 'start.service') },
  {
    name: 'stop',
    units: { 'stop.service': sleeper },
    run: async (lab) => {
      await systemctl(lab, 'start', 'stop.service')
      await systemctl(lab, 'stop', 'stop.service')
    },
  },
  {
    name: 'restart',
    units: { 'restart.service': sleeper },
    run: async (lab) => {
      await systemctl(lab, 'start', 'restart.service')
      await systemctl(lab, 'restart', 'restart.service')
    },
  },
  {
    name: 'restart that takes along what is part of it and what requires it',
    units: {
      'whole.service': sleeper,
      'part.service': `[Unit]\nPartOf=whole.service\nAfter=whole.service\n${sleeper}`,
      'on-top.service': `[Unit]\nRequires=part.service\nAfter=part.service\n${sleeper}`,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'whole.service', 'on-top.service')
      await systemctl(lab, 'restart', 'whole.service')
      await reaches(lab, 'on-top.service', 'active/running')
      // By itself, and much later: nothing else is the reason.
      await systemctl(lab, 'restart', 'on-top.service')
    },
  },
  {
    name: 'crash whose restart takes along what requires it',
    units: {
      'base.service': `${sleeper}Restart=on-failure\nRestartSec=100ms\n`,
      'upon.service': `[Unit]\nRequires=base.service\nAfter=base.service\n${sleeper}`,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'upon.service')
      const { InvocationID: before } = await lab.show('upon.service', 'InvocationID')
      await systemctl(lab, 'kill', '--signal=KILL', 'base.service')
      await waitFor(
        'its next run',
        async () => (await lab.show('upon.service', 'InvocationID'))['InvocationID'] !== before,
      )
      await reaches(lab, 'upon.service', 'active/running')
      await systemctl(lab, 'stop', 'upon.service', 'base.service')
    },
  },
  {
    name: 'reload by ExecReload',
    units: { 'reload.service': `${sleeper}ExecReload=/bin/true\n` },
    run: async (lab) => {
      await systemctl(lab, 'start', 'reload.service')
      await systemctl(lab, 'reload', 'reload.service')
    },
  },
  {
    name: 'reload that fails',
    units: { 'reload-fails.service': `${sleeper}ExecReload=/bin/false\n` },
    run: async (lab) => {
      await systemctl(lab, 'start', 'reload-fails.service')
      await systemctl(lab, 'reload', 'reload-fails.service')
    },
  },
  {
    name: 'crash in the middle of a reload',
    units: {
      // The command that reloads kills the service, and is in its way until systemd has seen that.
      'reload-crash.service': `${sleeper}ExecReload=/bin/sh -c 'kill -KILL $$MAINPID; until [ -e /run/reload-crash-seen ]; do sleep 0.05; done'\nRestart=on-failure\nRestartSec=60\n`,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'reload-crash.service')
      const reload = systemctl(lab, 'reload', 'reload-crash.service')
      await waitFor('its end', async () => (await lab.show('reload-crash.service', 'MainPID'))['MainPID'] === '0')
      lab.writeFile('/run/reload-crash-seen', '')
      await reload
      await reaches(lab, 'reload-crash.service', 'activating/auto-restart')
      await systemctl(lab, 'stop', 'reload-crash.service')
    },
  },
  {
    name: 'reload announced by the service',
    units: {
      'reload-notify.service': `[Service]\nType=notify\nNotifyAccess=all\nExecStart=/bin/bash -c 'systemd-notify --ready; while [ ! -e /run/go ]; do sleep 0.05; done; systemd-notify RELOADING=1; systemd-notify --ready; touch /run/reloaded; exec sleep infinity'\n`,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'reload-notify.service')
      lab.writeFile('/run/go', '')
      await waitFor(
        'the reload',
        async () => (await lab.exec(['test', '-e', '/run/reloaded'], { allowFailure: true })).code === 0,
      )
      await reaches(lab, 'reload-notify.service', 'active/running')
    },
  },
  {
    name: 'exit code',
    units: { 'exit.service': '[Service]\nExecStart=/bin/sh -c "exit 3"\n' },
    run: async (lab) => {
      await systemctl(lab, 'start', 'exit.service')
      await reaches(lab, 'exit.service', 'failed/failed')
    },
  },
  {
    name: 'command that does not exist',
    units: { 'missing.service': '[Service]\nExecStart=/nonexistent\n' },
    run: async (lab) => {
      await systemctl(lab, 'start', 'missing.service')
      await reaches(lab, 'missing.service', 'failed/failed')
    },
  },
  {
    name: 'signal',
    units: { 'signal.service': '[Service]\nLimitCORE=0\nExecStart=/bin/sh -c "kill -SEGV $$$$"\n' },
    run: async (lab) => {
      await systemctl(lab, 'start', 'signal.service')
      await reaches(lab, 'signal.service', 'failed/failed')
    },
  },
  {
    name: 'crash loop into the start limit',
    units: {
      'limit.service':
        '[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=60\n[Service]\nExecStart=/bin/sh -c "exit 3"\nRestart=on-failure\nRestartSec=100ms\n',
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'limit.service')
      await reaches(lab, 'limit.service', 'failed/failed')
    },
  },
  {
    name: 'start while the start limit holds',
    units: {},
    run: (lab) => systemctl(lab, 'start', 'limit.service'),
  },
  {
    name: 'stop while it waits for its restart',
    units: { 'waiting.service': '[Service]\nExecStart=/bin/sh -c "exit 3"\nRestart=on-failure\nRestartSec=60\n' },
    run: async (lab) => {
      await systemctl(lab, 'start', 'waiting.service')
      await reaches(lab, 'waiting.service', 'activating/auto-restart')
      await systemctl(lab, 'stop', 'waiting.service')
    },
  },
  {
    name: 'start timeout',
    units: {
      'start-timeout.service': `[Service]\nType=notify\nExecStart=/bin/sleep infinity\nTimeoutStartSec=300ms\n`,
    },
    run: (lab) => systemctl(lab, 'start', 'start-timeout.service'),
  },
  {
    name: 'stop timeout',
    units: { 'stop-timeout.service': `[Service]\n${stubborn}\nTimeoutStopSec=300ms\n` },
    run: async (lab) => {
      await systemctl(lab, 'start', 'stop-timeout.service')
      await systemctl(lab, 'stop', 'stop-timeout.service')
    },
  },
  {
    name: 'restart whose stop runs into its limit',
    units: { 'restart-timeout.service': `[Service]\n${stubborn}\nTimeoutStopSec=300ms\n` },
    run: async (lab) => {
      await systemctl(lab, 'start', 'restart-timeout.service')
      await systemctl(lab, 'restart', 'restart-timeout.service')
    },
  },
  {
    name: 'watchdog',
    units: { 'watchdog.service': '[Service]\nLimitCORE=0\nExecStart=/bin/sleep infinity\nWatchdogSec=300ms\n' },
    run: async (lab) => {
      await systemctl(lab, 'start', 'watchdog.service')
      await reaches(lab, 'watchdog.service', 'failed/failed')
    },
  },
  {
    name: 'condition that is not met',
    units: { 'condition.service': `[Unit]\nConditionPathExists=/nonexistent\n${sleeper}` },
    run: (lab) => systemctl(lab, 'start', 'condition.service'),
  },
  {
    name: 'condition that was met and is not any more',
    units: { 'condition-once.service': `[Unit]\nConditionPathExists=/run/condition-met\n${sleeper}` },
    run: async (lab) => {
      lab.writeFile('/run/condition-met', '')
      await systemctl(lab, 'start', 'condition-once.service')
      await lab.exec(['rm', '/run/condition-met'])
      await systemctl(lab, 'restart', 'condition-once.service')
    },
  },
  {
    name: 'ExecCondition that says no',
    units: { 'exec-condition.service': `${sleeper}ExecCondition=/bin/false\n` },
    run: (lab) => systemctl(lab, 'start', 'exec-condition.service'),
  },
  {
    name: 'stop and try-restart of a unit that never ran',
    units: { 'idle.service': sleeper },
    run: async (lab) => {
      await systemctl(lab, 'stop', 'idle.service')
      await systemctl(lab, 'try-restart', 'idle.service')
    },
  },
  {
    name: 'end in order that is restarted (Restart=always)',
    units: { 'always.service': '[Service]\nExecStart=/bin/true\nRestart=always\nRestartSec=60\n' },
    run: async (lab) => {
      await systemctl(lab, 'start', 'always.service')
      await reaches(lab, 'always.service', 'activating/auto-restart')
      await systemctl(lab, 'stop', 'always.service')
    },
  },
  {
    name: 'exit code that prevents the restart',
    units: {
      'prevents.service':
        '[Service]\nExecStart=/bin/sh -c "exit 3"\nRestart=always\nRestartPreventExitStatus=3 SIGTERM\n',
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'prevents.service')
      await reaches(lab, 'prevents.service', 'failed/failed')
    },
  },
  {
    name: 'exit code that forces a restart',
    units: {
      'forces.service':
        '[Service]\nExecStart=/bin/sh -c "exit 4"\nRestart=no\nRestartForceExitStatus=4\nRestartSec=60\n',
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'forces.service')
      await reaches(lab, 'forces.service', 'activating/auto-restart')
      await systemctl(lab, 'stop', 'forces.service')
    },
  },
  {
    name: 'reset-failed in the middle of a crash loop, and a start by hand',
    units: {
      'reset-loop.service':
        '[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=60\n[Service]\nExecStart=/bin/sh -c "exit 3"\nRestart=on-failure\nRestartSec=100ms\n',
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'reset-loop.service')
      await reaches(lab, 'reset-loop.service', 'failed/failed')
      await systemctl(lab, 'reset-failed', 'reset-loop.service')
      await systemctl(lab, 'start', 'reset-loop.service')
      await reaches(lab, 'reset-loop.service', 'failed/failed')
    },
  },
  {
    name: 'dependency that fails',
    units: {
      'needs.service': `[Unit]\nRequires=needed.service\nAfter=needed.service\n${sleeper}`,
      'needed.service': '[Service]\nType=oneshot\nExecStart=/bin/false\n',
    },
    run: (lab) => systemctl(lab, 'start', 'needs.service'),
  },
  {
    name: 'partner that dies (BindsTo)',
    units: {
      'bound.service': `[Unit]\nBindsTo=partner.service\nAfter=partner.service\n${sleeper}`,
      'partner.service': sleeper,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'bound.service')
      await systemctl(lab, 'kill', '--signal=KILL', 'partner.service')
      await reaches(lab, 'bound.service', 'inactive/dead')
    },
  },
  {
    name: 'chain whose far end dies: the nearer ones stop last, and all because of it',
    units: {
      'chain-web.service': `[Unit]\nRequires=chain-api.service\nAfter=chain-api.service\n${sleeper}`,
      'chain-api.service': `[Unit]\nBindsTo=chain-db.service\nAfter=chain-db.service\n${sleeper}`,
      'chain-db.service': sleeper,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'chain-web.service')
      await systemctl(lab, 'kill', '--signal=KILL', 'chain-db.service')
      await reaches(lab, 'chain-web.service', 'inactive/dead')
      await reaches(lab, 'chain-api.service', 'inactive/dead')
    },
  },
  {
    name: 'stop of a partner that takes it badly: its failure took nothing down, the stop did',
    units: {
      // Without After= both are stopped at once; this one is still at it when its partner has failed. One process each: a
      // child that ends later than its parent is one more state, now and then.
      'patient.service': `[Unit]\nBindsTo=touchy.service\n[Service]\nExecStart=/usr/bin/perl -e '$$SIG{TERM} = sub { select undef, undef, undef, 0.05 until -e q(/run/touchy-failed); exit 0 }; open F, q(>), q(/run/patient); sleep'\n`,
      'touchy.service': `[Service]\nExecStart=/usr/bin/perl -e '$$SIG{TERM} = sub { exit 7 }; open F, q(>), q(/run/touchy); sleep'\n`,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'touchy.service')
      await systemctl(lab, 'start', 'patient.service')
      await waitFor('both traps', async () => {
        return (await lab.exec(['ls', '/run/patient', '/run/touchy'], { allowFailure: true })).code === 0
      })
      await systemctl(lab, 'stop', 'touchy.service')
      await reaches(lab, 'touchy.service', 'failed/failed')
      lab.writeFile('/run/touchy-failed', '')
      await reaches(lab, 'patient.service', 'inactive/dead')
    },
  },
  {
    name: 'oneshot',
    units: { 'oneshot.service': '[Service]\nType=oneshot\nExecStart=/bin/true\n' },
    run: (lab) => systemctl(lab, 'start', 'oneshot.service'),
  },
  {
    name: 'oneshot that remains',
    units: { 'remains.service': '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' },
    run: async (lab) => {
      await systemctl(lab, 'start', 'remains.service')
      await systemctl(lab, 'stop', 'remains.service')
    },
  },
  {
    name: 'timer',
    units: {
      'tick.timer': '[Timer]\nOnActiveSec=200ms\nAccuracySec=1ms\n',
      'tick.service': '[Service]\nType=oneshot\nExecStart=/bin/true\n',
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'tick.timer')
      await reaches(lab, 'tick.timer', 'active/elapsed')
    },
  },
  {
    name: 'socket activation',
    units: {
      'listen.socket': '[Socket]\nListenStream=/run/listen.sock\nAccept=no\n',
      'listen.service': '[Service]\nExecStart=/bin/sleep infinity\n',
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'listen.socket')
      await lab.exec(
        [
          'bash',
          '-c',
          'echo | timeout 5 python3 -c "import socket; s=socket.socket(1); s.connect(\'/run/listen.sock\')" ',
        ],
        { allowFailure: true },
      )
      await reaches(lab, 'listen.service', 'active/running')
    },
  },
  {
    name: 'reset-failed',
    units: { 'reset.service': '[Service]\nExecStart=/bin/sh -c "exit 3"\n' },
    run: async (lab) => {
      await systemctl(lab, 'start', 'reset.service')
      await reaches(lab, 'reset.service', 'failed/failed')
      await systemctl(lab, 'reset-failed', 'reset.service')
    },
  },
  {
    name: 'status texts of a notify service',
    units: {
      'status.service': `[Service]\nType=notify\nNotifyAccess=all\nExecStart=/bin/bash -c 'systemd-notify --status=warming; systemd-notify --ready --status=warm; systemd-notify --status=busy; touch /run/said; exec sleep infinity'\n`,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'status.service')
      await waitFor(
        'the last text',
        async () => (await lab.exec(['test', '-e', '/run/said'], { allowFailure: true })).code === 0,
      )
    },
  },
  {
    name: 'template instance with an unusual name',
    units: { 'pod@.service': sleeper },
    run: (lab) => systemctl(lab, 'start', 'pod@a-b_c:1\\x2fd.service'),
  },
  {
    name: 'assertion that is not met',
    units: { 'assert.service': `[Unit]\nAssertPathExists=/nonexistent\n${sleeper}` },
    run: (lab) => systemctl(lab, 'start', 'assert.service'),
  },
  {
    name: 'command that fails before the main one',
    units: { 'pre.service': '[Service]\nExecStartPre=/bin/false\nExecStart=/bin/sleep infinity\n' },
    run: (lab) => systemctl(lab, 'start', 'pre.service'),
  },
  {
    name: 'start taken back by a stop',
    units: { 'slow-start.service': '[Service]\nType=notify\nExecStart=/bin/sleep infinity\n' },
    run: async (lab) => {
      await systemctl(lab, 'start', '--no-block', 'slow-start.service')
      await waitFor('its start', async () => {
        return (await lab.show('slow-start.service', 'SubState'))['SubState'] === 'start'
      })
      await systemctl(lab, 'stop', 'slow-start.service')
    },
  },
  {
    name: 'failure with a handler (OnFailure)',
    units: {
      'handled.service': '[Unit]\nOnFailure=handler.service\n[Service]\nExecStart=/bin/sh -c "exit 3"\n',
      'handler.service': sleeper,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'handled.service')
      await reaches(lab, 'handled.service', 'failed/failed')
      await reaches(lab, 'handler.service', 'active/running')
    },
  },
  {
    name: 'watchdog, then a restart',
    units: {
      // The second run is ready and safe in one message: between two of them the watchdog might strike again.
      'watchdog-restart.service': `[Service]\nLimitCORE=0\nType=notify\nNotifyAccess=all\nWatchdogSec=300ms\nRestart=on-watchdog\nExecStart=/bin/bash -c 'if [ -e /run/second ]; then systemd-notify --ready WATCHDOG_USEC=3600000000; touch /run/third; else touch /run/second; systemd-notify --ready; fi; exec sleep infinity'\n`,
    },
    run: async (lab) => {
      await systemctl(lab, 'start', 'watchdog-restart.service')
      await waitFor(
        'the second run',
        async () => (await lab.exec(['test', '-e', '/run/third'], { allowFailure: true })).code === 0,
      )
      await reaches(lab, 'watchdog-restart.service', 'active/running')
    },
  },
  {
    name: 'daemon-reload and daemon-reexec',
    units: {},
    run: async (lab) => {
      await systemctl(lab, 'daemon-reload')
      await systemctl(lab, 'daemon-reexec')
      await waitFor(
        'systemd to be back',
        async () => (await lab.exec(['systemctl', 'is-system-running'], { allowFailure: true })).stdout !== '',
      )
    },
  },
]

/**
 * Installs the units of all scenarios. An active target keeps them loaded from the beginning, as on a host where they are
 * enabled: their configuration is known before anything happens. A template's instance is loaded when it is started.
 */
export async function installScenarios(lab: Lab): Promise<void> {
  const names: string[] = []
  for (const { units } of scenarios) {
    for (const [name, text] of Object.entries(units)) {
      lab.writeUnit(name, text)
      if (!name.includes('@.')) names.push(name)
    }
  }
  lab.writeUnit('holder.target', `[Unit]\nAfter=${names.join(' ')}\n`)
  await lab.daemonReload()
  await lab.systemctl('start', 'holder.target')
}
