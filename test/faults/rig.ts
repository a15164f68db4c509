import { mkdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { expect } from 'vitest'
import type { AccountSignal } from '../../src/data/batch.js'
import { type Agent, agentMain, nodeFlags, startProgram, Workspace } from '../e2e/agent.js'
import { waitFor } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { type Answer, type OtlpSink, startOtlpSink } from '../support/otlp-sink/otlp-sink.js'
import { startCommand } from '../support/start-command.mjs'
import { Oracle } from './oracle.js'

/** UNAVAILABLE of gRPC. */
export const away: Answer = { kind: 'refuse', code: 14 }

export interface Part {
  /** Of the extension; its `directory` is `place`. */
  readonly queue?: object
  readonly sendingQueue?: object
  /** Where the queue is; by default a folder of the workspace. */
  readonly place?: string
  readonly bodyBytes?: number
}

/**
 * An oracle, a backend, and between them the agent as it ships, with a queue on disk:
 *
 *     oracle ── OTLP ──> agent ── OTLP ──> backend ──> oracle
 */
export class Rig {
  readonly workspace = new Workspace()
  readonly oracle: Oracle
  readonly place: string
  #config = ''
  #part: Part
  #sink!: OtlpSink
  #running: Agent | undefined
  port = 0
  /** What the backend answers; what it takes, the oracle sees. */
  backend: () => Answer = () => ({ kind: 'ok' })

  private constructor(part: Part) {
    this.#part = part
    this.oracle = new Oracle(part.bodyBytes)
    this.place = part.place ?? this.workspace.path('queue')
  }

  static async make(part: Part = {}): Promise<Rig> {
    const rig = new Rig(part)
    // The oracle sees all of it, and keeps what is to be known.
    rig.#sink = await startOtlpSink({ keep: false })
    rig.#sink.respond = (request) => {
      const answer = rig.backend()
      if (answer.kind !== 'refuse') rig.oracle.saw(request)
      return answer
    }
    rig.port = await freePort()
    if (part.place === undefined) mkdirSync(rig.place, { mode: 0o700 })
    rig.#write()
    return rig
  }

  #write(port = this.port): string {
    this.#config = this.workspace.writeConfig({
      receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
      extensions: { file_queue: { fsync: 'always', ...this.#part.queue, directory: this.place } },
      exporters: {
        otlp: {
          endpoint: `http://${this.#sink.address}`,
          sending_queue: { storage: 'file_queue', request_interval: '0s', ...this.#part.sendingQueue },
          retry: { initial_delay: '50ms', max_delay: '200ms' },
          circuit_breaker: { failure_threshold: 10_000 },
        },
      },
      service: { extensions: ['file_queue'], pipelines: { logs: { receivers: ['otlp'], exporters: ['otlp'] } } },
    })
    return this.#config
  }

  /** The agent's folder in the queue. */
  get folder(): string {
    return `${this.place}/exporter.otlp`
  }

  /** What it takes to start an agent, behind whatever is to be around it (`strace ...`, `prlimit ...`). */
  start(around: readonly string[] = []): Agent {
    const [file, ...argv] = [...around, process.execPath, ...nodeFlags, agentMain, 'run', '--config', this.#config]
    this.#running = startProgram(file!, argv, startCommand.env)
    return this.#running
  }

  /** The same, and waits until it takes requests. */
  async started(around: readonly string[] = []): Promise<Agent> {
    const agent = this.start(around)
    let over: string | undefined
    void agent.exited.then(() => {
      over = agent.stderr
    })
    await waitFor('the agent to listen', async () => {
      if (over !== undefined) throw new Error(`the agent ended: ${over}`)
      return listens(this.port)
    })
    return agent
  }

  /** A second agent on the same queue. */
  async second(): Promise<Agent> {
    const other = this.#write(await freePort())
    const agent = startProgram(process.execPath, [...nodeFlags, agentMain, 'run', '--config', other], startCommand.env)
    this.#write()
    return agent
  }

  /** Load for so long, with the agent that runs. */
  async loadFor(ms: number, options = {}): Promise<void> {
    const stop = new AbortController()
    const loading = this.oracle.load(this.port, stop.signal, options)
    await new Promise((resolve) => setTimeout(resolve, ms))
    stop.abort()
    await loading
  }

  async close(): Promise<void> {
    if (this.#running !== undefined) await this.#running.stop('SIGKILL')
    this.#sink.close()
    this.workspace.remove()
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Runs what follows with a tmpfs on `place`, in a mount namespace of its own. */
export const onTmpfs = (place: string, options: string): readonly string[] => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `mount -t tmpfs -o mode=0700,${options} tmpfs "${place}" && exec "$@"`,
  'sh',
]

interface Account {
  readonly received: number
  /** What an earlier process left in the queue. */
  readonly restored?: number
  readonly exported: number
  readonly queued?: number
  readonly dropped: Readonly<Record<string, number>>
}

/** The account in the last line of an agent that has stopped, which must be even: all of it, and of each signal. */
export function accountOf(agent: Agent): Account {
  const account = agent.totals() as Account & Readonly<Partial<Record<AccountSignal, Account>>>
  const { logs, metrics, traces, unknown } = account
  const parts = { all: account, logs, metrics, traces, unknown }
  for (const [signal, of] of Object.entries(parts)) {
    if (of === undefined) continue
    const { received, restored = 0, exported, queued = 0, dropped } = of
    expect(exported + queued + sum(dropped), `${signal}: ${JSON.stringify(of)}`).toBe(received + restored)
  }
  return account
}

export const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, n) => total + n, 0)
