import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

/** A D-Bus server of our own, on a socket in a folder of its own. */
export interface PrivateBus {
  readonly address: string
  /** Ends it as `kill -9` does; resolves when it is gone. */
  kill(): Promise<void>
}

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

export const busKinds = ['dbus-daemon', 'dbus-broker'] as const
export type BusKind = (typeof busKinds)[number]

/** Why this server cannot run here; undefined when it can. */
export function whyNot(kind: BusKind): string | undefined {
  if (kind === 'dbus-daemon') return existsSync('/usr/bin/dbus-daemon') ? undefined : 'dbus-daemon is not installed'
  if (!existsSync('/usr/bin/dbus-broker-launch')) return 'dbus-broker is not installed'
  return getuid?.() === 0 ? undefined : 'needs root to give dbus-broker a /run of its own'
}

function start(kind: BusKind, folder: string): ChildProcess {
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

export async function startPrivateBus(kind: BusKind): Promise<PrivateBus> {
  const folder = mkdtempSync(join(tmpdir(), 'private-bus-'))
  const child = start(kind, folder)
  const gone = once(child, 'close').then(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'bus')
  // The socket says when it is ready: it accepts.
  while (!(await accepts(path))) {
    if (child.exitCode !== null) throw new Error(`${kind} ended with ${child.exitCode}`)
    await sleep(10)
  }
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  return { address: `unix:path=${path}`, kill }
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** What the tests use of dbus-next, which brings no types along. */
interface SenderBus {
  requestName(name: string, flags: number): Promise<number>
  send(message: unknown): void
  call(message: unknown): Promise<unknown>
  disconnect(): void
  once(event: 'connect', listener: () => void): void
  on(event: 'error', listener: () => void): void
}
interface Library {
  sessionBus(options: { busAddress: string }): SenderBus
  Message: new (options: Record<string, unknown>) => unknown
  MessageType: { readonly SIGNAL: number }
  Variant: new (signature: string, value: unknown) => unknown
}
const dbus = createRequire(import.meta.url)('dbus-next') as Library

/** Somebody who owns systemd's name on a private bus, and says what systemd would. */
export interface FakeSystemd {
  /** PropertiesChanged of both interfaces, as systemd sends them. */
  change(unit: string, activeState: string, restarts: number): void
  unitNew(unit: string): void
  /** Resolves when the bus has taken all that was said. */
  heard(): Promise<void>
  close(): void
}

export async function startFakeSystemd(address: string): Promise<FakeSystemd> {
  const bus = dbus.sessionBus({ busAddress: address })
  bus.on('error', () => {
    // The bus was killed under it: the tests look at the other end.
  })
  await new Promise<void>((resolve) => bus.once('connect', () => resolve()))
  await bus.requestName('org.freedesktop.systemd1', 0)
  const signal = (path: string, iface: string, member: string, signature: string, body: readonly unknown[]): void =>
    bus.send(new dbus.Message({ type: dbus.MessageType.SIGNAL, path, interface: iface, member, signature, body }))
  const properties = (unit: string, iface: string, values: Record<string, unknown>): void => {
    const label = unit.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
    const path = `/org/freedesktop/systemd1/unit/${label}`
    const body = [`org.freedesktop.systemd1.${iface}`, values, []]
    signal(path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged', 'sa{sv}as', body)
  }
  return {
    change(unit, activeState, restarts) {
      properties(unit, 'Service', { NRestarts: new dbus.Variant('u', restarts) })
      properties(unit, 'Unit', { ActiveState: new dbus.Variant('s', activeState) })
    },
    unitNew(unit) {
      const manager = 'org.freedesktop.systemd1.Manager'
      signal('/org/freedesktop/systemd1', manager, 'UnitNew', 'so', [unit, '/org/freedesktop/systemd1/unit/x'])
    },
    async heard() {
      const driver = 'org.freedesktop.DBus'
      await bus.call(
        new dbus.Message({ destination: driver, path: '/org/freedesktop/DBus', interface: driver, member: 'GetId' }),
      )
    },
    close: () => bus.disconnect(),
  }
}
