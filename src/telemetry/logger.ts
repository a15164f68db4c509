import type { Logger } from '../component/logger.js'
import type { Clock } from '../util/clock.js'
import { priorityMark } from '../util/journal-stream.js'
import type { LogSink } from './log-destination.js'
import { formatText } from './log-format.js'
import { escapeControls, logValue } from './log-value.js'
import { defaultRepeatLimits, RepeatLimiter, type RepeatLimits } from './repeat-limiter.js'

/** Ascending. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LoggerOptions {
  readonly level: LogLevel
  /** `text` is for eyes, one line each; `json` is one object per line for machines. */
  readonly format: 'text' | 'json'
  readonly color: boolean
  /** The sink is the journal, to which each line says how grave it is. */
  readonly journal?: boolean
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
  const { clock, sink, format, color, journal = false } = options
  const least = logLevels.indexOf(options.level)
  const isOn = (level: LogLevel): boolean => logLevels.indexOf(level) >= least
  const put = (
    level: LogLevel,
    component: string,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void => {
    const head = { level, time: isoTime(clock), ...(component === '' ? {} : { component }) }
    const line = JSON.stringify({ ...head, ...fields, message })
    // JSON leaves C1 and bidirectional controls as they are; escaped, they are the same JSON and harmless in a terminal.
    const text = format === 'json' ? `${escapeControls(line)}\n` : formatText(line, color)
    sink.write(journal ? priorityMark(level) + text : text)
  }
  const limiter = new RepeatLimiter(clock, options.repeats ?? defaultRepeatLimits, ({ key, held }) => {
    const [level, component, message] = JSON.parse(key) as [LogLevel, string, string]
    put(level, component, message, { repeated: held })
  })

  // Past the limiter: a count that is held back is lost with the process.
  sink.onRoom = (lines) => put('error', '', 'lines of this log were lost', { lines })

  const scoped = (component: string): Logger => {
    const write = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void => {
      if (!isOn(level)) return
      const text = String(logValue(message))
      if (!limiter.admit(JSON.stringify([level, component, text]))) return
      put(level, component, text, fields === undefined ? {} : cleanFields(fields))
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
