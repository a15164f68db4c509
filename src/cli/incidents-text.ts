import { attr } from '../lib/systemd/names.js'
import { clipEnd, printable } from '../lib/terminal/printable.js'
import type { ConcernReport } from '../service/concern-report.js'
import { formatDuration } from '../util/duration.js'
import { type Findings, type Kind, tally } from './findings.js'
import { type LastLines, linesFor } from './last-lines.js'
import { good, paint, sgr, warning } from './problems.js'
import type { Output } from './terminal.js'

const labels: Readonly<Record<Kind, string>> = { incident: 'incident', pattern: 'pattern', failed_unit: 'failed' }
/** Behind the longest of them. */
const kIndent = 'incident  '.length
const kQuote = '> '
/** As many names as one reads. */
const kMaxNames = 6
const kMaxLine = 400
/** Narrower than that nothing is wrapped. */
const kMinColumns = 40

const states: Readonly<Record<string, string>> = {
  open: 'open: something is down, or is being restarted',
  recovering: 'recovering: all are up again, and watched for a while',
  gave_up: 'gave up: systemd restarts it no more, so it stays down until somebody, or its timer, starts it',
}

/** Sweden's way of writing times is ISO's. */
const timeForm = {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
} as const

/** How times are shown. */
export interface Present {
  readonly nowMs: number
  /** IANA's name; left out, that of this machine. */
  readonly timeZone?: string
  /** What the runs that failed wrote last. */
  readonly lines?: LastLines
}

/** What is the case, for a person: a few lines for each. */
export function incidentsText(findings: Findings, output: Output, present: Present): string {
  const { concerns, doubts, notes, omitted } = findings
  const nothing = 'nothing is broken: no incident, no pattern, no failed unit of those that are watched'
  const head =
    concerns.length > 0 ? tally(concerns) : doubts.length > 0 ? 'nothing is known to be broken' : good(output, nothing)
  return [
    ...[...doubts, ...notes].map((text) => warning(output, printable(text))),
    head,
    ...concerns.flatMap((concern) => ['', ...block(concern, findings, output, present)]),
    ...(omitted === 0 ? [] : ['', `and ${omitted.toLocaleString('en-US')} more`]),
    '',
  ].join('\n')
}

function block(concern: ConcernReport, findings: Findings, output: Output, present: Present): readonly string[] {
  const { kind, severity, text } = concern
  const color = severity === 'error' ? sgr.red : severity === 'warn' ? sgr.yellow : sgr.green
  const label = paint(output, color, (labels[kind] ?? kind).padEnd(kIndent - 2))
  const [first = '', ...more] = [text + place(concern, findings), ...details(concern, present)].flatMap((line) =>
    wrapped(clipEnd(printable(line), kMaxLine), output),
  )
  return [`${label}  ${first}`, ...more.map((line) => `${' '.repeat(kIndent)}${line}`)]
}

/** What tells it from another one that reads alike. */
function place({ scope, pipeline, host }: ConcernReport, { hosts, pipelines }: Findings): string {
  const parts = [
    ...(scope === undefined ? [] : [`of a ${scope} manager`]),
    ...(hosts > 1 && host !== undefined ? [`on ${host}`] : []),
    ...(pipelines > 1 && pipeline !== undefined ? [`in pipeline ${pipeline}`] : []),
  ]
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

function details(concern: ConcernReport, present: Present): readonly string[] {
  const { kind, attributes, said } = concern
  const when = since(concern, present)
  if (kind !== 'incident') {
    const age = said === undefined ? '' : `as of ${clock(said, present)}`
    return [[when, age].filter((part) => part !== '').join('; '), ...lastWords(concern, present)].filter(
      (line) => line !== '',
    )
  }
  const [state, id] = [attributes[attr.incidentState], attributes[attr.incidentId]]
  const toll = `${count(attributes[attr.incidentFailures], 'failure')}, ${count(attributes[attr.incidentUnitCount], 'unit')}`
  const told = new Set([
    concern.unit,
    ...namesOf(concern, attr.incidentFailed),
    ...namesOf(concern, attr.incidentTakenDown),
  ])
  const expected = (name: string): readonly string[] => namesOf(concern, name).filter((unit) => !told.has(unit))
  return [
    states[String(state)] ?? String(state ?? ''),
    [when, toll].filter((part) => part !== '').join('; '),
    listed('still down', namesOf(concern, attr.incidentDown)),
    listed('would stop with it', expected(attr.impactStop)),
    listed('may work less well', expected(attr.impactDegrade)),
    ...lastWords(concern, present),
    id === undefined ? '' : `trace ${String(id)}`,
  ].filter((line) => line !== '')
}

function since({ since: text }: ConcernReport, present: Present): string {
  if (text === undefined) return ''
  const ageMs = Math.max(0, present.nowMs - Date.parse(text))
  // To the second below an hour, to the minute above.
  const step = ageMs < 3_600_000 ? 1000 : 60_000
  return `since ${clock(text, present)}, for ${formatDuration(Math.floor(ageMs / step) * step)}`
}

/** `2026-11-30 03:14:31 CET`, as systemctl and journalctl show it: in the time of this machine. */
function clock(rfc3339: string, { timeZone }: Present): string {
  return new Date(rfc3339).toLocaleString('sv-SE', { ...timeForm, timeZone })
}

/** Lines of a log, each behind a mark that `wrapped` repeats, so that none reads as one of ours. */
function lastWords(concern: ConcernReport, { lines }: Present): readonly string[] {
  const said = lines === undefined ? [] : (linesFor(concern, lines) ?? [])
  return said.map((line) => `${kQuote}${line}`)
}

function count(number: unknown, what: string): string {
  const value = Number(number ?? 0)
  return `${value.toLocaleString('en-US')} ${what}${value === 1 ? '' : 's'}`
}

function listed(what: string, units: readonly string[]): string {
  if (units.length === 0) return ''
  const more = units.length > kMaxNames ? ` and ${units.length - kMaxNames} more` : ''
  return `${what}: ${units.slice(0, kMaxNames).join(', ')}${more}`
}

function namesOf({ attributes }: ConcernReport, name: string): readonly string[] {
  const value = attributes[name]
  return Array.isArray(value) ? value.map(String) : []
}

/** Lines that fit a terminal beside the labels; what goes into a pipe or a file stays whole. */
function wrapped(text: string, { isTty, columns }: Output): readonly string[] {
  const room = columns - kIndent
  if (!isTty || columns < kMinColumns || text.length <= room) return [text]
  const mark = text.startsWith(kQuote) ? kQuote : ''
  const lines: string[] = []
  let line = ''
  for (const word of text.slice(mark.length).split(' ')) {
    if (line !== '' && mark.length + line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((one) => mark + one)
}
