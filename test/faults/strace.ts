import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import type { Workspace } from '../e2e/agent.js'
import { waitFor } from '../lab/lab.js'

/** Faults that strace(1) puts into the calls of a running process, until `end`. */
export interface Injection {
  /** Calls that were seen, and of these the ones that were made to fail or wait. */
  calls(): { readonly seen: number; readonly injected: number }
  end(): Promise<void>
}

/**
 * The same for a program that is to be started behind `around`, from its first call on. Here only the calls in question stop for
 * strace: to a process that it is attached to later every call does, which takes more than the fault itself.
 */
export function injectedFromStart(
  { workspace }: { readonly workspace: Workspace },
  what: string,
): Pick<Injection, 'calls'> & { readonly around: readonly string[] } {
  const trace = workspace.path('strace')
  const [calls] = what.split(':') as [string]
  const argv = ['-D', '-q', '-f', '--seccomp-bpf', '-o', trace, '-e', `trace=${calls}`, '-e', `inject=${what}`]
  return { around: ['strace', ...argv], calls: () => callsIn(trace) }
}

/** @param inject - as `-e inject=` takes it: `fdatasync:error=EIO:when=3+` */
export async function inject(
  { workspace }: { readonly workspace: Workspace },
  pid: number,
  what: string,
): Promise<Injection> {
  const trace = workspace.path(`strace-${pid}-${what.replace(/\W/g, '_')}`)
  const [calls] = what.split(':') as [string]
  const argv = ['-f', '-p', String(pid), '-o', trace, '-e', `trace=${calls}`, '-e', `inject=${what}`]
  const child: ChildProcess = spawn('strace', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await waitFor('strace to attach', () => {
    if (child.exitCode !== null) throw new Error(`strace ended: ${said}`)
    return /attached/.test(said)
  })
  return {
    calls: () => callsIn(trace),
    async end() {
      if (child.exitCode !== null) return
      child.kill('SIGINT')
      await once(child, 'exit')
    },
  }
}

function callsIn(trace: string): { readonly seen: number; readonly injected: number } {
  const lines = existsSync(trace) ? readFileSync(trace, 'utf8').split('\n') : []
  const ended = lines.filter((line) => /\) += /.test(line))
  return { seen: ended.length, injected: ended.filter((line) => /INJECTED|DELAYED/.test(line)).length }
}
