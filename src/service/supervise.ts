import type { EventEmitter } from 'node:events'
import type { AgentConfig } from '../config/agent-config.js'
import { ExitCode, RefusalError } from '../errors.js'
import { sumOf, unaccounted } from '../graph/ledger.js'
import { sumOfTotals, type Totals, totalsBySignal } from '../graph/totals.js'
import type { AgentLogger } from '../telemetry/logger.js'
import type { Notifier } from './notifier.js'
import { type Service, statusLine } from './service.js'

/** The process as an event source; `process` itself, or an EventEmitter in tests. */
export type ProcessEvents = Pick<EventEmitter, 'on' | 'off'>

export interface SuperviseOptions {
  readonly logger: AgentLogger
  readonly notifier: Notifier
  readonly events: ProcessEvents
  /** Stops by itself after this long; without it only a signal does. */
  readonly forMs?: number
  /** Stops it in order, with its reason, as a signal would; once it stops this changes nothing. */
  readonly enough?: AbortSignal
  /** Reads the configuration again, as SIGHUP asks; left out where there is no file to read. */
  readonly load?: () => Promise<AgentConfig>
  /** Ends the process now; what is queued is lost. */
  exitNow(code: number): void
}

/**
 * How long an ordered shutdown may take. Kubernetes kills after 30 s and systemd after 90 s: this leaves both room, and
 * an exporter whose backend is down does not need longer to give up.
 */
export const kShutdownDeadlineMs = 10_000

/**
 * Runs a service until SIGTERM, SIGINT, `forMs` or `enough`, then shuts it down in order, with a deadline.
 *
 * A second SIGTERM or SIGINT ends the process at once. SIGHUP takes over a changed configuration, or says why not. An exception nobody caught, or a
 * rejection nobody handled, is a bug: it is logged and the process ends, for systemd to start it again.
 *
 * @returns the exit code: 0 after an ordered end, also when what nobody took in time was dropped at it; 1 when the start
 *   failed (all is stopped again then) or the deadline passed; 78 when it was refused until somebody has looked
 */
export async function supervise(service: Service, options: SuperviseOptions): Promise<number> {
  const { logger, notifier, events } = options
  let isUp = false
  const reload = reloader(service, options, () => isUp)
  const listeners = listen(options, reload)
  for (const [event, listener] of listeners.handlers) events.on(event, listener)
  try {
    // A signal may come while a component still starts: then the start is not waited for, shutdown does that.
    const first = await Promise.race([outcomeOf(service.start()), listeners.reason])
    if (typeof first !== 'string') {
      if (!first.ok) {
        logger.error('could not start', { error: first.error })
        await withDeadline(service.shutdown())
        return exitCodeOf(first.error)
      }
      isUp = true
      notifier.ready()
      notifier.status(statusLine(service.status()))
      logger.info('running', { components: service.status().length })
    }
    logger.info('stopping', { reason: await listeners.reason })
    isUp = false
    notifier.stopping()
    if (!(await withDeadline(service.shutdown()))) {
      logger.error('shutdown took too long; what is still held is lost', { held: heldBy(service) })
      return ExitCode.failure
    }
    logStopped(logger, service)
    return ExitCode.ok
  } finally {
    notifier.close()
    listeners.close()
    await logger.close()
    for (const [event, listener] of listeners.handlers) events.off(event, listener)
  }
}

/** What nobody has mended by the next try is not tried again by itself. */
function exitCodeOf(error: unknown): number {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof RefusalError) return ExitCode.config
  return ExitCode.failure
}

type Start = { readonly ok: true } | { readonly ok: false; readonly error: unknown }

function outcomeOf(start: Promise<void>): Promise<Start> {
  return start.then(
    () => ({ ok: true }),
    (error: unknown) => ({ ok: false, error }),
  )
}

interface Listeners {
  /** Why to stop, once there is a reason. */
  readonly reason: Promise<string>
  readonly handlers: readonly (readonly [string, (error: unknown) => void])[]
  close(): void
}

