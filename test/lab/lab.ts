import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const labScript = fileURLToPath(new URL('lab.sh', import.meta.url))

/** Top folder of the repository; visible inside a lab (read-only) at the same path. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/**
 * Folders a lab or VM must show as they are now: the repository, and the folder of this node when it lies on another file
 * system than `/` (an overlay does not show what is mounted below it).
 */
export const kHostFolders: readonly string[] = [packageRoot, ...nodeFolder()]

/** What labs and VMs keep while they run; lab.sh knows it by the same name. */
export const stateFolder = '/run/unitscope-lab'

/** Commands in a lab end within this unless told otherwise: far above the slowest (a stop that runs into its limit). */
const kCommandTimeoutMs = 120_000
/** A busy lab's journal in JSON: 100 crash-looping units for 20 s make about 60 MB. */
const kMaxOutputBytes = 512 * 2 ** 20

export interface LabOptions {
  /** Which D-Bus server; both are Debian packages. */
  readonly bus?: 'daemon' | 'broker'
  /** Folders besides the repository that must be visible as they are now (read-only). */
  readonly bind?: readonly string[]
}

export interface ExecOptions {
  readonly timeoutMs?: number
  /** Answers with `code` instead of throwing. */
  readonly allowFailure?: boolean
  readonly env?: Readonly<Record<string, string>>
}

export interface ExecResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** One journal entry by field name; a field that occurs several times keeps its last value. */
export type JournalEntry = Readonly<Record<string, string>>

/** A running systemd with its own root, bus, journal, network and cgroup tree. */
export interface Lab {
  readonly name: string
  /** Its PID 1, as seen from here. */
  readonly pid1: number
  /** Its file system, as seen from here (`/proc/PID/root`). */
  readonly root: string
  /** Its system bus, as seen from here; `connect` starts the bus when it is down (socket activation). */
  readonly busAddress: string
  /** Its cgroup root, as seen from here: this plus a unit's ControlGroup is the unit's directory. */
  readonly cgroupRoot: string
  /** Runs a command inside; throws when it fails, with what it printed. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>
  /** Starts a command inside that goes on running; the caller ends it (closing the lab does as well). */
  spawn(argv: readonly string[]): ChildProcess
  systemctl(...args: string[]): Promise<string>
  /** Properties of a unit, as `systemctl show` writes them. */
  show(unit: string, ...properties: string[]): Promise<Readonly<Record<string, string>>>
  /** Writes a unit file; `daemonReload` makes it known. */
  writeUnit(name: string, text: string): void
  /** Writes a file inside; folders are made. */
  writeFile(path: string, text: string, mode?: number): void
  daemonReload(): Promise<void>
  /** Installs the misbehaving services of fixtures/ and starts them all, without waiting for any. */
  startFixtures(): Promise<void>
  /** Journal entries, oldest first. `args` are journalctl's: matches, `--unit=`, `--output-fields=`, ... */
  journal(...args: string[]): Promise<JournalEntry[]>
  /** Kills the bus server with SIGKILL; systemd starts it again at the next connect. */
  killBus(): Promise<void>
  /** Takes the bus away, its socket too, until `startBus`. */
  stopBus(): Promise<void>
  startBus(): Promise<void>
  /** Ends the lab and removes all of it. Safe twice. */
  close(): Promise<void>
}

/** Why no lab can run on this machine, in one line; undefined when it can. */
export function labUnavailable(options: LabOptions = {}): string | undefined {
  const { status, stderr, error } = spawnSync(labScript, ['check'], { encoding: 'utf8', env: labEnv(options) })
  if (error) return `${labScript}: ${error.message}`
  return status === 0 ? undefined : stderr.trim().split('\n').at(-1)
}

/** Removes what labs and VMs of dead processes left behind; every boot does so first. */
export async function sweepLabs(): Promise<void> {
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 })
  await run(labScript, ['sweep'])
}

let labCount = 0

/** Boots a lab; resolves when systemd has reached its target and no unit failed on the way. */
export async function bootLab(options: LabOptions = {}): Promise<Lab> {
  const name = `${process.pid}-${++labCount}`
  // Own process group: a Ctrl-C at the terminal reaches us, not the script; it sees its standard input end.
  const keeper = spawn(labScript, ['hold', name], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: labEnv(options),
  })
  let complaint = ''
  keeper.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4096)
  })
  const ended = new Promise<number | null>((resolve) => keeper.once('close', resolve))
  keeper.stdin.on('error', () => {})

  const ready = await new Promise<string | undefined>((resolve, reject) => {
    keeper.once('error', reject)
    const lines = createInterface({ input: keeper.stdout })
    lines.once('line', resolve)
    lines.once('close', () => resolve(undefined))
  })
  const [, pid, cgroupRoot] = ready?.split(' ') ?? []
  if (pid === undefined || cgroupRoot === undefined) {
    await ended
    throw new Error(`the lab did not boot: ${complaint.trim()}`)
  }

  const lab = makeLab(name, Number(pid), cgroupRoot, async () => {
    keeper.stdin.end()
    await ended
  })
  try {
    const state = await lab.exec(['systemctl', 'is-system-running', '--wait'], { allowFailure: true })
    if (state.stdout.trim() !== 'running') {
      throw new Error(`the lab booted as "${state.stdout.trim()}":\n${await lab.systemctl('--failed', '--no-pager')}`)
    }
    return lab
  } catch (error) {
    await lab.close()
    throw error
  }
}

/** Boots a lab, runs `body`, and takes the lab down whatever happens. */
export async function withLab<T>(body: (lab: Lab) => Promise<T>, options: LabOptions = {}): Promise<T> {
  const lab = await bootLab(options)
  try {
    return await body(lab)
  } finally {
    await lab.close()
  }
}

