import { uptime } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import type { Settings } from '../component/component.js'
import type { ComponentId } from '../component/id.js'
import { Shared } from '../component/shared.js'
import type { Status } from '../component/status.js'
import type { AgentConfig } from '../config/agent-config.js'
import { ResourcePool } from '../data/resource.js'
import { ConfigError, formatProblem } from '../errors.js'
import { buildGraph } from '../graph/build.js'
import { type ComponentStatus, type Graph, GraphLostError } from '../graph/graph.js'
import type { AgentLogger } from '../telemetry/logger.js'
import { createSelfTelemetry } from '../telemetry/self-telemetry.js'
import type { Clock } from '../util/clock.js'
import { hostAttributes } from '../util/host.js'
import { type StatusReport, type Summary, statusReport } from './status-report.js'

export interface ServiceOptions {
  readonly config: AgentConfig
  readonly logger: AgentLogger
  readonly clock: Clock
  readonly random: () => number
  /** The agent's own version. */
  readonly version: string
  /** Where state is kept when the configuration names no folder: systemd's `$STATE_DIRECTORY`. */
  readonly stateDirectory?: string
  /** Told after each change of a component's status. */
  readonly onStatus?: (service: Service) => void
}

/** One run of the agent with one configuration. */
export interface Service {
  /** @throws Error that names the component which could not be made or started; everything is stopped again by then. */
  start(): Promise<void>
  /** Ordered: receivers, processors, exporters; each flushes. Never rejects; safe without start, during it, and twice. */
  shutdown(): Promise<void>
  /**
   * Takes over a changed configuration, or says in the log why not and goes on with the one it has. Rejects only when neither could be
   * started again: then there is nothing to go on with.
   *
   * @param load - rejects with a ConfigError where it is wrong
   */
  reload(load: () => Promise<AgentConfig>): Promise<void>
  status(): readonly ComponentStatus[]
  summary(): Summary
  /** All of it for `unitscope status`. */
  report(): StatusReport
}

export function createService(options: ServiceOptions): Service {
  const { logger, clock, random } = options
  let { config } = options
  const resources = new ResourcePool(hostAttributes())
  const telemetry = createSelfTelemetry({
    resources,
    clock,
    random,
    version: options.version,
    lostLogLines: () => logger.lostLines,
    reloads: () => reloads,
  })
  const reloads = { done: 0, failed: 0 }
  const shared = new Shared()
  const bootUnixNano = clock.unixNano() - BigInt(Math.round(uptime() * 1e6)) * 1000n
  const startedMs = clock.monotonicMs()
  let graph: Graph | undefined
  let stopping: Promise<void> | undefined
  let stoppingMs: number | undefined

  const settingsFor = (
    id: ComponentId,
    pipeline: string | undefined,
    { maintenance, stateDirectory = options.stateDirectory }: AgentConfig,
  ) => ({
    id,
    ...(pipeline === undefined ? {} : { pipeline }),
    logger: logger.child(nameOf(id, pipeline)),
    telemetry: telemetry.component(id, pipeline),
    clock,
    random,
    resources,
    shared,
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
    maintenance,
    bootUnixNano,
    selfMetrics: async () => telemetry.collect(),
    selfTraces: telemetry.traces,
  })

  const onStatus = (id: ComponentId, pipeline: string | undefined, status: Status): void => {
    logStatus({ logger: logger.child(nameOf(id, pipeline)) }, status)
    options.onStatus?.(service)
  }

  const service: Service = {
    async start() {
      if (stopping !== undefined) return
      graph ??= buildGraph(config, { logger, settingsFor, onStatus, onGone: telemetry.forget })
      await graph.start()
    },
    shutdown() {
      stoppingMs ??= clock.monotonicMs()
      stopping ??= graph?.shutdown() ?? Promise.resolve()
      return stopping
    },
    async reload(load) {
      if (stopping !== undefined) return
      let next: AgentConfig
      try {
        next = await load()
      } catch (error) {
        const problems = error instanceof ConfigError ? error.problems.map(formatProblem) : [String(error)]
        reloads.failed++
        logger.error('the changed configuration is wrong: the one before goes on', { problems })
        return
      }
      try {
        await graph?.reload(next)
      } catch (error) {
        if (error instanceof GraphLostError) throw error
        reloads.failed++
        logger.error('the changed configuration could not be started: the one before goes on', { error })
        return
      }
      const kept = startOnly.filter(({ of }) => !isDeepStrictEqual(of(options.config), of(next)))
      config = next
      reloads.done++
      logger.info('configuration reloaded', { components: service.status().length })
      if (kept.length > 0)
        logger.warn('changed, but only a restart of the agent applies it', { keys: kept.map(({ key }) => key) })
    },
    status: () => graph?.status() ?? [],
    report: () => statusReport(service.summary(), options.version, process.pid, telemetry.component),
    summary: () => ({
      uptimeMs: (stoppingMs ?? clock.monotonicMs()) - startedMs,
      components: service.status(),
      ledger: graph?.ledger() ?? { rows: [], unrouted: {}, used: {}, undelivered: {} },
    }),
  }
  return service
}

/** What is settled when the process starts. */
const startOnly: readonly { readonly key: string; of(config: AgentConfig): unknown }[] = [
  { key: 'service.telemetry', of: ({ telemetry }) => telemetry },
  { key: 'service.status_socket', of: ({ statusSocket }) => statusSocket },
]

/** `receiver/systemd`, `processor/batch@metrics`: how log lines name a component. */
function nameOf({ kind, id }: ComponentId, pipeline: string | undefined): string {
  return pipeline === undefined ? `${kind}/${id}` : `${kind}/${id}@${pipeline}`
}

function logStatus({ logger }: Pick<Settings, 'logger'>, status: Status): void {
  if (!('reason' in status)) {
    if (status.state === 'ok') logger.info('ok')
    else logger.debug(status.state)
    return
  }
  const { state, reason } = status
  if (state === 'failed') logger.error('failed', { reason })
  else if (state === 'degraded') logger.warn('degraded', { reason })
  else logger.warn('unavailable on this machine; the rest runs', { reason })
}

/** One line: `4 components ok; degraded: receiver systemd (bus is down)`. */
export function statusLine(components: readonly ComponentStatus[]): string {
  const ok = components.filter(({ status }) => status.state === 'ok').length
  const troubles = components.flatMap(({ id, status }) =>
    'reason' in status ? [`${status.state}: ${id.kind} ${id.id} (${status.reason})`] : [],
  )
  return [`${ok} of ${components.length} components ok`, ...troubles].join('; ')
}
