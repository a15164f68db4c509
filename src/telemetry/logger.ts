import { type DestinationStream, pino } from 'pino'
import type { Logger } from '../component/logger.js'
import type { Clock } from '../util/clock.js'
import { formatText } from './log-format.js'
import { escapeControls, logValue } from './log-value.js'
import { defaultRepeatLimits, RepeatLimiter, type RepeatLimits } from './repeat-limiter.js'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** Where lines go. `logDestination` is one; tests bring an array. */
export interface LogSink {
  write(line: string): void
  /** Resolves when what was written so far is out, or will not get out in a reasonable time. */
  drain(): Promise<void>
  /** Writes what is buffered, blocking; a write under way may come out after it. */
  flushSync(): void
}

export interface LoggerOptions {
  readonly level: LogLevel
  /** `text` is for eyes, one line each; `json` is one object per line for machines. */
  readonly format: 'text' | 'json'
  readonly color: boolean
  readonly clock: Clock
  readonly sink: LogSink
  readonly repeats?: RepeatLimits
}

/** The agent's logger: a Logger, plus what only its owner may do. */
export interface AgentLogger extends Logger {
  /** A logger whose lines carry `component`. */
  child(component: string): Logger
  /** Writes held-back counts, and waits until all lines are out: the ordered end. */
  close(): Promise<void>
  /** The same, blocking: for the last moment before a crash ends the process. */
  flush(): void
}

/** Lines that wait for a slow reader of stderr: past this they are dropped rather than kept in memory. */
const kMaxBufferedBytes = 1024 * 1024

/** A reader of stderr that takes nothing for a second is paused or gone; the end of the process does not wait for it. */
const kDrainMs = 1000

/**
 * Log sink on a file descriptor. Writes are asynchronous, so a stalled reader of stderr (a paused terminal, a full pipe)
 * cannot stop the agent; `flushSync` drains.
 */
export function logDestination(fd: number): LogSink {
  const destination = pino.destination({
    dest: fd,
    sync: false,
    // Write at once. Not 0: sonic-boom then answers a flush without waiting for the write under way.
    minLength: 1,
    maxLength: kMaxBufferedBytes,
  })
  // A closed stderr (EPIPE) cannot be reported anywhere; the agent's work goes on without a log.
  destination.on('error', () => {})
  return {
    write: (line) => void destination.write(line),
    async drain() {
      let timer: NodeJS.Timeout | undefined
      const stalled = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, kDrainMs)
      })
      // A destination that was closed under us calls back with an error; there is nothing to tell it to.
      await Promise.race([new Promise<void>((resolve) => destination.flush(() => resolve())), stalled])
      clearTimeout(timer)
    },
    flushSync() {
      try {
        destination.flushSync()
      } catch {
        // The same closed stderr.
      }
    },
  }
}

export function createLogger(options: LoggerOptions): AgentLogger {
  const { clock, sink, format, color } = options
  // JSON leaves C1 and bidirectional controls as they are; escaped, they are the same JSON and harmless in a terminal.
  const stream: DestinationStream = {
    write: (line) => sink.write(format === 'json' ? `${escapeControls(line.trimEnd())}\n` : formatText(line, color)),
  }
  const root = pino(
    {
      base: null,
      level: options.level,
      messageKey: 'message',
      timestamp: () => `,"time":"${isoTime(clock)}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  )
  const limiter = new RepeatLimiter(clock, options.repeats ?? defaultRepeatLimits, ({ key, held }) => {
    const [level, component, message] = JSON.parse(key) as [LogLevel, string, string]
    root[level](component === '' ? { repeated: held } : { component, repeated: held }, message)
  })

  const scoped = (component: string): Logger => {
    const write = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void => {
      if (!root.isLevelEnabled(level)) return
      const text = String(logValue(message))
      if (!limiter.admit(JSON.stringify([level, component, text]))) return
      const clean = fields === undefined ? {} : cleanFields(fields)
      root[level](component === '' ? clean : { component, ...clean }, text)
    }
    return {
      debug: (message, fields) => write('debug', message, fields),
      info: (message, fields) => write('info', message, fields),
      warn: (message, fields) => write('warn', message, fields),
      error: (message, fields) => write('error', message, fields),
    }
  }

  return {
    ...scoped(''),
    child: scoped,
    async close() {
      limiter.flush()
      await sink.drain()
    },
    flush() {
      limiter.flush()
      sink.flushSync()
    },
  }
}

/** Keys a line already has; a field of that name moves aside instead of making the line ambiguous. */
const reserved = new Set(['time', 'level', 'component', 'message', 'repeated'])

function cleanFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const clean = logValue(fields) as Record<string, unknown>
  for (const key of Object.keys(clean)) {
    if (!reserved.has(key)) continue
    clean[`field.${key}`] = clean[key]
    delete clean[key]
  }
  return clean
}

function isoTime(clock: Clock): string {
  return new Date(Number(clock.unixNano() / 1_000_000n)).toISOString()
}
