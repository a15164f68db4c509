/** Longest text of one value, in UTF-16 units: room for a stack trace, not for a payload. */
const kMaxText = 8192
/** Entries of one object or array; depth of nesting. Log lines are read by people. */
const kMaxEntries = 32
const kMaxDepth = 3

/**
 * Makes any value fit for a log line: bounded in length, width and depth; bigint, Map, Error and cycles included.
 * Never throws, and calls no toString or toJSON of the value (a getter that throws must not take the agent down).
 */
export function logValue(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      return value.length > kMaxText
        ? `${value.slice(0, kMaxText).replace(/[\ud800-\udbff]$/, '')}... (${value.length} characters)`
        : value
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'bigint':
      return value.toString()
    case 'function':
    case 'symbol':
      return `[${typeof value}]`
    case 'object':
      return value === null ? null : logObject(value, depth)
    default:
      return value
  }
}

function logObject(value: object, depth: number): unknown {
  if (value instanceof Error) return logError(value, depth)
  if (depth >= kMaxDepth) return '[...]'
  try {
    if (Array.isArray(value)) return value.slice(0, kMaxEntries).map((item) => logValue(item, depth + 1))
    const entries = value instanceof Map ? [...value.entries()] : Object.entries(value)
    // A null prototype: a key called __proto__ stays a key.
    const result = Object.create(null) as Record<string, unknown>
    for (const [key, item] of entries.slice(0, kMaxEntries)) {
      result[String(logValue(String(key), depth))] = logValue(item, depth + 1)
    }
    return result
  } catch {
    return '[unreadable]'
  }
}

function logError(error: Error, depth: number): unknown {
  try {
    const { message, cause, code } = error as Error & { readonly code?: unknown }
    // Who adds where it happened (`exporter x could not start: <the cause>`) has said the cause already.
    const news = cause instanceof Error && depth < kMaxDepth && !message.endsWith(cause.message)
    return {
      message: logValue(String(message)),
      ...(typeof code === 'string' ? { code } : {}),
      ...(news ? { cause: logError(cause, depth + 1) } : {}),
    }
  } catch {
    return '[unreadable error]'
  }
}

// C0 and C1 controls and DEL move the cursor or colour the screen; bidirectional controls and line separators make a line
// read as something it is not. A unit name or a log message of another program may hold any of them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** Shows control characters as `\n`, `\u001b`, ..., so that a value can neither forge a line nor drive the terminal. */
export function escapeControls(text: string): string {
  return text.replace(unsafe, (char) => {
    if (char === '\n') return '\\n'
    if (char === '\r') return '\\r'
    if (char === '\t') return '\\t'
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
