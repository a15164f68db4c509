import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Lab, packageRoot, waitFor } from '../lab/lab.js'
import { startCommand } from '../support/start-command.mjs'
import { OtlpLines } from './otlp-lines.js'

/** The built program, as it ships. */
export const agentMain = join(packageRoot, 'dist/main.js')

/** Flags of Node that the program is started with when it is run by its name. */
export const nodeFlags = startCommand.flags

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running agent process. */
export interface Agent {
  readonly pid: number
  /** What it wrote so far: its log on standard error, the rest on standard output. */
  readonly stderr: string
  readonly stdout: string
  /** Resolves when it has ended. */
  readonly exited: Promise<Exit>
  /** Waits until a line of its log fits; throws, with the log, when it ends first. */
  logged(wanted: RegExp): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<Exit>
  /** The account in its last log line, `stopped`. */
  totals(): Totals
}

export interface Totals {
  readonly received: number
  readonly exported: number
  readonly dropped: Readonly<Record<string, number>>
}

export interface AgentOptions {
  readonly main?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `unitscope <argv>`. The caller stops it; `withAgent` does so by itself. */
export function startAgent(argv: readonly string[], { main = agentMain, env = {} }: AgentOptions = {}): Agent {
  if (!existsSync(main)) throw new Error(`${main} is not there: npm run build`)
  return startProgram(process.execPath, [...nodeFlags, main, ...argv], { ...startCommand.env, ...env })
}

/** Starts a program that in the end is an agent. */
export function startProgram(file: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Agent {
  const child = spawn(file, argv, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', ...env } })
  return wrap(child)
}

function wrap(child: ChildProcess): Agent {
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
    })
  }
  let ended = false
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      ended = true
      resolve({ code, signal })
    })
  })
  return {
    pid: child.pid!,
    exited,
    get stderr() {
      return text.stderr
    },
    get stdout() {
      return text.stdout
    },
    async logged(wanted) {
      await waitFor(`${wanted} in the agent's log`, () => {
        if (wanted.test(text.stderr)) return true
        if (ended) throw new Error(`the agent ended before it logged ${wanted}:\n${text.stderr}`)
        return false
      })
    },
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return exited
    },
    totals() {
      const lines = text.stderr.split('\n').filter((line) => line.includes('"message":"stopped"'))
      if (lines.length !== 1) throw new Error(`the agent's log holds ${lines.length} lines "stopped":\n${text.stderr}`)
      return JSON.parse(lines[0]!) as Totals
    },
  }
}

/** A folder of its own for one test's configuration and output. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'unitscope-e2e-'))

  path(name: string): string {
    return join(this.folder, name)
  }

  /** YAML 1.2 holds JSON, so a configuration is an object here. Returns the file's path. */
  writeConfig(config: object, name = 'agent.yaml'): string {
    return this.write(name, JSON.stringify(config, null, 2))
  }

  write(name: string, text: string): string {
    writeFileSync(this.path(name), text, { mode: 0o600 })
    return this.path(name)
  }

  /** What the file exporter has written so far; empty while the file is not there. */
  text(name = 'out.jsonl'): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : ''
  }

  /** The same, read as records. */
  output(name = 'out.jsonl'): OtlpLines {
    return new OtlpLines(this.text(name))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Runs `body` with an agent on this configuration and a workspace; both are gone afterwards, whatever happens. */
export async function withAgent<T>(
  config: (workspace: Workspace) => object,
  body: (agent: Agent, workspace: Workspace) => Promise<T>,
  options: AgentOptions = {},
): Promise<T> {
  const workspace = new Workspace()
  const agent = startAgent(['run', '--config', workspace.writeConfig(config(workspace))], options)
  try {
    return await body(agent, workspace)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n--- the agent's log ---\n${agent.stderr.slice(-8192)}`, {
      cause: error,
    })
  } finally {
    await agent.stop('SIGKILL')
    workspace.remove()
  }
}

/** Log lines worth waiting for. */
export const running = /"message":"running"/
export const busLost = /"component":"receiver\/systemd".*"message":"degraded"/

/**
 * Waits until the agent knows every unit's state: `running` comes before, as an agent starts without a bus too. What
 * happens to a unit until then is part of how things were, and told by no event.
 */
export async function watching(workspace: Workspace): Promise<void> {
  await waitFor('the first reading of the units', () => workspace.text().includes('"systemd.unit.state"'))
}

/** The Prometheus page of an agent on this port; empty while nobody answers there. */
export async function scrape(port: number): Promise<string> {
  try {
    return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  } catch {
    return ''
  }
}

/** All units and cgroups of a lab into JSON lines (`out.jsonl`) and a scrape endpoint. */
export function labConfig(lab: Lab, workspace: Workspace, port: number): object {
  return {
    receivers: {
      systemd: { address: lab.busAddress },
      cgroup: { root: lab.cgroupRoot, collection_interval: '1s' },
    },
    exporters: {
      file: { path: workspace.path('out.jsonl'), max_size: '1GiB' },
      prometheus: { endpoint: `127.0.0.1:${port}` },
    },
    service: {
      pipelines: { main: { receivers: ['systemd', 'cgroup'], exporters: ['file', 'prometheus'] } },
    },
  }
}
