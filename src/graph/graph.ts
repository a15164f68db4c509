import type { ComponentId } from '../component/id.js'
import type { Logger } from '../component/logger.js'
import type { Status } from '../component/status.js'
import type { AgentConfig, ComponentConfig } from '../config/agent-config.js'
import { Tally } from '../data/tally.js'
import { sleep } from '../util/clock.js'
import type { Ledger, LedgerRow } from './ledger.js'
import { messageOf, type Node } from './node.js'

/** Status of one instance. */
export interface ComponentStatus {
  readonly id: ComponentId
  readonly pipeline?: string
  readonly status: Status
}

/** All components of a configuration, joined. */
export interface Graph {
  /**
   * Starts extensions, then the sinks, then backwards along the flow, receivers last. A component this machine cannot
   * serve becomes `unavailable` and the rest starts. Any other error stops what was started and is thrown.
   */
  start(): Promise<void>
  /**
   * Stops receivers, then processors along the flow, then exporters, so that each flushes into what still runs. One
   * that cannot flush in time is not waited for, but goes on while those after it stop (decision 0082).
   * Errors are logged and stop nothing. Safe without start, during it, and twice. Never rejects.
   */
  shutdown(): Promise<void>
  /**
   * Goes over to another configuration. What is configured alike goes on, with all that it holds; the rest is stopped in the order of a
   * shutdown, and what takes its place is started. Meanwhile nothing is dropped: whoever has items for it is asked to come again.
   *
   * @throws Error when a new component cannot be made or started; all is as it was before, then. When not even that can be started again
   *   it is a GraphLostError: nothing is left to go on with.
   */
  reload(config: AgentConfig): Promise<void>
  status(): readonly ComponentStatus[]
  ledger(): Ledger
}

/** Neither the new configuration nor the old one could be started. */
export class GraphLostError extends Error {
  override readonly name = 'GraphLostError'
}

/**
 * How long receivers, and then processors, may flush undisturbed. With the 5 s an exporter goes on delivering by default
 * this stays below the 10 s after which the process ends by force.
 */
export const kFlushMs = 1500

/** The nodes by their place in the flow. */
export interface Parts {
  readonly config: AgentConfig
  /** All of them, by kind, id and pipeline. */
  readonly members: ReadonlyMap<string, Member>
  readonly extensions: readonly Node[]
  readonly receivers: readonly Node[]
  readonly pipelines: readonly PipelinePart[]
  readonly exporters: readonly Node[]
  readonly unrouted: Map<string, Tally>
  readonly used: Map<string, Tally>
  /** Accounts of components that a configuration before had. */
  readonly gone: LedgerRow[]
  /** Points the nodes that were there before to those of now. */
  join(): void
}

export interface Member {
  readonly node: Node
  readonly part: ComponentConfig
}

export interface PipelinePart {
  readonly id: string
  /** Those of `Parts.receivers` that feed it. */
  readonly receivers: readonly Node[]
  /** In the order of the flow. */
  readonly processors: readonly Node[]
}

export interface GraphSettings {
  readonly parts: Parts
  readonly rebuild: (config: AgentConfig, before: Parts) => Parts
  readonly logger: Logger
  readonly onGone?: (id: ComponentId, pipeline: string | undefined) => void
}

export function createGraph(settings: GraphSettings): Graph {
  return new RunningGraph(settings)
}

