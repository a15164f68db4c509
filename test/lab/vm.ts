import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe } from 'vitest'
import { kHostFolders, run, stateFolder, sweepLabs } from './lab.js'

const vmScript = fileURLToPath(new URL('vm/vm.sh', import.meta.url))
const mebibyte = 2 ** 20

/** The kernel is downloaded once per user (26 MB), whatever checkout asks for it. */
const cacheFolder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'unitscope-lab')

export interface VmOptions {
  /** Files in the shared folder (`/io` inside), by name. */
  readonly files?: Readonly<Record<string, string>>
  readonly memMiB?: number
  /** Size of an empty ext4 disk, `/dev/vda` inside; none when left out. */
  readonly diskMiB?: number
  readonly timeoutS?: number
}

export interface VmResult {
  /** Exit code of the script; 125 when the VM gave none. */
  readonly code: number
  /** What the script printed. */
  readonly output: string
  /** What vm.sh had to say. */
  readonly log: string
  /** A file the script left in `/io`. */
  read(name: string): string
}

/** Why no VM can run on this machine, in one line; undefined when it can. Gets the kernel if it is not there yet. */
export function vmUnavailable(cache = cacheFolder): string | undefined {
  const { status, stderr, error } = spawnSync(vmScript, ['check', cache], { encoding: 'utf8' })
  if (error) return `${vmScript}: ${error.message}`
  return status === 0 ? undefined : stderr.trim().split('\n').at(-1)
}

/** A `describe` whose tests need the VM; where none can run they are skipped and their title says why. */
export function describeVm(title: string, tests: () => void): void {
  const reason = vmUnavailable()
  if (reason === undefined) describe(title, tests)
  else describe.skip(`${title} [skipped: ${reason}]`, tests)
}

let vmCount = 0

/**
 * Boots a VM whose root is this machine's (read-only, writes go to memory), runs a bash script as root in it, hands the
 * result to `inspect`, and removes everything. About 5 s plus the script, which runs 3-5 times slower than here.
 *
 * @throws when the VM gives no result in time; the message holds its console
 */
export async function runInVm<T>(
  script: string,
  inspect: (result: VmResult) => T | Promise<T>,
  { files = {}, memMiB = 1024, diskMiB, timeoutS = 120 }: VmOptions = {},
): Promise<T> {
  await sweepLabs()
  const folder = join(stateFolder, `vm-${process.pid}-${++vmCount}`)
  try {
    const io = join(folder, 'io')
    mkdirSync(io, { recursive: true })
    // Should we not live to remove the folder, the next lab or VM does: it knows the owner by PID and start time.
    writeFileSync(join(folder, 'owner'), `${process.pid} ${startTime()}\n`)
    for (const [name, text] of Object.entries({ ...files, 'cmd.sh': script })) {
      mkdirSync(dirname(join(io, name)), { recursive: true })
      writeFileSync(join(io, name), text)
    }
    const disk = diskMiB === undefined ? '' : join(folder, 'disk.img')
    if (diskMiB !== undefined) {
      writeFileSync(disk, '')
      truncateSync(disk, diskMiB * mebibyte)
      await run('/sbin/mkfs.ext4', ['-q', '-F', disk])
    }
    const env = {
      VM_MEM_MIB: String(memMiB),
      VM_TIMEOUT_S: String(timeoutS),
      VM_DISK: disk,
      LAB_BIND: kHostFolders.join('\n'),
    }
    // vm.sh ends the VM by itself; the margin is for a machine under load. pdeathsig: it ends with us.
    const argv = ['--pdeathsig', 'TERM', vmScript, 'run', cacheFolder, io]
    const { code, stderr } = await run('/usr/bin/setpriv', argv, {
      env,
      allowFailure: true,
      timeoutMs: (timeoutS + 60) * 1000,
    })
    const read = (name: string): string => readFileSync(join(io, name), 'utf8')
    if (code === 125) throw new Error(`${stderr}\n${existsSync(join(io, 'out')) ? read('out') : ''}`)
    return await inspect({ code, output: read('out'), log: stderr, read })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** proc_pid_stat(5), field 22; the command name (field 2) may hold blanks, so count from its end. */
function startTime(): string {
  return readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')[19]!
}
