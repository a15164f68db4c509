import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** As in Debian's session.conf: without a rule for receiving, not even answers arrive. */
const kPolicy = '<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>'

/**
 * dbus-broker-launch wants what systemd would give it: a listening socket as descriptor 3, and the journal's socket, which
 * this makes in a /run that only it sees. It then asks its own bus for systemd's name, and goes on without.
 */
const kLaunchBroker = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(16)
os.makedirs('/run/systemd/journal')
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind('/run/systemd/journal/socket')
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
journal.set_inheritable(True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()), DBUS_SESSION_BUS_ADDRESS='unix:path=' + sys.argv[1])
os.execvp('dbus-broker-launch', ['dbus-broker-launch', '--scope', 'user', '--config-file', sys.argv[2]])
`

/** @typedef {import('./private-bus.d.mts').BusKind} BusKind */

export const busKinds = ['dbus-daemon', 'dbus-broker']

/** Why this server cannot run here; undefined when it can. @param {BusKind} kind */
export function whyNot(kind) {
  if (kind === 'dbus-daemon') return existsSync('/usr/bin/dbus-daemon') ? undefined : 'dbus-daemon is not installed'
  if (!existsSync('/usr/bin/dbus-broker-launch')) return 'dbus-broker is not installed'
  return process.getuid?.() === 0 ? undefined : 'needs root to give dbus-broker a /run of its own'
}

function start(kind, folder) {
  const config = join(folder, 'bus.conf')
  const socket = join(folder, 'bus')
  writeFileSync(
    config,
    `<busconfig><type>session</type><listen>unix:path=${socket}</listen><auth>EXTERNAL</auth>` +
      `<policy context="default">${kPolicy}</policy></busconfig>`,
  )
  const stdio = 'ignore'
  if (kind === 'dbus-daemon') return spawn('/usr/bin/dbus-daemon', ['--nofork', `--config-file=${config}`], { stdio })
  const launcher = join(folder, 'launch.py')
  writeFileSync(launcher, kLaunchBroker)
  const inner = 'mount -t tmpfs tmpfs /run && exec python3 "$0" "$1" "$2"'
  return spawn('unshare', ['--mount', '/bin/sh', '-c', inner, launcher, socket, config], { stdio })
}

/** @param {BusKind} kind @returns {Promise<import('./private-bus.d.mts').PrivateBus>} */
export async function startPrivateBus(kind) {
  const folder = mkdtempSync(join(tmpdir(), 'private-bus-'))
  const child = start(kind, folder)
  const gone = once(child, 'close').then(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'bus')
  // The socket says when it is ready: it accepts.
  while (!(await accepts(path))) {
    if (child.exitCode !== null) throw new Error(`${kind} ended with ${child.exitCode}`)
    await sleep(10)
  }
  const kill = async () => {
    child.kill('SIGKILL')
    await gone
  }
  return { address: `unix:path=${path}`, pid: child.pid, kill }
}

function accepts(path) {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
