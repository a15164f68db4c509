import { type DestinationStream, pino } from 'pino'
import type { Logger } from '../component/logger.js'
import type { Clock } from '../util/clock.js'
import type { LogSink } from './log-destination.js'
import { formatText } from './log-format.js'
import { escapeControls, logValue } from './log-value.js'
import { defaultRepeatLimits, RepeatLimiter, type RepeatLimits } from './repeat-limiter.js'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

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
  /** Lines that nobody took in time, or that could not be written. */
  readonly lostLines: number
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

  // Past the limiter: a count that is held back is lost with the process.
  sink.onRoom = (lines) => root.error({ lines }, 'lines of this log were lost')

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
    get lostLines() {
      return sink.lost
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
