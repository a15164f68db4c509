import { readdirSync, readFileSync } from 'node:fs'
import { askStatus } from '../../src/cli/status-client.js'
import { batchOf } from '../../src/data/batch.js'
import { OtlpEncoder } from '../../src/lib/otlp/encode.js'
import type { StatusReport } from '../../src/service/status-report.js'
import { sampleEvent } from '../../src/testkit/sample.js'
import { type Agent, agentMain, nodeFlags, running, startProgram, Workspace } from '../e2e/agent.js'
import { waitFor } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { marksOf } from '../support/otlp-backend/marks.mjs'
import { type OtlpBackend, type RunReport, startOtlpBackend } from '../support/otlp-backend/otlp-backend.js'
import { OtlpClient } from '../support/otlp-client.js'
import { startCommand } from '../support/start-command.mjs'
import { lasting } from './rounds.js'
import { statusSocket, type WireOptions, type WirePorts, wireConfig } from './wire-config.js'

const encoder = new OtlpEncoder({ name: 'oracle', version: '1' })

/** What a row may take. */
export const kRowMs = lasting(120_000, 3_600_000)

/** Items of one run each have their number, from 0 on. */
export const kRun = 'load'

/**
 * A sender, a backend in a process of its own, and between them the agent as it ships:
 *
 *     sender ── OTLP/gRPC ──> agent ── OTLP over what is under test ──> backend
 */
export class Wire {
  readonly backend: OtlpBackend
  readonly agent: Agent
  readonly workspace: Workspace
  readonly #client: OtlpClient
  readonly port: number
  readonly pagePort: number
  /** Items the agent has answered OK. */
  acknowledged = 0
  #issued = 0

  private constructor(backend: OtlpBackend, agent: Agent, workspace: Workspace, ports: WirePorts) {
    this.backend = backend
    this.agent = agent
    this.workspace = workspace
    this.port = ports.otlp
    this.pagePort = ports.page
    this.#client = new OtlpClient(ports.otlp)
  }

  static async start(options: WireOptions = {}): Promise<Wire> {
    const { far } = options
    const backend = await startOtlpBackend(far === undefined ? {} : { host: far.there }, far?.around)
    const workspace = new Workspace()
    const ports = { otlp: await freePort(), page: await freePort() }
    const config = wireConfig(options, backend, ports, (name) => workspace.path(name))
    const [file, ...argv] = [...(options.around?.(workspace) ?? []), process.execPath, ...nodeFlags, agentMain]
    const agent = startProgram(file!, [...argv, 'run', '--config', workspace.writeConfig(config)], startCommand.env)
    const wire = new Wire(backend, agent, workspace, ports)
    try {
      await agent.logged(running)
    } catch (error) {
      await wire.close()
      throw error
    }
    return wire
  }

  /** Sends a batch until the agent has taken it: a refusal is back-pressure, and its items are the same ones again. */
  async send(items: number, text = 'fine', client = this.#client): Promise<void> {
    const from = this.#issued
    this.#issued += items
    const events = Array.from({ length: items }, (_, n) => {
      const body = `${text} ${from + n}`
      return sampleEvent({ body, attributes: { ...marksOf(kRun, from + n, body) } })
    })
    const bytes = Buffer.concat(encoder.encode(batchOf({ events })).flatMap(({ chunks }) => chunks))
    for (;;) {
      const { code, details, rejected } = await client.export('logs', bytes)
      if (code === 0) break
      if (code !== 14 && code !== 8 && code !== 4) throw new Error(`the agent answers ${code}: ${details}, ${rejected}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    this.acknowledged += items
  }

  /** Sends so many items a second for so long, by several senders; behind, it catches up. */
  async load(perSecond: number, ms: number, { senders = 4, items = 250 } = {}): Promise<void> {
    const start = performance.now()
    const due = (): number => (Math.min(performance.now() - start, ms) / 1000) * perSecond
    let begun = 0
    await Promise.all(
      Array.from({ length: senders }, async () => {
        const client = new OtlpClient(this.port)
        while (performance.now() - start < ms) {
          if (begun + items > due()) {
            await new Promise((resolve) => setTimeout(resolve, 5))
            continue
          }
          begun += items
          await this.send(items, 'fine', client)
        }
        client.close()
      }),
    )
  }

  /** Waits until all that was acknowledged has arrived. */
  async delivered(timeoutMs = 30_000): Promise<RunReport> {
    const wanted = this.acknowledged
    const report = await this.backend.until(
      `${wanted} items`,
      ({ runs }) => (runs[kRun]?.distinct ?? 0) >= wanted,
      timeoutMs,
    )
    return report.runs[kRun]!
  }

  /** What it says of itself (`unitscope status`). */
  async status(): Promise<StatusReport> {
    const reply = await askStatus(
      statusSocket((name) => this.workspace.path(name)),
      60_000,
    )
    if ('unanswered' in reply) throw new Error(reply.unanswered)
    return reply.report
  }

  /** A number of its own, from the page for Prometheus (`self`); undefined while it is not there. */
  async metric(name: string): Promise<number | undefined> {
    const page = await (await fetch(`http://127.0.0.1:${this.pagePort}/metrics`)).text()
    const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(page)?.[1]
    return value === undefined ? undefined : Number(value)
  }

  /** Resident memory in MiB: now, or the most it ever was. */
  residentMiB(of: 'now' | 'peak' = 'now'): number {
    const status = readFileSync(`/proc/${this.agent.pid}/status`, 'utf8')
    const [, kib] = (of === 'now' ? /VmRSS:\s+(\d+)/ : /VmHWM:\s+(\d+)/).exec(status)!
    return Number(kib) / 1024
  }

  /** CPU time so far, in seconds (proc(5): clock ticks of 10 ms). */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.agent.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** Numbers of all files and connections it has open. */
  openFiles(): readonly number[] {
    return readdirSync(`/proc/${this.agent.pid}/fd`).map(Number)
  }

  /** Ends the agent in order and holds its account against what arrived: the equation, tolerance 0. */
  async account(): Promise<Readonly<Record<string, number>>> {
    const { code } = await this.agent.stop()
    if (code !== 0) throw new Error(`the agent ended with ${code}: ${this.agent.stderr.slice(-4096)}`)
    const {
      received,
      exported,
      dropped,
      queued = 0,
    } = this.agent.totals() as ReturnType<Agent['totals']> & {
      readonly queued?: number
    }
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0)
    if (received !== exported + lost + queued)
      throw new Error(`the account is not even: ${JSON.stringify({ received, exported, dropped, queued })}`)
    return dropped
  }

  async close(): Promise<void> {
    this.#client.close()
    await this.agent.stop('SIGKILL')
    await this.backend.stop()
    this.workspace.remove()
  }
}

/** Runs a row and cleans up; its seed and the agent's log are told when it fails. */
export async function onWire(options: WireOptions, seed: number, row: (wire: Wire) => Promise<void>): Promise<void> {
  const wire = await Wire.start(options)
  try {
    await row(wire)
  } catch (error) {
    const log = wire.agent.stderr.slice(-4096)
    throw new Error(`${(error as Error).message}\n--- seed ${seed}; the agent's log ---\n${log}`, { cause: error })
  } finally {
    await wire.close()
  }
}

export { waitFor }
