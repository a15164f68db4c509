import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Lab, packageRoot, waitFor } from '../lab/lab.js'

/** The built program, as it ships. */
export const agentMain = join(packageRoot, 'dist/main.js')

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** From the request to stop until the process was gone. */
  readonly ms: number
}

/** A running agent process. */
export interface Agent {
  readonly pid: number
  /** What it wrote so far: its log on standard error, the rest on standard output. */
  readonly stderr: string
  readonly stdout: string
  /** Resolves when it has ended. */
  readonly exited: Promise<Exit>
  /** Waits until its log holds the text; throws, with the log, when it ends first. */
  logged(text: string): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<Exit>
}

export interface AgentOptions {
  readonly main?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `unitscope <argv>`. The caller stops it; `withAgent` does so by itself. */
export function startAgent(argv: readonly string[], { main = agentMain, env = {} }: AgentOptions = {}): Agent {
  if (!existsSync(main)) throw new Error(`${main} is not there: npm run build`)
  const child = spawn(process.execPath, [main, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...env },
  })
  return wrap(child)
}

function wrap(child: ChildProcess): Agent {
  const text = { stdout: '', stderr: '' }
  let stopAt = performance.now()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
    })
  }
  let ended = false
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      ended = true
      resolve({ code, signal, ms: performance.now() - stopAt })
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
      await waitFor(`"${wanted}" in the agent's log`, () => {
        if (text.stderr.includes(wanted)) return true
        if (ended) throw new Error(`the agent ended before it logged "${wanted}":\n${text.stderr}`)
        return false
      })
    },
    stop(signal = 'SIGTERM') {
      stopAt = performance.now()
      child.kill(signal)
      return exited
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
    writeFileSync(this.path(name), JSON.stringify(config, null, 2), { mode: 0o600 })
    return this.path(name)
  }

  /** Records of a JSON-lines file that are whole so far; none while it is not there. */
  records(name = 'out.jsonl'): readonly Record<string, unknown>[] {
    if (!existsSync(this.path(name))) return []
    const text = readFileSync(this.path(name), 'utf8')
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
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

/** A port that was free a moment ago on 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** All units and cgroups of a lab into JSON lines (`out.jsonl`) and a scrape endpoint. */
export function labConfig(lab: Lab, workspace: Workspace, port: number): object {
  return {
    receivers: {
      systemd: { address: lab.busAddress },
      cgroup: { root: lab.cgroupRoot, collection_interval: '1s' },
    },
    exporters: {
      file: { path: workspace.path('out.jsonl') },
      prometheus: { endpoint: `127.0.0.1:${port}` },
    },
    service: {
      pipelines: { main: { receivers: ['systemd', 'cgroup'], exporters: ['file', 'prometheus'] } },
    },
  }
}
