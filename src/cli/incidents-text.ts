import { attr } from '../lib/systemd/names.js'
import { clipEnd, printable } from '../lib/terminal/printable.js'
import type { ConcernReport } from '../service/concern-report.js'
import type { StatusReport } from '../service/status-report.js'
import { formatDuration } from '../util/duration.js'
import { good, paint, sgr, warning } from './problems.js'
import type { Output } from './terminal.js'

const words = {
  incident: { label: 'incident', plural: ['incident', 'incidents'] },
  pattern: { label: 'pattern', plural: ['pattern', 'patterns'] },
  failed_unit: { label: 'failed', plural: ['failed unit', 'failed units'] },
} as const
const kinds = Object.keys(words) as (keyof typeof words)[]
const kLabelWidth = 'incident'.length
/** As many names as fit on a line. */
const kMaxNames = 6
const kMaxLine = 400

const states: Readonly<Record<string, string>> = {
  open: 'open: something is down, or is being restarted',
  recovering: 'recovering: all are up again, and watched for a while',
  gave_up: 'gave up: nothing starts it again, somebody has to act',
}

/** Leaves out failed units that are told of as part of an incident. */
export function standingAlone(concerns: readonly ConcernReport[]): readonly ConcernReport[] {
  const scoped = (unit: string, { scope = 'system' }: ConcernReport): string => `${scope} ${unit}`
  const members = new Set(
    concerns
      .filter(({ kind }) => kind === 'incident')
      .flatMap((one) => [one.unit, ...namesOf(one, attr.incidentFailed)].map((unit) => scoped(unit, one))),
  )
  return concerns.filter((one) => one.kind !== 'failed_unit' || !members.has(scoped(one.unit, one)))
}

/** What is the case, for a person: a few lines for each. */
export function incidentsText(report: StatusReport, output: Output, nowMs: number): string {
  const { concerns, concerns_omitted: omitted } = report
  const found = concerns.toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind))
  const blocks = found.map((concern) => block(concern, output, nowMs))
  return [
    ...doubts(report, output),
    found.length === 0 ? good(output, 'nothing is broken: no incident, no pattern, no failed unit') : tally(concerns),
    ...blocks,
    ...(omitted === 0 ? [] : ['', `and ${omitted.toLocaleString('en-US')} more`]),
    '',
  ].join('\n')
}

/** `2 incidents, 1 pattern`; empty where there is nothing. */
export function tally(concerns: readonly ConcernReport[]): string {
  return kinds
    .flatMap((kind) => {
      const count = concerns.filter((one) => one.kind === kind).length
      const [one, many] = words[kind].plural
      return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`]
    })
    .join(', ')
}

/** Why the answer may not be all of it. */
function doubts({ components }: StatusReport, output: Output): readonly string[] {
  const isBlind = ({ kind, id, state }: StatusReport['components'][number]): boolean =>
    kind === 'receiver' && typeOf(id) === 'systemd' && state !== 'ok'
  const blind = components
    .filter(isBlind)
    .map(({ id, state, reason = '' }) =>
      warning(output, `receiver ${id} is ${state}, so this may be old: ${printable(reason)}`),
    )
  if (components.some(({ id }) => typeOf(id) === 'incident')) return blind
  return [...blind, warning(output, 'no pipeline of this agent has the processor `incident`: causes are not known')]
}

const typeOf = (id: string): string => id.split('/')[0]!

function block(concern: ConcernReport, output: Output, nowMs: number): string {
  const { kind, severity, text } = concern
  const color = severity === 'error' ? sgr.red : severity === 'warn' ? sgr.yellow : sgr.green
  const label = paint(output, color, words[kind].label.padEnd(kLabelWidth))
  const below = details(concern, nowMs).map((line) => `${' '.repeat(kLabelWidth + 2)}${shown(line)}`)
  return ['', `${label}  ${shown(text)}`, ...below].join('\n')
}

function details(concern: ConcernReport, nowMs: number): readonly string[] {
  const { kind, attributes } = concern
  const when = since(concern, nowMs)
  if (kind !== 'incident') return when === '' ? [] : [when]
  const failures = Number(attributes[attr.incidentFailures] ?? 0)
  const units = Number(attributes[attr.incidentUnitCount] ?? 0)
  return [
    states[String(attributes[attr.incidentState])] ?? '',
    [when, `${count(failures, 'failure')}, ${count(units, 'unit')}`].filter((part) => part !== '').join('; '),
    listed('would stop with it', namesOf(concern, attr.impactStop)),
    listed('may work less well', namesOf(concern, attr.impactDegrade)),
    `trace ${String(attributes[attr.incidentId] ?? '')}`,
  ].filter((line) => line !== '')
}

function since({ since: text }: ConcernReport, nowMs: number): string {
  if (text === undefined) return ''
  const ageMs = Math.max(0, nowMs - Date.parse(text))
  const [date, time] = [text.slice(0, 10), text.slice(11, 19)]
  return `since ${date} ${time} UTC, for ${formatDuration(roundedMs(ageMs))}`
}

/** To the second below an hour, to the minute above. */
function roundedMs(ms: number): number {
  const step = ms < 3_600_000 ? 1000 : 60_000
  return Math.floor(ms / step) * step
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en-US')} ${what}${number === 1 ? '' : 's'}`
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

/** What came from elsewhere steers no terminal. */
function shown(text: string): string {
  return clipEnd(printable(text), kMaxLine)
}