function listen({ logger, forMs, enough, exitNow }: SuperviseOptions, reload: () => Promise<void>): Listeners {
  let stop: (reason: string) => void = () => {}
  let signalled = false
  let over = false
  const reason = new Promise<string>((resolve) => {
    stop = resolve
  })
  const onEnough = (): void => stop(String(enough?.reason))
  if (enough?.aborted) onEnough()
  else enough?.addEventListener('abort', onEnough, { once: true })
  const crash = (what: string) => (error: unknown) => {
    logger.error(`a bug: ${what}; the agent ends`, { error, stack: error instanceof Error ? error.stack : undefined })
    logger.flush()
    exitNow(ExitCode.failure)
  }
  const onLost = (error: unknown): void => {
    logger.error('neither the changed configuration nor the one before could be started; the agent ends', { error })
    logger.flush()
    exitNow(ExitCode.failure)
  }
  const onStopSignal = (signal: string): void => {
    // All has stopped: only the log is still waited for, and not for long.
    if (over) return
    if (!signalled) {
      signalled = true
      stop(signal)
      return
    }
    logger.error(`second ${signal}: ending at once, what is queued is lost`)
    logger.flush()
    exitNow(ExitCode.failure)
  }
  // The agent's timers do not keep the process alive, and a replay at its end may have nothing else open. This one does;
  // 2^31-1 ms is the longest setTimeout there is.
  const alive = forMs === undefined ? setInterval(() => {}, 2 ** 31 - 1) : setTimeout(() => stop('time is up'), forMs)
  return {
    reason,
    close() {
      over = true
      clearTimeout(alive)
      enough?.removeEventListener('abort', onEnough)
    },
    handlers: [
      ['SIGTERM', () => onStopSignal('SIGTERM')],
      ['SIGINT', () => onStopSignal('SIGINT')],
      ['SIGHUP', () => void reload().catch(onLost)],
      ['uncaughtException', crash('an exception nobody caught')],
      ['unhandledRejection', crash('a rejection nobody handled')],
    ],
  }
}

/**
 * Reloads once at a time; what is asked for meanwhile is one more, afterwards: the file may have changed again. systemd is told
 * while the agent is up: READY=1 would hide from it that a start failed, or that the agent stops.
 */
function reloader(
  service: Service,
  { load, logger, notifier }: SuperviseOptions,
  isUp: () => boolean,
): () => Promise<void> {
  let running: Promise<void> | undefined
  let again = false
  const all = async (read: () => Promise<AgentConfig>): Promise<void> => {
    do {
      again = false
      if (isUp()) notifier.reloading()
      await service.reload(read)
      if (!isUp()) continue
      notifier.ready()
      notifier.status(statusLine(service.status()))
    } while (again)
  }
  return () => {
    if (load === undefined) {
      logger.info('SIGHUP changes nothing: there is no configuration file to read again')
      return Promise.resolve()
    }
    if (running === undefined) {
      running = all(load).finally(() => {
        running = undefined
      })
      return running
    }
    again = true
    return Promise.resolve()
  }
}

/** Whether it was done in time. Its timer keeps the process alive meanwhile. */
async function withDeadline(work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), kShutdownDeadlineMs)
  })
  const inTime = await Promise.race([work.then(() => true as const), deadline])
  clearTimeout(timer)
  return inTime
}

function heldBy(service: Service): Record<string, number> {
  const held = service.summary().ledger.rows.filter((row) => row.held !== 0)
  return Object.fromEntries(held.map((row) => [`${row.kind} ${row.id}`, row.held]))
}

/** Under this reason components give up what they still hold at the stop. */
const kAtTheStop = 'shutdown'

/** The exit code says that the end was in order; a loss at it is said by this line alone, so it is louder then. */
function logStopped(logger: AgentLogger, service: Service): void {
  const account = totals(service)
  const missing = unaccounted(service.summary().ledger, true)
  if (Object.keys(missing).length > 0) logger.error('items are unaccounted for: a bug, report it with the log', missing)
  const lost = account.dropped[kAtTheStop] ?? 0
  if (lost === 0) {
    logger.info('stopped', account)
    return
  }
  const remedy = `${lost} items were not taken in time: see which exporter was degraded, and mend what its reason names; where that is a server which is only slow, raise its sending_queue.shutdown_timeout (at most 6s)`
  logger.warn('stopped', { ...account, remedy })
}

/** What went in at the receivers and what came of it, for the last line of the log. */
function totals(service: Service): Totals & { readonly [key: string]: unknown } {
  const { ledger, uptimeMs } = service.summary()
  const bySignal = totalsBySignal(ledger)
  const used = sumOf(ledger.used)
  const unrouted = sumOf(
    Object.fromEntries(Object.entries(ledger.unrouted).filter(([at]) => at.startsWith('receiver '))),
  )
  return {
    uptime_s: Math.round(uptimeMs / 1000),
    ...sumOfTotals(Object.values(bySignal)),
    ...(used === 0 ? {} : { used }),
    ...(unrouted === 0 ? {} : { unrouted }),
    // Not one level deeper: the log cuts off what is deep.
    ...bySignal,
  }
}
