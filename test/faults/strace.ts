import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { waitFor } from '../lab/lab.js'
import type { Rig } from './rig.js'

/** Faults that strace(1) puts into the calls of a running process, until `end`. */
export interface Injection {
  /** Calls that were seen, and of these the ones that were made to fail or wait. */
  calls(): { readonly seen: number; readonly injected: number }
  end(): Promise<void>
}

/** @param inject - as `-e inject=` takes it: `fdatasync:error=EIO:when=3+` */
export async function inject(rig: Rig, pid: number, what: string): Promise<Injection> {
  const trace = rig.workspace.path(`strace-${pid}-${what.replace(/\W/g, '_')}`)
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
    calls() {
      const lines = existsSync(trace) ? readFileSync(trace, 'utf8').split('\n') : []
      const ended = lines.filter((line) => /\) += /.test(line))
      return { seen: ended.length, injected: ended.filter((line) => /INJECTED|DELAYED/.test(line)).length }
    },
    async end() {
      if (child.exitCode !== null) return
      child.kill('SIGINT')
      await once(child, 'exit')
    },
  }
}
