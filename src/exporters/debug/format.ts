import { type Batch, countItems, emptyBatch, type Items, itemsOf } from '../../data/batch.js'
import { type RawEvent, Severity } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type { Span } from '../../data/span.js'
import { attr } from '../../lib/systemd/names.js'
import { clipEnd, clipMiddle, pad, printable } from '../../lib/terminal/printable.js'
import type { Style, Tone } from '../../lib/terminal/style.js'
import type { Config } from './config.js'
import { attributeLines, metricLines, spanLines } from './detail-lines.js'
import { eventDetail, eventVerb } from './event-words.js'

/** One piece of output (several lines in detailed) and how many items it shows. */
export interface Piece {
  readonly text: string
  readonly items: Items
}

export type Formatter = (batch: Batch, nowUnixNano: bigint) => Iterable<Piece>

// Columns of a line: time, unit, what happened, details. Wide enough for systemd-journal-flush.service and for "crash
// loop detected"; a fixed grid, because one that adapts makes the eye search again on every line.
const kUnitColumns = 32
/** `┄ restart delay 12.345s`: the longest of what is usual, so that no length of time is cut. */
const kVerbColumns = 24
/** Digits of a run's ID where nobody is expected to look it up. */
const kShortRun = 8
/** A line never floods the screen, whatever a body or a unit's name holds. */
const kMaxDetail = 300

interface Level {
  readonly mark: string
  readonly tone: Tone
}
const debug: Level = { mark: '·', tone: 'dim' }
const info: Level = { mark: '•', tone: 'green' }
const warn: Level = { mark: '!', tone: 'yellow' }
const error: Level = { mark: '✗', tone: 'red' }

/** By ranges of four, as OTLP's severity numbers have them; 0 says none. */
function levelOf({ severity }: RawEvent): Level {
  if (severity >= 17) return error
  if (severity >= 13) return warn
  return severity >= 9 || severity === 0 ? info : debug
}

export function createFormatter(verbosity: Config['verbosity'], style: Style): Formatter {
  return function* (batch, nowUnixNano) {
    if (verbosity === 'basic') {
      yield { text: `${style('dim', localTime(nowUnixNano))}  ${counts(batch)}`, items: itemsOf(batch) }
      return
    }
    const detailed = verbosity === 'detailed'
    for (const event of batch.events) {
      const more = detailed ? attributeLines(event.attributes, style) : []
      yield { text: [eventLine(event, style), ...more].join('\n'), items: { logs: 1 } }
    }
    if (detailed)
      for (const span of batch.spans)
        yield { text: [spanLine(span, [], style), ...spanLines(span, style)].join('\n'), items: { traces: 1 } }
    else
      for (const [span, phases] of withPhases(batch.spans))
        yield { text: spanLine(span, phases, style), items: { traces: 1 + phases.length } }
    if (batch.metrics.length > 0) {
      const more = detailed ? metricLines(batch.metrics, style) : []
      const items = countItems({ ...emptyBatch, metrics: batch.metrics })
      yield {
        text: [metricsLine(batch.metrics, items, nowUnixNano, style), ...more].join('\n'),
        items: { metrics: items },
      }
    }
  }
}

function eventLine(event: RawEvent, style: Style): string {
  const unit = event.attributes[attr.unit] ?? event.resource.attributes[attr.unit]
  const subject = String(unit ?? event.resource.attributes['service.name'] ?? event.resource.key)
  const { mark, tone } = levelOf(event)
  const verb = `${mark} ${printable(eventVerb(event))}`
  const detail = withoutSubject(eventDetail(event), subject)
  // What went wrong is looked up next: `journalctl _SYSTEMD_INVOCATION_ID=` takes nothing but the whole ID.
  const id = event.severity >= Severity.error ? event.traceId : event.traceId?.slice(0, kShortRun)
  const run = id === undefined ? undefined : `${traceWord(event)} ${id}`
  return line(style, event.timeUnixNano, subject, verb, tone, detail, run)
}

