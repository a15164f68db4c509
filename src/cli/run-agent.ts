import type { Logger } from '../component/logger.js'
import type { AgentConfig } from '../config/agent-config.js'
import type { ComponentStatus } from '../graph/graph.js'
import { keepMemoryLow, processMemory } from '../service/memory-keeper.js'
import { createNotifier, openNativeSender } from '../service/notifier.js'
import { createService, type Service, statusLine } from '../service/service.js'
import type { Summary } from '../service/status-report.js'
import { supervise } from '../service/supervise.js'
import { logDestination } from '../telemetry/log-destination.js'
import { createLogger } from '../telemetry/logger.js'
import { systemClock } from '../util/clock.js'
import { packageVersion } from '../util/package.js'
import type { Invocation } from './command.js'

export interface AgentRun {
  /** ExitCode of errors.ts. */
  readonly code: number
  /** What the agent did, taken after the shutdown. */
  readonly summary: Summary
}

export interface RunOptions {
  /** Stops by itself after this long; without it only a signal does. */
  readonly forMs?: number
  /** Reads the configuration again, when SIGHUP asks for it. */
  readonly load?: () => Promise<AgentConfig>
  /** Stops it in order, unless it stops already. */
  readonly enough?: AbortSignal
  /** Called once every receiver has said how it is; a rejection ends the run as a failed start does. */
  readonly onStarted?: () => Promise<void>
  /** What `log_format: auto` means; by default text on a terminal and JSON elsewhere. */
  readonly autoFormat?: 'text'
  /** Told after each change of a component's status. */
  readonly onStatus?: (components: readonly ComponentStatus[]) => void
}

/** Runs an agent in this process until a signal or `forMs` ends it; the log goes to standard error. */
export async function runAgent(
  config: AgentConfig,
  { env, terminal, onOutputGone, exitNow }: Pick<Invocation, 'env' | 'terminal' | 'onOutputGone' | 'exitNow'>,
  { forMs, load, enough, onStarted, autoFormat, onStatus }: RunOptions = {},
): Promise<AgentRun> {
  const { log_format: format, log_level: level } = config.telemetry
  const logger = createLogger({
    level,
    format: format === 'auto' ? (autoFormat ?? (terminal.err.isTty ? 'text' : 'json')) : format,
    color: terminal.err.color,
    journal: terminal.err.isJournal === true,
    clock: systemClock,
    sink: logDestination(2),
  })
  logWarnings(config, logger)
  const loadAgain = async (read: () => Promise<AgentConfig>): Promise<AgentConfig> => {
    const changed = await read()
    logWarnings(changed, logger)
    return changed
  }
  const notifier = createNotifier({ env, clock: systemClock, logger, pid: process.pid, openSender: openNativeSender })
  let looked = (): void => {}
  const looking = new Promise<void>((resolve) => {
    looked = resolve
  })
  const service = createService({
    config,
    logger,
    clock: systemClock,
    random: Math.random,
    version: packageVersion(),
    ...stateDirectoryOf(env),
    onStatus: (changed) => {
      notifier.status(statusLine(changed.status()))
      onStatus?.(changed.status())
      if (changed.status().every(({ id, status }) => id.kind !== 'receiver' || status.state !== 'starting')) looked()
    },
  })
  let keeper: { close(): void } | undefined
  let statusSocket: { close(): Promise<void> } | undefined
  const start = async (): Promise<void> => {
    // First, so that one whose start hangs can say where.
    statusSocket = await openStatus(config.statusSocket ?? runtimeSocketOf(env), service, logger)
    await service.start()
    keeper = keepMemoryLow(systemClock, processMemory())
    if (onStarted === undefined) return
    await looking
    await onStarted()
  }
  // No collection of garbage in the time that the flush has.
  const shutdown = async (): Promise<void> => {
    keeper?.close()
    await service.shutdown()
    await statusSocket?.close()
  }
  const unread = new AbortController()
  onOutputGone(() => unread.abort('nobody reads the output any more'))
  const code = await supervise(
    { ...service, start, shutdown },
    {
      logger,
      notifier,
      events: process,
      ...(forMs === undefined ? {} : { forMs }),
      ...(load === undefined ? {} : { load: () => loadAgain(load) }),
      enough: AbortSignal.any([unread.signal, ...(enough === undefined ? [] : [enough])]),
      exitNow,
    },
  )
  keeper?.close()
  return { code, summary: service.summary() }
}

function logWarnings({ warnings }: AgentConfig, logger: Logger): void {
  for (const { code, position, key, reason } of warnings) {
    // The place is in the message: lines that say the same are held back after ten.
    logger.warn(`configuration, ${position.file}:${position.line}:${position.column}`, { key, reason, code })
  }
}

/** An agent that cannot be asked runs all the same. */
async function openStatus(path: string | undefined, service: Service, logger: Logger) {
  if (path === undefined) return undefined
  try {
    const { openStatusSocket } = await import('../service/status-socket.js')
    return await openStatusSocket(path, () => service.report())
  } catch (error) {
    logger.warn('no status socket: unitscope status cannot ask this agent', { path, error })
    return undefined
  }
}

function runtimeSocketOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const folder = firstFolder(env['RUNTIME_DIRECTORY'])
  return folder === undefined ? undefined : `${folder}/status.sock`
}

function stateDirectoryOf(env: Readonly<Record<string, string | undefined>>): { readonly stateDirectory?: string } {
  const folder = firstFolder(env['STATE_DIRECTORY'])
  return folder === undefined ? {} : { stateDirectory: folder }
}

/** systemd names one folder for each word of `StateDirectory=` or `RuntimeDirectory=`, with colons between (systemd.exec(5)). */
function firstFolder(folders: string | undefined): string | undefined {
  const first = folders?.split(':')[0]
  return first === '' ? undefined : first
}
