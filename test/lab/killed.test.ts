import { spawn } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeLab } from './describe-lab.js'
import { packageRoot, run, stateFolder, sweepLabs, waitFor } from './lab.js'
import { describeVm, runInVm, vmUnavailable } from './vm.js'

/** Runs `body` with a line of the output of a vitest whose worker holds a lab or VM, and with that worker's PID. */
async function withHolder(held: 'lab' | 'vm', body: (worker: number, line: string) => Promise<void>): Promise<void> {
  const argv = ['node_modules/.bin/vitest', 'run', '--config', 'test/lab/killed/vitest.config.ts', '--no-color']
  const child = spawn(process.execPath, argv, {
    cwd: packageRoot,
    env: { ...process.env, UNITSCOPE_TEST_HOLDS: held },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  }
  try {
    const [line, worker] = await waitFor('the holder', () => {
      if (child.exitCode !== null) throw new Error(`the holder ended:\n${text}`)
      return /^held by (\d+).*$/m.exec(text)
    })
    await body(Number(worker), line)
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

const processes = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name))

/** Something of each process that may end while we look. */
function ofProcesses(look: (pid: string) => string): string[] {
  return processes().flatMap((pid) => {
    try {
      return [look(pid)]
    } catch {
      return []
    }
  })
}

const namespaceKinds = ['pid', 'mnt', 'uts', 'ipc', 'cgroup', 'net'] as const
const namespacesOf = (pid: string) => namespaceKinds.map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`))
const namespaces = () => new Set(ofProcesses((pid) => namespacesOf(pid).join('\n')).flatMap((all) => all.split('\n')))
const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8')

/** Command lines that name a folder. */
const commandsWith = (folder: string) =>
  ofProcesses((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).filter((line) => line.includes(folder))

describeLab('a lab whose test worker is killed', () => {
  it('leaves no process, namespace, cgroup, mount or folder', () =>
    withHolder('lab', async (worker, line) => {
      const pid1 = line.split(' ').at(-1)!
      const folder = join(stateFolder, `${worker}-1`)
      const group = readFileSync(join(folder, 'cgroup'), 'utf8').trim()
      const own = namespacesOf(pid1)
      expect(own.filter((name) => namespacesOf('self').includes(name))).toEqual([])
      expect(existsSync(group)).toBe(true)
      // The kernel gives the lowest free number: without this, a lab of another test soon has the ones that were this lab's.
      const kept = namespaceKinds.map((kind) => openSync(`/proc/${pid1}/ns/${kind}`, 'r'))
      try {
        process.kill(worker, 'SIGKILL')
        await waitFor(
          'the lab to be gone',
          () => !existsSync(group) && !existsSync(folder) && !existsSync(`/proc/${pid1}`),
        )
        const left = namespaces()
        expect(own.filter((name) => left.has(name))).toEqual([])
      } finally {
        for (const fd of kept) closeSync(fd)
      }
      expect(commandsWith(folder)).toEqual([])
      expect(mounts()).not.toContain(folder)
    }))
})

describeVm('a VM', () => {
  it('whose test worker is killed leaves no process and no mount, and its folder goes with the next sweep', () =>
    withHolder('vm', async (worker) => {
      const folder = join(stateFolder, `vm-${worker}-1`)
      await waitFor('the kernel to run', () => existsSync(join(folder, 'io/console.log')))
      expect(commandsWith(folder).some((line) => line.startsWith('qemu'))).toBe(true)

      process.kill(worker, 'SIGKILL')
      await waitFor('its processes to be gone', () => commandsWith(folder).length === 0)
      expect(mounts()).not.toContain(folder)
      await sweepLabs()
      expect(existsSync(folder)).toBe(false)
    }))

  it('that stands still while it boots is booted once more', async () => {
    // It runs no script before we say so: it is still booting when it is looked at.
    const booted = runInVm('echo up', ({ output, log }) => ({ output, log }), { files: { '.hold': '' } })
    const path = await waitFor('the first boot', () => {
      const mine = readdirSync(stateFolder).find((name) => name.startsWith(`vm-${process.pid}-`))
      const path = join(stateFolder, mine ?? '', 'io/console.log')
      // From there on the kernel is quiet, and writes nothing over ours.
      return existsSync(path) && readFileSync(path, 'utf8').includes('Booting from ROM') ? path : undefined
    })
    // What the kernel says of it: a real one needs a busy host and luck.
    const complaint = "rcu: rcu_preempt kthread timer wakeup didn't happen for 5251 jiffies!\n"
    appendFileSync(path, complaint)
    await waitFor('the next boot', () => existsSync(path) && !readFileSync(path, 'utf8').includes(complaint))
    rmSync(join(dirname(path), '.hold'))
    expect(await booted).toEqual({ output: 'up\n', log: expect.stringContaining('stood still at boot') })
  })

  it('that gives no result in time is ended, says so, and leaves nothing', async () => {
    const stuck = runInVm('sleep infinity', () => {}, { timeoutS: 2 })
    await expect(stuck).rejects.toThrow('no result within 2 s')
    const mine = `vm-${process.pid}-`
    expect(readdirSync(stateFolder).filter((name) => name.startsWith(mine))).toEqual([])
    expect(commandsWith(join(stateFolder, mine))).toEqual([])
  })
})

describe('a machine without the kernel for the VM', () => {
  const reason = vmUnavailable()
  const why = reason === undefined ? '' : ` [skipped: ${reason}]`
  it.skipIf(why !== '')(`has a reason to skip those tests${why}`, async () => {
    // apt as it is where Debian's archive is not configured.
    const cache = join(stateFolder, `empty-${process.pid}`)
    const apt = ['Dir::State::lists', 'Dir::Cache', 'Dir::Etc::sourcelist', 'Dir::Etc::sourceparts']
    const config = apt.map((key) => `${key} "${cache}/apt";`).join('\n')
    const script =
      'mkdir -p "$1/apt" && printf %s "$2" > "$1/apt.conf" && APT_CONFIG="$1/apt.conf" exec "$3" check "$1"'
    const vm = join(packageRoot, 'test/lab/vm/vm.sh')
    try {
      const answer = await run('/bin/sh', ['-c', script, '-', cache, config, vm], { allowFailure: true })
      expect(answer.code).toBe(1)
      expect(answer.stderr.trim().split('\n').at(-1)).toBe(
        'lab vm: apt knows no linux-image-cloud-amd64: check /etc/apt/sources.list',
      )
    } finally {
      await run('/bin/rm', ['-rf', cache])
    }
  })
})