/** Each span with its children of the same batch: a run's phases say more in its line than below it. */
function withPhases(spans: readonly Span[]): readonly (readonly [Span, Span[]])[] {
  const idOf = (span: Span, spanId = span.spanId): string => `${span.traceId}/${spanId}`
  const lines = spans.filter((span) => span.parentSpanId === undefined).map((span) => [span, [] as Span[]] as const)
  const phasesOf = new Map(lines.map(([span, phases]) => [idOf(span), phases]))
  for (const span of spans) {
    if (span.parentSpanId === undefined) continue
    const phases = phasesOf.get(idOf(span, span.parentSpanId))
    if (phases === undefined) lines.push([span, []])
    else phases.push(span)
  }
  return lines
}

/** `run 703ms`, then `failed: exit-code 3`, then `start 14ms, running 689ms` where there is more than one phase. */
function spanLine(span: Span, phases: readonly Span[], style: Style): string {
  const subject = String(span.resource.attributes['service.name'] ?? span.resource.key)
  const failed = span.status.code === 'error'
  const failure = failed ? ['failed', span.status.message].filter(Boolean).join(': ') : ''
  const parts = phases.length < 2 ? '' : phases.map((phase) => timed(phase, subject)).join(', ')
  const detail = [failure, parts].filter(Boolean).join(' · ')
  const verb = `┄ ${timed(span, subject)}`
  return line(
    style,
    span.endTimeUnixNano,
    subject,
    verb,
    failed ? 'red' : 'cyan',
    detail,
    `${traceWord(span)} ${span.traceId.slice(0, kShortRun)}`,
  )
}

/** Whose trace it is: an incident's has its ID. */
function traceWord({ attributes, traceId }: Pick<Span, 'attributes'> & { readonly traceId?: string }): string {
  return traceId !== undefined && attributes[attr.incidentId] === traceId ? 'incident' : 'run'
}

/**
 * Name and length; the subject already stands in front. Without a length where the span has none: its beginning was not seen,
 * or it marks a moment, as the failure that an incident begins with.
 */
function timed({ name, startTimeUnixNano, endTimeUnixNano }: Span, subject: string): string {
  const words = printable(withoutSubject(name.replace(/^incident: .*/, 'incident'), subject))
  const took = endTimeUnixNano - startTimeUnixNano
  return took > 0n ? `${words} ${duration(took)}` : words
}

function withoutSubject(text: string, subject: string): string {
  return text.startsWith(`${subject} `) ? text.slice(subject.length + 1) : text
}

function metricsLine(metrics: readonly Metric[], points: number, now: bigint, style: Style): string {
  const resources = new Set(metrics.map((metric) => metric.resource)).size
  const names = new Set(metrics.map((metric) => metric.name)).size
  const what = [plural(points, 'point'), plural(names, 'metric'), plural(resources, 'resource')].join(' · ')
  return style('dim', `${localTime(now)}  ${pad('metrics', kUnitColumns)}  ${what}`)
}

function line(
  style: Style,
  time: bigint,
  subject: string,
  verb: string,
  tone: Tone,
  detail: string,
  trace: string | undefined,
): string {
  const run = trace === undefined ? '' : style('dim', `${detail === '' ? '' : ' · '}${trace}`)
  const head = `${style('dim', localTime(time))}  ${pad(clipMiddle(printable(subject), kUnitColumns), kUnitColumns)}`
  const clippedVerb = clipEnd(verb, kVerbColumns)
  const rest = clipEnd(printable(detail), kMaxDetail) + run
  if (rest === '') return `${head}  ${style(tone, clippedVerb)}`
  return `${head}  ${style(tone, clippedVerb)}${' '.repeat(kVerbColumns - [...clippedVerb].length)}  ${rest}`
}

function counts(batch: Batch): string {
  const points = countItems({ ...emptyBatch, metrics: batch.metrics })
  return [plural(batch.events.length, 'event'), plural(points, 'point'), plural(batch.spans.length, 'span')].join(' · ')
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Local wall time with milliseconds, as journalctl -o short-precise would show it. */
function localTime(unixNano: bigint): string {
  const date = new Date(Number(unixNano / 1_000_000n))
  const two = (n: number): string => String(n).padStart(2, '0')
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

/** `412us`, `38.1ms`, `1.204s`, `5m03s`, `2h15m`. */
function duration(nanos: bigint): string {
  const ms = Number(nanos) / 1e6
  if (ms < 1) return `${Math.round(ms * 1000)}us`
  if (ms < 1000) return `${ms.toPrecision(3)}ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(3)}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m${String(Math.floor(seconds % 60)).padStart(2, '0')}s`
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`
}
