import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { packageFile } from '../util/package.js'
import { FailureError } from './command.js'

// The package ships the lab for this.
const labScript = packageFile('test/lab/lab.sh')

const kBootLimitMs = 15_000
const kCommandLimitMs = 30_000

/** A systemd of the demo's own, with services that misbehave. */
export interface DemoLab {
  /** D-Bus address of its system bus, as seen from here. */
  readonly busAddress: string
  /** Directory of its cgroup root, as seen from here. */
  readonly cgroupRoot: string
  /** Starts the misbehaving services, without waiting for any. */
  startServices(): Promise<void>
  /** Takes it down; resolves when nothing of it is left. Safe twice. */
  close(): Promise<void>
}

/** Why no lab can run here, in one line; undefined when it can. */
export async function labObstacle(): Promise<string | undefined> {
  try {
    await promisify(execFile)(labScript, ['check'], { timeout: kCommandLimitMs })
    return undefined
  } catch (error) {
    return lastLine((error as { stderr?: string }).stderr) || String(error)
  }
}

/**
 * Boots the lab of test/lab. Its keeper ends when our end of its standard input does: so it goes with this process, however
 * that dies. What a killed keeper leaves is removed by the next boot.
 *
 * @throws with the lab's own words when it does not come up
 */
export async function bootDemoLab(): Promise<DemoLab> {
  const name = `demo-${process.pid}`
  // Its own process group: a Ctrl-C at the terminal is ours to answer.
  const keeper = spawn(labScript, ['hold', name], { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  const { pid, cgroupRoot, ended } = await readiness(keeper)
  const run = (...argv: string[]) => promisify(execFile)(labScript, argv, { timeout: kCommandLimitMs })
  // Now, while nobody watches: systemd reads its units anew, and what starts during a reload is only seen late.
  await run('install', name)
  return {
    busAddress: `unix:path=/proc/${pid}/root/run/dbus/system_bus_socket`,
    cgroupRoot,
    async startServices() {
      await run('exec', name, 'systemctl', 'start', '--no-block', 'misbehaving.target')
    },
    async close() {
      keeper.stdin?.end()
      await ended
    },
  }
}

/** Waits for the keeper's line `ready PID CGROUP`. */
async function readiness(keeper: ChildProcess): Promise<{ pid: string; cgroupRoot: string; ended: Promise<unknown> }> {
  let complaint = ''
  keeper.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4096)
  })
  keeper.stdin?.on('error', () => {}) // it died first: `ended` tells
  const ended = new Promise((resolve) => keeper.once('close', resolve))
  const line = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => keeper.stdin?.end(), kBootLimitMs)
    const lines = createInterface({ input: keeper.stdout! })
    lines.once('line', resolve)
    keeper.once('error', reject)
    keeper.once('close', () => {
      clearTimeout(late)
      reject(new FailureError(`the demo's systemd did not come up: ${complaint.trim()}`))
    })
    lines.once('line', () => clearTimeout(late))
  })
  const [, pid = '', cgroupRoot = ''] = line.split(' ')
  return { pid, cgroupRoot, ended }
}

function lastLine(text = ''): string {
  return (
    text
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^lab: /, '') ?? ''
  )
}
