import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ControlPlane, connectControlPlane } from '../../src/lib/systemd/control-plane.js'
import { readBriefly, readRest, readStates } from '../../src/lib/systemd/unit-reader.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'

// What is read of a running service leaves out what follows from the rest: that it does follow, systemd must say.

const services: Readonly<Record<string, readonly string[]>> = {
  simple: ['ExecStart=/bin/sleep infinity'],
  exec: ['Type=exec', 'ExecStart=/bin/sleep infinity'],
  idle: ['Type=idle', 'ExecStart=/bin/sleep infinity'],
  notify: [
    'Type=notify',
    'NotifyAccess=all',
    `ExecStart=/bin/sh -c 'systemd-notify --ready --status=up; exec sleep infinity'`,
  ],
  // Another main process than the one that was started, which goes on.
  handed_on: [
    'Type=notify',
    'NotifyAccess=all',
    `ExecStart=/bin/sh -c 'sleep infinity & systemd-notify --ready MAINPID=$$!; exec sleep infinity'`,
  ],
  forking: ['Type=forking', `ExecStart=/bin/sh -c 'sleep infinity &'`],
  pid_file: [
    'Type=forking',
    'PIDFile=/run/pid_file.pid',
    `ExecStart=/bin/sh -c 'sleep infinity & echo $$! > /run/pid_file.pid'`,
  ],
  // No main process: two are left, and systemd does not guess.
  unguessed: ['Type=forking', 'GuessMainPID=no', `ExecStart=/bin/sh -c 'sleep infinity & sleep infinity &'`],
  oneshot: ['Type=oneshot', 'RemainAfterExit=yes', `ExecStart=/bin/true`],
  ignored: ['Type=oneshot', 'RemainAfterExit=yes', `ExecStart=-/bin/sh -c 'exit 3'`],
  remains: ['RemainAfterExit=yes', 'ExecStart=/bin/true'],
  // Its main process has failed, and it is active.
  outlived: ['ExitType=cgroup', `ExecStart=/bin/sh -c 'sleep infinity & exit 3'`],
  restarted: ['Restart=on-failure', 'RestartSec=10ms', 'ExecStart=/bin/sleep infinity'],
  reloaded: ['ExecReload=/bin/true', 'ExecStart=/bin/sleep infinity'],
}
const names = Object.keys(services).map((name) => `${name}.service`)

describeLab('services of every type', () => {
  let lab: Lab
  let plane: ControlPlane

  /** Read bit by bit, and all at once: undefined where they are the same. */
  async function compare(): Promise<void> {
    const askedUsec = Date.now() * 1000
    const listed = (await plane.listUnits()).filter(({ name }) => names.includes(name))
    expect(listed.map(({ name, activeState }) => `${name} ${activeState}`).toSorted()).toEqual(
      names.map((name) => `${name} active`).toSorted(),
    )
    const brief = await readBriefly(plane, listed, askedUsec)
    expect(brief.filter((one) => one.brief !== true)).toEqual([])
    const inParts = await readRest(plane, brief)
    expect(inParts).toEqual(
      await readStates(
        plane,
        listed.map(({ name }) => name),
      ),
    )
    const main = new Map(inParts.map(({ name, state }) => [name, state]))
    expect(main.get('outlived.service')).toMatchObject({ mainPid: 0, execMainStatus: 3, result: 'exit-code' })
    expect(main.get('unguessed.service')).toMatchObject({ mainPid: 0 })
    expect(main.get('ignored.service')).toMatchObject({ mainPid: 0, execMainCode: 1, execMainStatus: 3 })
    expect(main.get('handed_on.service')!.mainPid).toBeGreaterThan(1)
  }

  beforeAll(async () => {
    lab = await bootLab()
    for (const [name, lines] of Object.entries(services))
      lab.writeUnit(`${name}.service`, ['[Service]', ...lines, ''].join('\n'))
    await lab.daemonReload()
    await lab.systemctl('start', 'dbus.service', ...names)
    await lab.systemctl('kill', '--signal=SEGV', 'restarted.service')
    await waitFor(
      'its restart',
      async () => (await lab.show('restarted.service', 'ActiveState', 'NRestarts'))['NRestarts'] === '1',
    )
    await lab.systemctl('reload', 'reloaded.service')
    await lab.systemctl('start', 'restarted.service') // waits until it is up
    plane = await connectControlPlane(lab.busAddress)
  })
  afterAll(async () => {
    plane?.close()
    await lab?.close()
  })

  it('are known as well in parts as when all is read of them', compare)

  it('and after their files were read anew', async () => {
    await lab.daemonReload()
    await compare()
  })

  it('and after systemd was executed anew', async () => {
    await lab.systemctl('daemon-reexec')
    await waitFor('systemd to be back', () =>
      plane.ping().then(
        () => true,
        () => false,
      ),
    )
    await compare()
  })
})
