import { escapeControls } from './log-value.js'

/** One line as the logger makes it. */
interface Line {
  readonly time: string
  readonly level: string
  readonly component?: string
  readonly message?: string
  readonly [field: string]: unknown
}

const head = new Set(['time', 'level', 'component', 'message'])
const colorOf: Readonly<Record<string, string>> = {
  error: '\x1b[31m',
  warn: '\x1b[33m',
  info: '\x1b[32m',
  debug: '\x1b[2m',
}
const reset = '\x1b[0m'

/** Turns one JSON line into one line for a person: `12:03:04.567 WARN  receiver/systemd bus lost reason="..."`. */
export function formatText(json: string, color: boolean): string {
  const line = JSON.parse(json) as Line
  const time = line.time.slice(11, 23)
  const level = line.level.toUpperCase().padEnd(5)
  const paint = color ? `${colorOf[line.level] ?? ''}${level}${reset}` : level
  const component = line.component === undefined ? '' : ` ${escapeControls(line.component)}`
  let text = `${time} ${paint}${component} ${escapeControls(line.message ?? '')}`
  for (const [key, value] of Object.entries(line)) {
    if (!head.has(key)) text += ` ${escapeControls(key)}=${formatField(value)}`
  }
  return `${text}\n`
}

function formatField(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@-]+$/.test(value)) return value
  // JSON.stringify has escaped C0; the rest (C1, bidirectional controls) is left to us.
  return escapeControls(JSON.stringify(value) ?? 'null')
}
