import { loadNative } from '../binding/native.js'
import type { Logger } from '../component/logger.js'
import type { Clock, Timer } from '../util/clock.js'

/** What systemd is told of the agent, by sd_notify(3). Every call is a no-op where nobody asked. */
export interface Notifier {
  ready(): void
  /** Until the next `ready`. */
  reloading(): void
  /** One line for `systemctl status`. */
  status(text: string): void
  stopping(): void
  /** Ends the keep-alive messages. */
  close(): void
}

export interface NotifierOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly logger: Logger
  readonly pid: number
  /** Opens the way to systemd, when there is one to talk to. What it returns sends one state; false: it was not sent. */
  readonly openSender: (logger: Logger) => (state: string) => boolean
}

/** Longest status text: systemd shows one line. */
const kMaxStatusText = 512

/**
 * @param options.env - NOTIFY_SOCKET turns it on; WATCHDOG_USEC (with WATCHDOG_PID, when set, naming this process) asks
 *   for keep-alive messages, sent twice as often as required: sd_watchdog_enabled(3).
 */
export function createNotifier(options: NotifierOptions): Notifier {
  const { env, clock, logger, pid } = options
  if (env['NOTIFY_SOCKET'] === undefined || env['NOTIFY_SOCKET'] === '') return silentNotifier
  const sender = options.openSender(logger)
  const send = (state: string): void => {
    if (!sender(state)) logger.warn('could not notify systemd', { state: state.split('=')[0] })
  }
  let watchdog: Timer | undefined
  return {
    ready() {
      send('READY=1')
      const everyMs = watchdogMs(env, pid)
      // From the event loop on purpose: a loop that is stuck is what the watchdog is to find.
      if (everyMs !== undefined) watchdog ??= clock.every(everyMs / 2, () => send('WATCHDOG=1'))
    },
    // CLOCK_MONOTONIC, as Type=notify-reload asks for.
    reloading: () => send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    status: (text) => send(`STATUS=${oneLine(text)}`),
    stopping: () => send('STOPPING=1'),
    close: () => watchdog?.cancel(),
  }
}

const silentNotifier: Notifier = { ready() {}, reloading() {}, status() {}, stopping() {}, close() {} }

function watchdogMs(env: NotifierOptions['env'], pid: number): number | undefined {
  const usec = env['WATCHDOG_USEC'] ?? ''
  const forPid = env['WATCHDOG_PID']
  if (!/^[1-9]\d{0,14}$/.test(usec) || (forPid !== undefined && forPid !== String(pid))) return undefined
  return Number(usec) / 1000
}

/** A newline would begin another assignment of the protocol. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, kMaxStatusText)
}

/** Sends through the addon: node has no unix datagram sockets. Without it systemd is not told, and the log says so once. */
export function openNativeSender(logger: Logger): (state: string) => boolean {
  const loaded = loadNative()
  if ('native' in loaded) return (state) => loaded.native.notify(state)
  logger.warn('systemd is not notified: use Type=exec, or build the native addon', { reason: loaded.unavailable })
  return () => true
}
