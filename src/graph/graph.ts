import type { ComponentId } from '../component/id.js'
import type { Logger } from '../component/logger.js'
import type { Status } from '../component/status.js'
import { sleep } from '../util/clock.js'
import type { Ledger } from './ledger.js'
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
  status(): readonly ComponentStatus[]
  ledger(): Ledger
}

/**
 * How long receivers, and then processors, may flush undisturbed. With the 5 s an exporter goes on delivering by default
 * this stays below the 10 s after which the process ends by force.
 */
export const kFlushMs = 1500

/** The nodes by their place in the flow. */
export interface Parts {
  readonly extensions: readonly Node[]
  readonly receivers: readonly Node[]
  readonly pipelines: readonly PipelinePart[]
  readonly exporters: readonly Node[]
  readonly unrouted: ReadonlyMap<string, number>
  readonly used: ReadonlyMap<string, number>
}

export interface PipelinePart {
  readonly id: string
  /** Those of `Parts.receivers` that feed it. */
  readonly receivers: readonly Node[]
  /** In the order of the flow. */
  readonly processors: readonly Node[]
}

export function createGraph(parts: Parts, logger: Logger): Graph {
  return new RunningGraph(parts, logger)
}

class RunningGraph implements Graph {
  readonly #parts: Parts
  readonly #logger: Logger
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(parts: Parts, logger: Logger) {
    this.#parts = parts
    this.#logger = logger
  }

  start(): Promise<void> {
    this.#starting ??= this.#startAll()
    return this.#starting
  }

  shutdown(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  status(): readonly ComponentStatus[] {
    return this.#nodes().map(({ settings, pipeline, status }) => ({
      id: settings.id,
      ...(pipeline === undefined ? {} : { pipeline }),
      status,
    }))
  }

  ledger(): Ledger {
    return {
      rows: this.#nodes().map((node) => node.ledgerRow()),
      unrouted: Object.fromEntries(this.#parts.unrouted),
      used: Object.fromEntries(this.#parts.used),
    }
  }

  #nodes(): readonly Node[] {
    const { extensions, receivers, pipelines, exporters } = this.#parts
    return [...extensions, ...receivers, ...pipelines.flatMap((p) => p.processors), ...exporters]
  }

  async #startAll(): Promise<void> {
    const { extensions, receivers, pipelines, exporters } = this.#parts
    const processors = pipelines.flatMap((pipeline) => [...pipeline.processors].reverse())
    for (const node of [...extensions, ...exporters, ...processors, ...receivers]) {
      if (this.#stopping !== undefined) return
      try {
        await node.start()
      } catch (error) {
        this.#stopping ??= this.#stopStages()
        await this.#stopping
        throw new Error(`${node.name} could not start: ${messageOf(error)}`, { cause: error })
      }
    }
    for (const { id, receivers } of pipelines) {
      if (receivers.every((receiver) => receiver.status.state === 'unavailable')) {
        this.#logger.warn('pipeline has no working receiver: nothing will flow through it', { pipeline: id })
      }
    }
  }

  async #stopAll(): Promise<void> {
    // A start under way ends at its next component; what it fails with has its own reader.
    await this.#starting?.catch(() => {})
    await this.#stopStages()
  }

  async #stopStages(): Promise<void> {
    const { extensions, receivers, pipelines, exporters } = this.#parts
    const together = (nodes: readonly Node[]) => Promise.all(nodes.map((node) => node.shutdown()))
    const receiving = together(receivers)
    await withinFlush(receivers, receiving)
    await Promise.all(
      pipelines.map(async ({ processors }) => {
        await withinFlush(processors, inTurn(processors))
        await together(processors)
      }),
    )
    await together(exporters)
    await receiving
    await together(extensions)
  }
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