function makeLab(name: string, pid1: number, cgroupRoot: string, close: () => Promise<void>): Lab {
  const root = `/proc/${pid1}/root`
  // As `lab.sh exec` does, with two programs less to start: thousands of questions are asked in this way.
  const command = (argv: readonly string[]): string[] => [
    ...['-c', 'echo $$ > "$0"; exec "$@"', `${cgroupRoot}/init.scope/cgroup.procs`],
    ...['nsenter', '-t', String(pid1), '-m', '-u', '-i', '-n', '-p', '-C', '-r', '-w'],
    ...['setpriv', '--bounding-set=-sys_time,-syslog,-wake_alarm', ...argv],
  ]

  const exec = (argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> => {
    const { env = {}, ...rest } = options
    const variables = pairs(env)
    return run('/bin/sh', command(variables.length > 0 ? ['env', ...variables, ...argv] : argv), rest, argv)
  }
  const systemctl = async (...args: string[]): Promise<string> => (await exec(['systemctl', ...args])).stdout

  return {
    name,
    pid1,
    root,
    cgroupRoot,
    busAddress: `unix:path=${root}/run/dbus/system_bus_socket`,
    exec,
    systemctl,
    spawn: (argv) => spawn('/bin/sh', command(argv), { stdio: ['ignore', 'pipe', 'pipe'] }),
    async show(unit, ...properties) {
      const text = await systemctl('show', ...(properties.length > 0 ? ['-p', properties.join(',')] : []), '--', unit)
      return Object.fromEntries(
        text
          .split('\n')
          .filter((line) => line.includes('='))
          .map(splitPair),
      )
    },
    writeUnit(unit, text) {
      writeInside(`${root}/run/systemd/system/${unit}`, text, 0o644)
    },
    writeFile(path, text, mode = 0o644) {
      writeInside(join(root, path), text, mode)
    },
    async daemonReload() {
      await systemctl('daemon-reload')
    },
    async startFixtures() {
      await run(labScript, ['fixtures', name])
    },
    async journal(...args) {
      await exec(['journalctl', '--sync'])
      const source = ['-D', `${root}/run/log/journal`, '-o', 'json', '--all', '--no-pager', '-q']
      const { stdout } = await run('journalctl', [...source, ...args])
      return stdout.split('\n').filter(Boolean).map(parseEntry)
    },
    async killBus() {
      await systemctl('kill', '--signal=KILL', '--kill-whom=all', 'dbus.service')
    },
    async stopBus() {
      await systemctl('stop', 'dbus.socket', 'dbus.service')
      rmSync(`${root}/run/dbus/system_bus_socket`, { force: true }) // systemd leaves the file
    },
    async startBus() {
      await systemctl('start', 'dbus.socket')
    },
    close,
  }
}

/**
 * Runs a program to its end, with a limit on time and output.
 *
 * @param told - what a failure calls it
 * @throws when it fails (unless `allowFailure`), runs too long or cannot start; the message holds what it printed
 */
export function run(
  file: string,
  argv: readonly string[],
  options: ExecOptions = {},
  told = argv,
): Promise<ExecResult> {
  const { timeoutMs = kCommandTimeoutMs, allowFailure = false, env } = options
  return new Promise((resolve, reject) => {
    const limits = { timeout: timeoutMs, killSignal: 'SIGKILL' as const, maxBuffer: kMaxOutputBytes }
    execFile(
      file,
      [...argv],
      { ...limits, encoding: 'utf8', env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code
        if (typeof code === 'number' && (code === 0 || allowFailure)) return resolve({ code, stdout, stderr })
        const cause = error?.killed ? `ran longer than ${timeoutMs} ms` : `ended with ${error?.signal ?? code}`
        reject(new Error(`${told.join(' ')} ${cause}\n${stderr}${stdout}`.slice(0, 8192)))
      },
    )
  })
}

export interface WaitOptions {
  readonly timeoutMs?: number
}

/**
 * Waits until `probe` answers with something truthy, and returns that. For states that nothing signals; where the
 * awaited thing has an event, await the event.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  // Ends a wait that is in vain, and says nothing of how fast anything is: beside other tests a process may get no CPU for seconds.
  { timeoutMs = 60_000 }: WaitOptions = {},
): Promise<NonNullable<T>> {
  const start = performance.now()
  for (;;) {
    const asked = performance.now()
    const value = await probe()
    if (value) return value
    if (performance.now() - start > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    // One that reads all that an agent has written takes the CPU which the agent needs to write more: three parts of four are left.
    const pauseMs = Math.min(Math.max(10, 3 * (performance.now() - asked)), 500)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

function labEnv({ bus = 'daemon', bind = [] }: LabOptions): NodeJS.ProcessEnv {
  return { ...process.env, LAB_BUS: bus, LAB_BIND: [...kHostFolders, ...bind].join('\n') }
}

function nodeFolder(): string[] {
  const prefix = dirname(dirname(realpathSync(process.execPath)))
  return statSync(prefix).dev === statSync('/').dev ? [] : [prefix]
}

function writeInside(path: string, text: string, mode: number): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode })
}

function pairs(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([key, value]) => `${key}=${value}`)
}

function splitPair(line: string): [string, string] {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}

/** journalctl writes repeated fields as lists, and fields that are not UTF-8 as lists of bytes. */
function parseEntry(line: string): JournalEntry {
  const fields = JSON.parse(line) as Record<string, string | null | readonly (number | string)[]>
  const text = (value: (typeof fields)[string]): string => {
    if (value === null) return ''
    if (typeof value === 'string') return value
    return typeof value[0] === 'number' ? Buffer.from(value as number[]).toString('latin1') : String(value.at(-1))
  }
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, text(value)]))
}
