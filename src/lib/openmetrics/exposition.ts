import { flatMapped, type Pausable } from '../../util/pausable.js'
import type { Family, Labels, Sample, SampleExemplar } from './family.js'

/** A text format Prometheus reads. */
export interface Format {
  readonly contentType: string
  readonly openMetrics: boolean
}

export const textFormat: Format = { contentType: 'text/plain; version=0.0.4; charset=utf-8', openMetrics: false }
export const openMetricsFormat: Format = {
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  openMetrics: true,
}

/** Only a scraper that names OpenMetrics 1.0.0 (or no version) in Accept gets it; everybody else reads 0.0.4. */
export function negotiate(accept: string | undefined): Format {
  for (const part of (accept ?? '').split(',')) {
    const [type, ...params] = part.split(';').map((piece) => piece.trim().toLowerCase())
    if (type !== 'application/openmetrics-text') continue
    const version = params.find((p) => p.startsWith('version='))?.slice('version='.length)
    const refused = params.some((p) => /^q=0(\.0*)?$/.test(p))
    if (!refused && (version === undefined || version === '1.0.0')) return openMetricsFormat
  }
  return textFormat
}

/** Longest exemplar label set, names and values together (OpenMetrics 1.0.0, "Exemplars"). */
export const kMaxExemplarChars = 128

/** Writes families, in the order given. The caller sees to it that no two samples have the same name and labels. */
export function* writeExposition(families: readonly Family[], format: Format): Pausable<string> {
  let text = ''
  for (const family of families) {
    text += head(family, format)
    yield* flatMapped(family.samples, (sample) => {
      text += sampleLine(family, sample, format)
      return []
    })
  }
  return format.openMetrics ? `${text}# EOF\n` : text
}

function head({ name, type, help, unit }: Family, { openMetrics }: Format): string {
  // 0.0.4 names the counter by its sample and knows no info type.
  const shown = openMetrics ? name : type === 'counter' ? `${name}_total` : type === 'info' ? `${name}_info` : name
  const told = `# HELP ${shown} ${escapeHelp(help, openMetrics)}\n`
  const typed = `# TYPE ${shown} ${type === 'info' && !openMetrics ? 'gauge' : type}\n`
  const hasUnit = openMetrics && unit !== undefined && name.endsWith(`_${unit}`)
  return told + typed + (hasUnit ? `# UNIT ${shown} ${unit}\n` : '')
}

function sampleLine(family: Family, sample: Sample, format: Format): string {
  const line = `${family.name}${sample.suffix}${labelSet(sample.labels)} ${number(sample.value)}`
  const mayCarry = sample.suffix === '_total' || sample.suffix === '_bucket'
  const carries = format.openMetrics && mayCarry && sample.exemplar !== undefined
  return carries ? `${line}${exemplarText(sample.exemplar)}\n` : `${line}\n`
}

function exemplarText({ labels, value, timeUnixNano }: SampleExemplar): string {
  const seconds = timeUnixNano / 1_000_000_000n
  const millis = String((timeUnixNano % 1_000_000_000n) / 1_000_000n).padStart(3, '0')
  return ` # ${labelSet(labels) || '{}'} ${number(value)} ${seconds}.${millis}`
}

function labelSet(labels: Labels): string {
  if (labels.length === 0) return ''
  return `{${labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',')}}`
}

/** Backslash, quote and newline are escaped; what is not valid UTF-16 becomes U+FFFD, as the page is UTF-8. */
function escapeLabel(value: string): string {
  return wellFormed(value).replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))
}

/** 0.0.4 leaves quotes in HELP alone, OpenMetrics escapes them. */
function escapeHelp(text: string, openMetrics: boolean): string {
  const escaped = wellFormed(text).replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'))
  return openMetrics ? escaped.replaceAll('"', '\\"') : escaped
}

function wellFormed(text: string): string {
  return /[\ud800-\udfff]/.test(text) ? Buffer.from(text, 'utf8').toString('utf8') : text
}

/** A double as both formats read it. */
export function number(value: number | bigint): string {
  if (typeof value === 'bigint') return String(value)
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}

/** A bucket bound as `le`: OpenMetrics wants `1.0`, and the same text in both formats keeps series from splitting. */
export function bucketBound(bound: number): string {
  const text = number(bound)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