class RunningGraph implements Graph {
  readonly #settings: GraphSettings
  #parts: Parts
  #starting: Promise<void> | undefined
  #reloading: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(settings: GraphSettings) {
    this.#settings = settings
    this.#parts = settings.parts
  }

  start(): Promise<void> {
    this.#starting ??= this.#startAll()
    return this.#starting
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async reload(config: AgentConfig): Promise<void> {
    await this.#starting
    await this.#reloading?.catch(() => {})
    if (this.#stopping !== undefined) return
    this.#reloading = this.#exchange(config)
    await this.#reloading
  }

  async #exchange(config: AgentConfig): Promise<void> {
    const { rebuild } = this.#settings
    const before = this.#parts
    const gauges = nodesOf(before).map(({ settings: { telemetry } }) => ({ telemetry, read: [...telemetry.gauges] }))
    let after: Parts
    try {
      after = rebuild(config, before)
    } catch (error) {
      // What was made in vain has put its gauges in the place of those of what goes on.
      for (const { telemetry, read } of gauges) telemetry.gauges.splice(0, telemetry.gauges.length, ...read)
      throw error
    }
    try {
      await this.#goOver(before, after)
    } catch (error) {
      try {
        await this.#goOver(after, rebuild(before.config, after))
      } catch (worse) {
        throw new GraphLostError(`${messageOf(error)}; and the configuration of before: ${messageOf(worse)}`)
      }
      throw error
    }
  }

  async #goOver(before: Parts, after: Parts): Promise<void> {
    const [was, is] = [new Set(nodesOf(before)), new Set(nodesOf(after))]
    const leaves = (node: Node) => !is.has(node)
    const joins = (node: Node) => !was.has(node)
    for (const node of [...was].filter(leaves)) node.exchanged(true)
    for (const node of [...is].filter(joins)) node.exchanged(true)
    await stopStages(before, leaves)
    this.#parts = after
    for (const [key, { node }] of before.members) {
      const successor = after.members.get(key)?.node
      if (successor === node) continue
      successor?.takesOver(node.ledgerRow())
      if (successor !== undefined) continue
      after.gone.push(node.ledgerRow())
      this.#settings.onGone?.(node.settings.id, node.pipeline)
    }
    for (const [key, { node }] of after.members) if (!before.members.has(key)) comesBack(node, after.gone)
    await startAll([...sinksOf(after), ...processorsOf(after)].filter(joins))
    after.join()
    await startAll(after.receivers.filter(joins))
    for (const node of is) node.exchanged(false)
    this.#warnOfSilence()
  }

  status(): readonly ComponentStatus[] {
    return this.#nodes().map(({ settings, pipeline, status }) => ({
      id: settings.id,
      ...(pipeline === undefined ? {} : { pipeline }),
      status,
    }))
  }

  ledger(): Ledger {
    const { unrouted, used, gone } = this.#parts
    return {
      rows: [...this.#nodes().map((node) => node.ledgerRow()), ...gone],
      unrouted: totals(unrouted),
      used: totals(used),
      undelivered: [...unrouted, ...used].reduce(
        (sum, [at, items]) => (at.startsWith('receiver ') ? sum.add(items) : sum),
        new Tally(),
      ),
    }
  }

  #nodes(): readonly Node[] {
    return nodesOf(this.#parts)
  }

  async #startAll(): Promise<void> {
    const parts = this.#parts
    try {
      await startAll(
        [...sinksOf(parts), ...processorsOf(parts), ...parts.receivers],
        () => this.#stopping !== undefined,
      )
    } catch (error) {
      this.#stopping ??= stopStages(parts)
      await this.#stopping
      throw error
    }
    if (this.#stopping === undefined) this.#warnOfSilence()
  }

  #warnOfSilence(): void {
    const { logger } = this.#settings
    for (const { id, receivers } of this.#parts.pipelines) {
      if (receivers.every((receiver) => receiver.status.state === 'unavailable')) {
        logger.warn('pipeline has no working receiver: nothing will flow through it', { pipeline: id })
      }
    }
  }

  async #stopAll(): Promise<void> {
    // A start under way ends at its next component; what it fails with has its own reader.
    await this.#starting?.catch(() => {})
    await this.#reloading?.catch(() => {})
    await stopStages(this.#parts)
  }
}

function totals(counts: ReadonlyMap<string, Tally>): Record<string, number> {
  return Object.fromEntries([...counts].map(([at, items]) => [at, items.total]))
}

/** One that was gone goes on with its account: what it left on a disk is not held by two. */
function comesBack(node: Node, gone: LedgerRow[]): void {
  const { kind, id } = node.settings.id
  const at = gone.findIndex((row) => row.kind === kind && row.id === id && row.pipeline === node.pipeline)
  if (at >= 0) node.goesOnFrom(gone.splice(at, 1)[0]!)
}

function nodesOf(parts: Parts): readonly Node[] {
  const { extensions, receivers, pipelines, exporters } = parts
  return [...extensions, ...receivers, ...pipelines.flatMap((p) => p.processors), ...exporters]
}

const sinksOf = ({ extensions, exporters }: Parts): readonly Node[] => [...extensions, ...exporters]

/** Against the flow. */
const processorsOf = ({ pipelines }: Parts): readonly Node[] =>
  pipelines.flatMap((pipeline) => [...pipeline.processors].reverse())

async function startAll(nodes: readonly Node[], isOver = () => false): Promise<void> {
  for (const node of nodes) {
    if (isOver()) return
    try {
      await node.start()
    } catch (error) {
      throw new Error(`${node.name} could not start: ${messageOf(error)}`, { cause: error })
    }
  }
}

/** Stops them along the flow, or those of them that are `chosen`. */
async function stopStages(parts: Parts, chosen: (node: Node) => boolean = () => true): Promise<void> {
  const receivers = parts.receivers.filter(chosen)
  const together = (nodes: readonly Node[]) => Promise.all(nodes.filter(chosen).map((node) => node.shutdown()))
  const receiving = together(receivers)
  await withinFlush(receivers, receiving)
  await Promise.all(
    parts.pipelines.map(async ({ processors }) => {
      const stopped = processors.filter(chosen)
      await withinFlush(stopped, inTurn(stopped))
      await together(stopped)
    }),
  )
  await together(parts.exporters)
  await receiving
  await together(parts.extensions)
}

async function inTurn(nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) await node.shutdown()
}

/** Resolves when `flushed` does, or when these nodes have had their time. */
async function withinFlush([first]: readonly Node[], flushed: Promise<unknown>): Promise<void> {
  if (first === undefined) return
  const done = new AbortController()
  void flushed.then(() => done.abort())
  await sleep(first.settings.clock, kFlushMs, done.signal)
}
