import { uptime } from 'node:os'
import type { Settings } from '../component/component.js'
import type { ComponentId } from '../component/id.js'
import { Shared } from '../component/shared.js'
import type { Status } from '../component/status.js'
import type { AgentConfig } from '../config/agent-config.js'
import { ResourcePool } from '../data/resource.js'
import { buildGraph } from '../graph/build.js'
import type { ComponentStatus, Graph } from '../graph/graph.js'
import type { Ledger } from '../graph/ledger.js'
import type { AgentLogger } from '../telemetry/logger.js'
import { createSelfTelemetry } from '../telemetry/self-telemetry.js'
import type { Clock } from '../util/clock.js'
import { hostAttributes } from '../util/host.js'
import { type StatusReport, statusReport } from './status-report.js'

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

/** What the agent did, for the last line and for status pages. */
export interface Summary {
  /** Until the shutdown began, once it has. */
  readonly uptimeMs: number
  readonly components: readonly ComponentStatus[]
  readonly ledger: Ledger
}

/** One run of the agent with one configuration. */
export interface Service {
  /** @throws Error that names the component which could not be made or started; everything is stopped again by then. */
  start(): Promise<void>
  /** Ordered: receivers, processors, exporters; each flushes. Never rejects; safe without start, during it, and twice. */
  shutdown(): Promise<void>
  status(): readonly ComponentStatus[]
  summary(): Summary
  /** All of it for `unitscope status`. */
  report(): StatusReport
}

export function createService(options: ServiceOptions): Service {
  const { config, logger, clock, random } = options
  const resources = new ResourcePool(hostAttributes())
  const telemetry = createSelfTelemetry({
    resources,
    clock,
    version: options.version,
    lostLogLines: () => logger.lostLines,
  })
  const shared = new Shared()
  const stateDirectory = config.stateDirectory ?? options.stateDirectory
  const bootUnixNano = clock.unixNano() - BigInt(Math.round(uptime() * 1e6)) * 1000n
  const startedMs = clock.monotonicMs()
  let graph: Graph | undefined
  let stopping: Promise<void> | undefined
  let stoppingMs: number | undefined

  const settingsFor = (id: ComponentId, pipeline?: string) => ({
    id,
    ...(pipeline === undefined ? {} : { pipeline }),
    logger: logger.child(nameOf(id, pipeline)),
    telemetry: telemetry.component(id, pipeline),
    clock,
    random,
    resources,
    shared,
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
    maintenance: config.maintenance,
    bootUnixNano,
    selfMetrics: async () => telemetry.collect(),
  })

  const onStatus = (id: ComponentId, pipeline: string | undefined, status: Status): void => {
    logStatus(settingsFor(id, pipeline), status)
    options.onStatus?.(service)
  }

  const service: Service = {
    async start() {
      if (stopping !== undefined) return
      graph ??= buildGraph(config, { logger, settingsFor, onStatus })
      await graph.start()
    },
    shutdown() {
      stoppingMs ??= clock.monotonicMs()
      stopping ??= graph?.shutdown() ?? Promise.resolve()
      return stopping
    },
    status: () => graph?.status() ?? [],
    report: () => statusReport(service.summary(), options.version, process.pid, telemetry.component),
    summary: () => ({
      uptimeMs: (stoppingMs ?? clock.monotonicMs()) - startedMs,
      components: service.status(),
      ledger: graph?.ledger() ?? { rows: [], unrouted: {}, used: {} },
    }),
  }
  return service
}

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
